"""Providers people sign in with, and who they are there."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.auth.people import EMAIL
from crm_core.db.model import Model, Stamp, foreign
from crm_core.db.types import Json, UTCDateTime
from crm_core.features.oauth2.public import ProviderColumns

SECRET = "core.sso.client_secret"  # noqa: S105 - what the seal is bound to


class SsoProvider(ProviderColumns, Stamp, Model):
    """An OpenID Connect provider with discovery.

    role_map: [{"group": …, "role_id": …}]; the group "*" is everybody. email_domains: empty for all.
    trusts_email: its addresses count as verified although it does not say so. second_factor: "provider" when that is
    its business, "own" when ours is asked for after it.
    """

    __tablename__ = "core_sso_provider"

    client_secret: Mapped[str] = mapped_column(sa.Text, default="", info={"sealed": SECRET})
    group_claim: Mapped[str] = mapped_column(sa.String(100), default="")
    role_map: Mapped[list[Any]] = mapped_column(Json(), default=list)
    email_domains: Mapped[list[Any]] = mapped_column(Json(), default=list)
    creates_users: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    links_by_email: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    trusts_email: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    second_factor: Mapped[str] = mapped_column(sa.String(16), default="provider")


class SsoIdentity(Stamp, Model):
    """Who a user is at a provider: issuer and subject never change, the address shown is the last one told."""

    __tablename__ = "core_sso_identity"
    __table_args__ = (sa.UniqueConstraint("issuer", "subject"), sa.UniqueConstraint("user_id", "issuer"))

    provider_id: Mapped[UUID] = foreign("core_sso_provider.id", on_delete="CASCADE", nullable=False)
    issuer: Mapped[str] = mapped_column(sa.String(255))
    subject: Mapped[str] = mapped_column(sa.String(255))
    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False, index=False)
    email: Mapped[str] = mapped_column(sa.String(EMAIL), default="")
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
