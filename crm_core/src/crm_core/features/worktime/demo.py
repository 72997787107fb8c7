"""Sample data, and the calendar that every installation starts with."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.auth.people import User
from crm_core.features.worktime.entities import ABSENCE, WORK_CALENDAR
from crm_core.features.worktime.models import WorkCalendar

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

USUAL = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "09:00-17:00")


async def load_default(uow: UnitOfWork) -> None:
    """Make the organisation's calendar unless there is one: Monday to Friday, nine to five."""
    if await uow.session.scalar(sa.select(WorkCalendar.id).where(WorkCalendar.is_default).limit(1)) is None:
        uow.session.add(WorkCalendar(name="Standard", zone="UTC", is_default=True, **USUAL))


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make a calendar with lunch and holidays, and two people who are away."""
    from crm_core.entity import records

    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday"), "09:00-12:30, 13:15-17:30")
    values = {
        "name": "München", "zone": "Europe/Berlin", "country": "DE", "subdivision": "BY", "friday": "09:00-15:00",
        **week, "days": [{"day": f"{as_of.year}-12-24", "hours": "09:00-12:00", "label": "Heiligabend"}],
    }  # fmt: skip
    await records.create(uow, WORK_CALENDAR, values, trusted=True)
    users = list(await uow.session.scalars(sa.select(User.id).where(User.is_active).order_by(User.id).limit(4)))
    start = datetime.combine(as_of, time(0), UTC)
    for n, (user, note) in enumerate(zip(users[2:], ("Summer holiday", "Fortbildung"), strict=False)):
        away = {"starts_at": start + timedelta(days=7 + n * 10), "ends_at": start + timedelta(days=12 + n * 10)}
        more = {"owner_id": user, "deputy_id": users[n], "note": note, "kind": ("vacation", "training")[n]}
        await records.create(uow, ABSENCE, {**away, **more}, trusted=True)
