"""What holds for every company: the companies above it make no circle, and not too long a line."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity.inserts import send
from crm_core.errors import Invalid
from crm_core.features.companies.models import Company
from crm_core.plugin import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
LEVELS = 10
"""Companies in a line from the topmost one down."""
LOCK = 0x63_6F_6D_70  # "comp": whoever changes the tree waits for whoever changes it now


class CompanyCircle(Invalid):
    """A company would be above itself."""


class TooManyLevels(Invalid):
    """The line of companies would be longer than `LEVELS`."""


async def validate(uow: UnitOfWork, company: Company, changed: frozenset[str]) -> None:
    """Check the place in the tree when it changes."""
    if "parent_id" not in changed or company.parent_id is None:
        return
    if company.parent_id == company.id:
        raise _circle()
    await send(uow)  # companies made in this transaction have to be there to be asked for
    await _hold(uow)
    above = await _above(uow, company)
    if len(above) + await _height(uow, company.id) > LEVELS:
        text = _("At most {count} companies stand one above the other.", count=LEVELS)
        raise TooManyLevels(text, fields={"parent_id": text})


def _circle() -> CompanyCircle:
    text = _("A company cannot be above itself.")
    return CompanyCircle(text, fields={"parent_id": text})


async def _hold(uow: UnitOfWork) -> None:
    """Let one transaction at a time change the tree: two that each see only their own half could close a circle."""
    uow.demand_write()
    if uow.db.sqlite:
        uow.session.sync_session.info["hold"].mark()  # the lock is the writer's
    else:
        await uow.session.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))


async def _above(uow: UnitOfWork, company: Company) -> list[UUID]:
    """Return the companies above, the nearest first, those in the trash too: they can come back. CompanyCircle."""
    pending = {c.id: c.parent_id for c in uow.session.dirty if isinstance(c, Company)}
    found: list[UUID] = []
    at = company.parent_id
    while at is not None and len(found) <= LEVELS:
        if at == company.id or at in found:
            raise _circle()
        found.append(at)
        parent = sa.select(Company.parent_id).where(Company.id == at)
        at = pending[at] if at in pending else await uow.session.scalar(parent)
    return found


async def _height(uow: UnitOfWork, key: UUID | None) -> int:
    """Return how many levels a company and those below it make."""
    if key is None:
        return 1
    table = Company.__table__
    below = sa.select(table.c.id, sa.literal(1).label("level")).where(table.c.id == key).cte("below", recursive=True)
    under = table.alias()
    step = sa.select(under.c.id, below.c.level + 1).where(under.c.parent_id == below.c.id, below.c.level <= LEVELS)
    below = below.union_all(step)
    return await uow.session.scalar(sa.select(sa.func.max(below.c.level))) or 1
