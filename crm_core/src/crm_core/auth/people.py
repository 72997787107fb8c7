"""Tables of people and what they may do: users, teams (a tree), roles with their grants, shares."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, Stamp, folded, foreign
from crm_core.db.types import ENTITY_NAME, Id, UTCDateTime, utcnow

EMAIL = 254  # RFC 5321 path without the angle brackets


class User(Record, Model):
    """Somebody who signs in. The password lives in `Password`, so that no list or event can carry it."""

    __tablename__ = "core_user"
    __table_args__ = (
        sa.Index(
            "uq_core_user_email", "email_f", unique=True,
            sqlite_where=sa.text("deleted_at is null"), postgresql_where=sa.text("deleted_at is null"),
        ),
        sa.Index("ix_core_user_name_f", "name_f", "id"),
    )  # fmt: skip

    name: Mapped[str] = mapped_column(sa.String(255))
    name_f: Mapped[str] = folded("name")
    email: Mapped[str] = mapped_column(sa.String(EMAIL))
    email_f: Mapped[str] = folded("email", EMAIL)
    job_title: Mapped[str] = mapped_column(sa.String(255), default="")
    phone: Mapped[str] = mapped_column(sa.String(64), default="")
    locale: Mapped[str] = mapped_column(sa.String(16), default="en")
    zone: Mapped[str] = mapped_column(sa.String(64), default="UTC")
    is_active: Mapped[bool] = mapped_column(sa.Boolean, default=True)


class Password(Model):
    """The Argon2id hash of a user's password; no row means that nobody can sign in with one."""

    __tablename__ = "core_password"

    user_id: Mapped[UUID] = mapped_column(Id(), sa.ForeignKey("core_user.id", ondelete="CASCADE"), primary_key=True)
    hash: Mapped[str] = mapped_column(sa.String(255))
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime(), default=utcnow)


class Team(Record, Model):
    """A node in the tree of teams; scope "team" reaches the teams below too."""

    __tablename__ = "core_team"
    __table_args__ = (
        sa.Index(
            "uq_core_team_name", "name_f", unique=True,
            sqlite_where=sa.text("deleted_at is null"), postgresql_where=sa.text("deleted_at is null"),
        ),
    )  # fmt: skip

    name: Mapped[str] = mapped_column(sa.String(255))
    name_f: Mapped[str] = folded("name")
    description: Mapped[str] = mapped_column(sa.Text, default="")
    parent_id: Mapped[UUID | None] = foreign("core_team.id")


class TeamMember(Stamp, Model):
    """A user's membership; the primary one gives new records their team."""

    __tablename__ = "core_team_member"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "team_id"),
        sa.Index(
            "uq_core_team_member_primary", "user_id", unique=True,
            sqlite_where=sa.text("is_primary"), postgresql_where=sa.text("is_primary"),
        ),
    )  # fmt: skip

    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False, index=False)
    team_id: Mapped[UUID] = foreign("core_team.id", on_delete="CASCADE", nullable=False)
    is_primary: Mapped[bool] = mapped_column(sa.Boolean, default=False)


class Role(Record, Model):
    """A named set of grants. `key` is the stable name of roles made at installation.

    second_factor: who holds the role signs in with one.
    """

    __tablename__ = "core_role"
    __table_args__ = (
        sa.Index(
            "uq_core_role_name", "name_f", unique=True,
            sqlite_where=sa.text("deleted_at is null"), postgresql_where=sa.text("deleted_at is null"),
        ),
    )  # fmt: skip

    name: Mapped[str] = mapped_column(sa.String(255))
    name_f: Mapped[str] = folded("name")
    key: Mapped[str | None] = mapped_column(sa.String(64), unique=True, default=None)
    description: Mapped[str] = mapped_column(sa.Text, default="")
    everything: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    second_factor: Mapped[bool] = mapped_column(sa.Boolean, default=False, server_default=sa.false())


class RoleGrant(Stamp, Model):
    """One right of a role: `name` is "<entity>.<verb>" with a scope, or a permission with scope "all".

    Names that no loaded plugin declares are kept and count for nothing.
    """

    __tablename__ = "core_role_grant"
    __table_args__ = (sa.UniqueConstraint("role_id", "name"),)

    role_id: Mapped[UUID] = foreign("core_role.id", on_delete="CASCADE", nullable=False, index=False)
    name: Mapped[str] = mapped_column(sa.String(128))
    scope: Mapped[str] = mapped_column(sa.String(8), default="all")


class RoleField(Stamp, Model):
    """A field that a role bars: level "hidden" (not read, not written) or "locked" (not written)."""

    __tablename__ = "core_role_field"
    __table_args__ = (sa.UniqueConstraint("role_id", "entity", "field"),)

    role_id: Mapped[UUID] = foreign("core_role.id", on_delete="CASCADE", nullable=False, index=False)
    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    field: Mapped[str] = mapped_column(sa.String(64))
    level: Mapped[str] = mapped_column(sa.String(8), default="hidden")


class UserRole(Stamp, Model):
    """A role held by a user."""

    __tablename__ = "core_user_role"
    __table_args__ = (sa.UniqueConstraint("user_id", "role_id"),)

    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False, index=False)
    role_id: Mapped[UUID] = foreign("core_role.id", on_delete="CASCADE", nullable=False)


class KnownGrant(Model):
    """Entities and permissions whose default grants were made; later changes by people stay as they are."""

    __tablename__ = "core_role_known"

    name: Mapped[str] = mapped_column(sa.String(128), primary_key=True)


def _unique_share(holder: str) -> sa.Index:
    where = sa.text(f"{holder} is not null")
    name = f"uq_core_share_{holder.removesuffix('_id')}"
    return sa.Index(name, "entity", "record_id", holder, unique=True, sqlite_where=where, postgresql_where=where)


class Share(Stamp, Model):
    """A single record opened to one user or one team: level "read" or "edit"."""

    __tablename__ = "core_share"
    __table_args__ = (
        _unique_share("user_id"),
        _unique_share("team_id"),
        sa.CheckConstraint("(user_id is null) <> (team_id is null)", name="one_holder"),
    )

    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID] = mapped_column(Id())
    user_id: Mapped[UUID | None] = foreign("core_user.id", on_delete="CASCADE")
    team_id: Mapped[UUID | None] = foreign("core_team.id", on_delete="CASCADE")
    level: Mapped[str] = mapped_column(sa.String(8), default="read")
