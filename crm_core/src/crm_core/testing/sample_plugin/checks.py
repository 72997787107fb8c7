"""What `crm doctor` looks at, what is deleted after a time, and what templates may say about a visit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.plugin import Retention, Strings
from crm_core.testing.sample_plugin.entities import DONE
from crm_core.testing.sample_plugin.entities import MISSED as MISSED_VISIT
from crm_core.testing.sample_plugin.models import Visit

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings(__package__)


class VisitsWithoutLength(Exception):
    """Some finished visits have no minutes, so sums are wrong."""


async def lengths(uow: UnitOfWork) -> None:
    """Raise VisitsWithoutLength when a finished visit has no minutes."""
    wrong = sa.select(sa.func.count()).where(Visit.outcome == DONE, Visit.minutes.is_(None), Visit.deleted_at.is_(None))
    if count := await uow.session.scalar(wrong):
        raise VisitsWithoutLength(f"{count} finished visits have no minutes")


async def length_in_words(uow: UnitOfWork, visit: Visit) -> str:
    """Return the length of a visit as hours and minutes, "1:30"."""
    return f"{(visit.minutes or 0) // 60}:{(visit.minutes or 0) % 60:02}"


def _missed(before: datetime) -> tuple[Any, ...]:
    return (Visit.outcome == MISSED_VISIT, Visit.updated_at < before)


async def count_missed(uow: UnitOfWork, before: datetime) -> int:
    """Return how many missed visits were last changed before an instant."""
    return await uow.session.scalar(sa.select(sa.func.count()).where(*_missed(before))) or 0


async def delete_missed(uow: UnitOfWork, before: datetime, limit: int) -> int:
    """Delete at most `limit` of them."""
    some = sa.select(Visit.id).where(*_missed(before)).limit(limit)
    done = await uow.session.execute(sa.delete(Visit).where(Visit.id.in_(some)))
    return int(done.rowcount)  # type: ignore[attr-defined]  # a cursor result


MISSED = Retention(
    name="sample.missed_visits", label=_("Missed visits"), days=0, count=count_missed, delete=delete_missed
)
