"""Pools, their members, what turns they had, and receipts of what was assigned."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, Stamp, folded, foreign
from crm_core.db.types import ENTITY_NAME, Id, Json


class Pool(Record, Model):
    """People among whom records are shared out. The owner hears when nobody could take one.

    entity: kind of records; where: filter of those it takes. counted_entity, counted_where: the open records that
    make up a member's load. skills: what everybody needs, "german:2, billing".
    """

    __tablename__ = "core_pool"

    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name", 100)
    strategy: Mapped[str] = mapped_column(sa.String(16), default="round_robin")
    entity: Mapped[str] = mapped_column(ENTITY_NAME, default="core.lead")
    where: Mapped[str] = mapped_column(sa.Text, default="")
    counted_entity: Mapped[str] = mapped_column(ENTITY_NAME, default="")
    counted_where: Mapped[str] = mapped_column(sa.Text, default="")
    skills: Mapped[str] = mapped_column(sa.String(500), default="")
    in_hours: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    is_active: Mapped[bool] = mapped_column(sa.Boolean, default=True)
    is_automatic: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    fallback_user_id: Mapped[UUID | None] = foreign("core_user.id", index=False, default=None)
    fallback_pool_id: Mapped[UUID | None] = foreign("core_pool.id", index=False, default=None)


class PoolMember(Stamp, Model):
    """One user of a pool. capacity: most open records, None for any number. skills: "german:3, billing:1".

    where: filter of the records this member takes, all when empty.
    """

    __tablename__ = "core_pool_member"
    __table_args__ = (sa.UniqueConstraint("pool_id", "user_id"),)

    pool_id: Mapped[UUID] = foreign("core_pool.id", on_delete="CASCADE", nullable=False, index=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False)
    weight: Mapped[int] = mapped_column(sa.Integer, default=1)
    capacity: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    skills: Mapped[str] = mapped_column(sa.String(500), default="")
    where: Mapped[str] = mapped_column(sa.Text, default="")
    is_paused: Mapped[bool] = mapped_column(sa.Boolean, default=False)


class PoolTurn(Model):
    """How many records a pool has given out. Raising it lets one assignment of the pool go on at a time."""

    __tablename__ = "core_pool_turn"

    pool_id: Mapped[UUID] = foreign("core_pool.id", on_delete="CASCADE", nullable=False, index=False, primary_key=True)
    turn: Mapped[int] = mapped_column(sa.BigInteger, default=0)


class MemberTurn(Model):
    """A member's last turn, and the running balance of the weighted strategy. Kept when the member is edited."""

    __tablename__ = "core_pool_member_turn"

    pool_id: Mapped[UUID] = foreign("core_pool.id", on_delete="CASCADE", nullable=False, index=False, primary_key=True)
    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False, index=False, primary_key=True)
    turn: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    balance: Mapped[int] = mapped_column(sa.BigInteger, default=0)


class Assignment(Stamp, Model):
    """The receipt of one assignment. candidates: every member with why not, or that it was them."""

    __tablename__ = "core_assignment"
    __table_args__ = (sa.Index("ix_core_assignment_record", "entity", "record_id", "created_at"),)

    pool_id: Mapped[UUID | None] = foreign("core_pool.id", default=None)
    pool_name: Mapped[str] = mapped_column(sa.String(100))
    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID] = mapped_column(Id())
    user_id: Mapped[UUID | None] = foreign("core_user.id", default=None)
    strategy: Mapped[str] = mapped_column(sa.String(16))
    outcome: Mapped[str] = mapped_column(sa.String(16))
    actor: Mapped[str] = mapped_column(sa.String(255), default="")
    candidates: Mapped[list[Any]] = mapped_column(Json(), default=list)
