"""Which amounts follow the exchange rates, and how far their valuing is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity import fields as f
from crm_core.jobs.rows import JobRow
from crm_core.plugin import Entity

if TYPE_CHECKING:
    from crm_core.plugin.registry import Registry
    from crm_core.uow import UnitOfWork


def lane(currency: str) -> str:
    """Return the lane in which the amounts of a currency are valued: one job after the other."""
    return f"core.revalue:{currency}"


def money_fields(registry: Registry) -> Iterator[tuple[Entity, f.Money]]:
    """Return every amount that records have."""
    for entity in registry.entities.values():
        for field in entity.fields:
            if isinstance(field, f.Money):
                yield entity, field


def following(entity: Entity, field: f.Money, currency: str) -> sa.ColumnElement[bool]:
    """Return the condition of amounts in a currency that follow its rates: those without a day, and those never valued.

    Records in the trash follow too, so that one that is restored has the right worth.
    """
    table: Any = entity.model.__table__
    found = sa.and_(table.c[f"{field.name}_currency"] == currency, table.c[field.name].is_not(None))
    if field.date_field:
        found &= sa.or_(table.c[field.date_field].is_(None), table.c[f"{field.name}_base"].is_(None))
    return found


async def count_following(uow: UnitOfWork, currency: str) -> int:
    """Return how many amounts in a currency follow its rates."""
    total = 0
    for entity, field in money_fields(uow.registry):
        wanted = sa.select(sa.func.count()).select_from(entity.model).where(following(entity, field, currency))
        total += await uow.session.scalar(wanted) or 0
    return total


async def valuing(uow: UnitOfWork, currency: str) -> JobRow | None:
    """Return the job that values the amounts of a currency, or did so last; None if there was none."""
    wanted = sa.select(JobRow).where(JobRow.lane == lane(currency)).order_by(JobRow.created_at.desc(), JobRow.id.desc())
    found: JobRow | None = await uow.session.scalar(wanted.limit(1))
    return found
