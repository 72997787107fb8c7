"""Providers of accounts, and the accounts people have connected."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp, foreign
from crm_core.db.types import Id, Json, UTCDateTime, utcnow
from crm_core.features.oauth2.public import ProviderColumns

SECRET = "core.connection.client_secret"  # noqa: S105 - what the seal is bound to
TOKEN = "core.connection.token"  # noqa: S105
BOUND = ("id", "provider")
"""Columns whose values a token's seal is bound to as well: moved to another account or provider it does not open."""


class ConnectionProvider(ProviderColumns, Stamp, Model):
    """Where accounts can be connected. kind: "google", "microsoft" or "oauth2"; endpoints, where discovery has none."""

    __tablename__ = "core_connection_provider"

    kind: Mapped[str] = mapped_column(sa.String(16))
    client_secret: Mapped[str] = mapped_column(sa.Text, default="", info={"sealed": SECRET})
    authorization_endpoint: Mapped[str] = mapped_column(sa.String(255), default="")
    token_endpoint: Mapped[str] = mapped_column(sa.String(255), default="")
    userinfo_endpoint: Mapped[str] = mapped_column(sa.String(255), default="")
    revocation_endpoint: Mapped[str] = mapped_column(sa.String(255), default="")


class Connection(Stamp, Model):
    """One account of one user. state: connected, reconnect (the person has to allow access again), revoked.

    provider: the provider's key. subject: who the account is there, for ever; address: how people know it.
    refreshing, refreshing_until: the one process that may refresh the token now, and until when.
    """

    __tablename__ = "core_connection"
    __table_args__ = (sa.UniqueConstraint("user_id", "provider", "subject"),)

    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False, index=False)
    provider: Mapped[str] = mapped_column(sa.String(32), index=True)
    subject: Mapped[str] = mapped_column(sa.String(255))
    address: Mapped[str] = mapped_column(sa.String(254), default="")
    scopes: Mapped[list[Any]] = mapped_column(Json(), default=list)
    access_token: Mapped[str] = mapped_column(sa.Text, default="", info={"sealed": TOKEN, "bound": BOUND})
    refresh_token: Mapped[str] = mapped_column(sa.Text, default="", info={"sealed": TOKEN, "bound": BOUND})
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    state: Mapped[str] = mapped_column(sa.String(16), default="connected")
    last_error: Mapped[str] = mapped_column(sa.String(255), default="")
    refreshing: Mapped[UUID | None] = mapped_column(Id(), default=None)
    refreshing_until: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    connected_at: Mapped[datetime] = mapped_column(UTCDateTime(), default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime(), default=utcnow)
