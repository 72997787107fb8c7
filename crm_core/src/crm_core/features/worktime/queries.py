"""Calendars from the database, compiled once per change; who has which; who is away."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from crm_core.auth.people import Team, TeamMember, User
from crm_core.db.tables import Epoch
from crm_core.errors import Conflict
from crm_core.features.worktime import hours
from crm_core.features.worktime.calendar import Calendar
from crm_core.features.worktime.models import Absence, FeedDay, WorkCalendar, WorkDay, WorkUse
from crm_core.i18n import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
EPOCH = "worktime"
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_compiled: WeakKeyDictionary[Any, dict[UUID, tuple[int, Calendar]]] = WeakKeyDictionary()


class NoCalendar(Conflict):
    """Neither the user, nor their teams, nor the organisation has a calendar."""


def public_holidays(country: str, subdivision: str, year: int) -> Mapping[date, str]:
    """Return the public holidays of a year; the package is imported at the first question."""
    import holidays

    return holidays.country_holidays(country, subdiv=subdivision or None, years=year)


async def load(uow: UnitOfWork, calendar_id: UUID) -> Calendar:
    """Return a calendar, compiled; the copy is kept until the epoch of this transaction's view is another."""
    at = await uow.session.scalar(sa.select(Epoch.value).where(Epoch.name == EPOCH)) or 0
    kept = _compiled.setdefault(uow.kernel, {})
    own = uow.session.sync_session.info.get(EPOCH)  # changed here: what is read may yet be rolled back
    found = kept.get(calendar_id)
    if found is not None and found[0] == at and not own:
        return found[1]
    made = await _load(uow, calendar_id)
    if not own:
        kept[calendar_id] = (at, made)
    return made


async def _load(uow: UnitOfWork, calendar_id: UUID) -> Calendar:
    row = await uow.session.get(WorkCalendar, calendar_id)
    if row is None or row.deleted_at is not None:
        raise NoCalendar(_("There is no such calendar."))
    days = (await uow.session.scalars(sa.select(WorkDay).where(WorkDay.calendar_id == calendar_id))).all()
    fed = (await uow.session.scalars(sa.select(FeedDay).where(FeedDay.calendar_id == calendar_id))).all()
    off = {x.day: x.label for x in fed}
    country, subdivision = row.country, row.subdivision

    def holidays(year: int) -> Mapping[date, str]:
        return {**(public_holidays(country, subdivision, year) if country else {}), **off}

    return Calendar(
        name=row.name, zone=ZoneInfo(row.zone), week=tuple(hours.parse(getattr(row, n)) for n in WEEK),
        overrides={x.day: hours.parse(x.hours) for x in days}, holidays=holidays,
    )  # fmt: skip


async def calendar_id_of(uow: UnitOfWork, *, user_id: UUID | None = None, team_id: UUID | None = None) -> UUID:
    """Return the calendar of a user: their own, else that of their primary team or the nearest team above it, else
    the organisation's. NoCalendar when there is none."""
    live = WorkCalendar.deleted_at.is_(None)
    uses = sa.select(WorkUse.calendar_id).join(WorkCalendar, WorkCalendar.id == WorkUse.calendar_id).where(live)
    if user_id is not None:
        if found := await uow.session.scalar(uses.where(WorkUse.user_id == user_id)):
            return found
        primary = sa.select(TeamMember.team_id).where(TeamMember.user_id == user_id, TeamMember.is_primary)
        team_id = team_id or await uow.session.scalar(primary)
    if team_id is not None and (found := await _of_team(uow, team_id)):
        return found
    found = await uow.session.scalar(sa.select(WorkCalendar.id).where(live, WorkCalendar.is_default))
    if found is None:
        raise NoCalendar(_("No calendar of working time is the organisation's. Mark one as such."))
    return found


async def _of_team(uow: UnitOfWork, team_id: UUID) -> UUID | None:
    wanted = sa.select(WorkUse.team_id, WorkUse.calendar_id).join(WorkCalendar).where(WorkUse.team_id.is_not(None))
    given = {r[0]: r[1] for r in await uow.session.execute(wanted.where(WorkCalendar.deleted_at.is_(None)))}
    if not given:
        return None
    parents = {r[0]: r[1] for r in await uow.session.execute(sa.select(Team.id, Team.parent_id))}
    at: UUID | None = team_id
    seen: set[UUID] = set()
    while at is not None and at not in seen:
        if at in given:
            return given[at]
        seen.add(at)
        at = parents.get(at)
    return None


async def absences(uow: UnitOfWork, at: datetime) -> dict[UUID, list[Absence]]:
    """Return who is away at an instant with their absences, the latest begun first."""
    wanted = sa.select(Absence).where(
        Absence.starts_at <= at, Absence.ends_at > at, Absence.deleted_at.is_(None), Absence.owner_id.is_not(None)
    )
    found: dict[UUID, list[Absence]] = {}
    for row in await uow.session.scalars(wanted.order_by(Absence.starts_at.desc(), Absence.id)):
        if row.owner_id is not None:
            found.setdefault(row.owner_id, []).append(row)
    return found


async def deputy_of(uow: UnitOfWork, user_id: UUID, at: datetime) -> UUID | None:
    """Return the first of a chain of deputies who is there; see `public.deputy_of`."""
    away = await absences(uow, at)
    if user_id not in away:
        return None
    named = {x.deputy_id for rows in away.values() for x in rows if x.deputy_id}
    able = await active(uow, named)
    seen, waiting = {user_id}, [user_id]
    while waiting:
        for row in away.get(waiting.pop(0), []):
            deputy = row.deputy_id
            if deputy is None or deputy in seen:
                continue
            seen.add(deputy)
            if deputy in able and deputy not in away:
                return deputy
            waiting.append(deputy)
    return None


async def active(uow: UnitOfWork, users: Collection[UUID]) -> set[UUID]:
    """Return which of these users are switched on."""
    if not users:
        return set()
    able = sa.select(User.id).where(User.id.in_(users), User.is_active, User.deleted_at.is_(None))
    return set((await uow.session.scalars(able)).all())
