"""The editor of weekly hours, which works without scripts, and a calendar's next days off."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity import access, records
from crm_core.features.worktime import queries, week
from crm_core.features.worktime.calendar import Calendar
from crm_core.features.worktime.models import WorkCalendar
from crm_core.features.worktime.week import DayRow
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
AHEAD = 366
SHOWN = 12


class HoursPages(PageController):
    """Pages below a calendar's own."""

    path = "/work-calendars/{record_id:uuid}"
    permission = "core.work_calendar.read"

    @get("/hours", opt={"permission": "core.work_calendar.edit"})
    async def show(self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        """Show the week."""
        calendar = await _calendar(uow, record_id, "edit")
        rows = week.stored({name: getattr(calendar, name) for name in queries.WEEK})
        return await _editor(request, uow, calendar, rows)

    @post("/hours", status_code=200, opt={"permission": "core.work_calendar.edit"})
    async def change(self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        """Add, remove, copy - the page comes again, nothing is stored - or save."""
        calendar = await _calendar(uow, record_id, "edit")
        posted = await request.form()
        rows, do = week.read(posted), str(posted.get("do") or "save")
        if do != "save":
            return await _editor(request, uow, calendar, week.pressed(rows, do))
        found, good = week.values(rows)
        if not good:
            return await _editor(request, uow, calendar, rows, status=422)
        version = int(str(posted.get("version") or calendar.version))
        await records.update(uow, uow.registry.entity("core.work_calendar"), calendar, found, version=version)
        return await redirect(request, uow, f"/work-calendars/{record_id}", _("Saved."))

    @get("/days-off")
    async def panel(self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        """Answer with the panel of the record: hours of the week, and the next days off."""
        record = await _calendar(uow, record_id)
        calendar = await queries.load(uow, record_id)
        today = uow.now.astimezone(ZoneInfo(record.zone)).date()
        return await page(
            request, uow, "core/_work_days_off.html", minutes=sum(b - a for d in calendar.week for a, b in d),
            days=days_off(calendar, today), path=f"/work-calendars/{record_id}",
            may_edit=uow.actor.may("core.work_calendar.edit"),
        )  # fmt: skip


def days_off(calendar: Calendar, today: date) -> list[tuple[date, str, bool]]:
    """Return the next days that differ from the week: day, name, whether some hours are worked."""
    found = []
    for n in range(AHEAD):
        day = today + timedelta(days=n)
        own, holiday = calendar.overrides.get(day), calendar.holiday(day)
        if own is not None or (holiday and calendar.week[day.weekday()]):
            found.append((day, holiday, bool(own)))
    return found[:SHOWN]


async def _calendar(uow: UnitOfWork, record_id: UUID, verb: str = "read") -> WorkCalendar:
    found: WorkCalendar = await access.get(uow, uow.registry.entity("core.work_calendar"), record_id, verb)
    return found


async def _editor(
    request: AnyRequest, uow: UnitOfWork, calendar: WorkCalendar, rows: list[DayRow], *, status: int = 200
) -> Response[Any]:
    return await page(
        request, uow, "core/work_hours.html", calendar=calendar, rows=rows, status=status,
        minutes=sum(r.minutes or 0 for r in rows),
    )  # fmt: skip
