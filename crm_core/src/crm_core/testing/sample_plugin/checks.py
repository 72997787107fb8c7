"""What `crm doctor` looks at, and what templates may say about a visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.testing.sample_plugin.entities import DONE
from crm_core.testing.sample_plugin.models import Visit

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


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
