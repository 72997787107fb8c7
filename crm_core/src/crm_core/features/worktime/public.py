"""Working time for others: whose hours, how much between two instants, when so much has passed, who stands in.

Whose: `calendar_id`, else the user's calendar, else their team's (or that of a team above), else the organisation's.
Instants are aware; results are UTC. Absences are apart from hours: `is_working` tells the hours, `absent` who is away.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from crm_core.features.worktime import queries
from crm_core.features.worktime.calendar import Calendar, NoWorkingTime, TimeOutOfRange
from crm_core.features.worktime.queries import NoCalendar

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def calendar_of(
    uow: UnitOfWork, *, user_id: UUID | None = None, team_id: UUID | None = None, calendar_id: UUID | None = None
) -> Calendar:
    """Return the compiled calendar; many questions to it need no further query. NoCalendar when there is none."""
    return await queries.load(uow, calendar_id or await queries.calendar_id_of(uow, user_id=user_id, team_id=team_id))


async def is_working(
    uow: UnitOfWork, at: datetime, *, user_id: UUID | None = None, team_id: UUID | None = None,
    calendar_id: UUID | None = None,
) -> bool:  # fmt: skip
    """Return whether an instant lies in the hours."""
    return (await calendar_of(uow, user_id=user_id, team_id=team_id, calendar_id=calendar_id)).is_working(at)


async def add_working_time(
    uow: UnitOfWork, start: datetime, duration: timedelta, *, user_id: UUID | None = None,
    team_id: UUID | None = None, calendar_id: UUID | None = None,
) -> datetime:  # fmt: skip
    """Return the first instant by which so much working time has passed; a negative duration goes back.

    NoWorkingTime (409) names the calendar when it has not enough hours within five years.
    """
    return (await calendar_of(uow, user_id=user_id, team_id=team_id, calendar_id=calendar_id)).add(start, duration)


async def working_time_between(
    uow: UnitOfWork, start: datetime, end: datetime, *, user_id: UUID | None = None, team_id: UUID | None = None,
    calendar_id: UUID | None = None,
) -> timedelta:  # fmt: skip
    """Return the working time from one instant to another; negative when the second is before the first."""
    return (await calendar_of(uow, user_id=user_id, team_id=team_id, calendar_id=calendar_id)).between(start, end)


async def absent(uow: UnitOfWork, users: Collection[UUID], at: datetime) -> set[UUID]:
    """Return which of these users are away at an instant."""
    return (await queries.absences(uow, at)).keys() & set(users)


async def deputy_of(uow: UnitOfWork, user_id: UUID, at: datetime) -> UUID | None:
    """Return who stands in for a user at an instant; None when the user is there, or nobody stands in.

    A deputy who is away too, or switched off, is skipped for the deputy of their absence, without running in circles.
    """
    return await queries.deputy_of(uow, user_id, at)


__all__ = [
    "Calendar", "NoCalendar", "NoWorkingTime", "TimeOutOfRange", "absent", "add_working_time", "calendar_of",
    "deputy_of", "is_working", "working_time_between",
]  # fmt: skip
