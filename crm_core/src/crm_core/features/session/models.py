"""What a user proves besides the password: an authenticator app, and codes for the day it is lost."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Stamp, foreign
from crm_core.db.types import Id, UTCDateTime, utcnow

SEALED = "core.second_factor"


class SecondFactor(Model):
    """The authenticator app of a user (RFC 6238). It counts once `confirmed_at` is set.

    last_step: the 30-second step of the newest code taken; no code up to it is ever taken again.
    """

    __tablename__ = "core_second_factor"

    user_id: Mapped[UUID] = mapped_column(Id(), sa.ForeignKey("core_user.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(sa.String(255), info={"sealed": SEALED})
    created_at: Mapped[datetime] = mapped_column(UTCDateTime(), default=utcnow)
    confirmed_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    last_step: Mapped[int] = mapped_column(sa.BigInteger, default=0)


class RecoveryCode(Stamp, Model):
    """One of ten codes that each replace the app once."""

    __tablename__ = "core_recovery_code"

    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False)
    hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True, info={"secret": True})
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
