"""Columns of a provider we are a client of."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.types import UTCDateTime, utcnow


class ProviderColumns:
    """A provider's name, its discovery (`issuer`), and what it knows us by. scopes: separated by spaces.

    key: its part of our addresses. `client_secret`, sealed for another purpose in each table, is beside these.
    """

    key: Mapped[str] = mapped_column(sa.String(32), unique=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    issuer: Mapped[str] = mapped_column(sa.String(255), default="")
    client_id: Mapped[str] = mapped_column(sa.String(255))
    scopes: Mapped[str] = mapped_column(sa.Text, default="")
    is_active: Mapped[bool] = mapped_column(sa.Boolean, default=True)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime(), default=utcnow)
