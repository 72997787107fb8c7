"""What calendars and absences must be, however they are made or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import sqlalchemy as sa

from crm_core.auth.people import User
from crm_core.errors import Conflict, Invalid
from crm_core.features.organisation.public import Organisation
from crm_core.features.worktime import hours, queries
from crm_core.features.worktime.models import Absence, FeedDay, WorkCalendar, WorkDay, WorkUse
from crm_core.features.worktime.schemas import FetchFeed
from crm_core.i18n import Strings, Text
from crm_core.plugin import Listener
from crm_core.web.choices import named_options

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
CALENDAR = "core.work_calendar"


class CalendarNotValid(Invalid):
    """Hours, zone, country or days that cannot be."""


class AbsenceNotValid(Invalid):
    """An absence that ends before it begins, belongs to nobody, or whose deputy is the one who is away."""


class CalendarInUse(Conflict):
    """The calendar is the organisation's, or that of users or teams."""


async def zones(uow: UnitOfWork, _record: Any) -> list[tuple[str, Text]]:
    """Return the time zones people choose from."""
    return [(o.value, o.label) for o in await named_options(uow, "zone")]


async def countries(uow: UnitOfWork, _record: Any) -> list[tuple[str, Text]]:
    """Return the countries with their names; a few have no public holidays that are known."""
    return [(o.value, o.label) for o in await named_options(uow, "country")]


async def regions(uow: UnitOfWork, record: Any) -> list[tuple[str, str]]:
    """Return the regions with holidays of their own: of the calendar's country, for a new one of the organisation's."""
    country = getattr(record, "country", "") or (await uow.settings(Organisation)).country
    names: dict[str, str] = {}
    for alias, code in _aliases(country).items():
        names.setdefault(code, alias)
    known = _countries().get(country, [])
    return sorted(((code, f"{names[code]} ({code})" if code in names else code) for code in known), key=lambda r: r[1])


def _aliases(country: str) -> dict[str, str]:
    """Return the names of a country's regions with their codes; empty for one without."""
    import holidays

    if country not in _countries():
        return {}
    return dict(getattr(getattr(holidays, country), "subdivisions_aliases", {}))


async def validate_calendar(uow: UnitOfWork, record: WorkCalendar, changed: frozenset[str]) -> None:
    """Write hours in one form, and refuse what cannot be read."""
    errors: dict[str, Text | str] = {}
    for name in queries.WEEK:
        try:
            setattr(record, name, hours.written(hours.parse(getattr(record, name) or "")))
        except ValueError as error:
            errors[name] = _hint(error)
    if record.zone not in available_timezones():
        errors["zone"] = _("There is no such time zone.")
    record.country, record.subdivision = (record.country or "").upper(), (record.subdivision or "").upper()
    if not changed.isdisjoint({"country", "subdivision"}) and record.country:
        errors |= _place(record)
    if errors:
        raise CalendarNotValid(_("Some values are not acceptable."), fields=errors)


def _hint(error: ValueError) -> Text:
    return _("“{text}” are no hours. Write them as 09:00-12:30, 13:15-17:00.", text=str(error)[:40])


def _place(record: WorkCalendar) -> dict[str, Text | str]:
    try:
        queries.public_holidays(record.country, record.subdivision, 2026)
    except NotImplementedError:
        known = _countries().get(record.country)
        if known is None:
            return {"country": _("No public holidays are known for this country.")}
        return {
            "subdivision": _("No public holidays are known for this region. Known: {names}", names=", ".join(known))
        }
    return {}


def _countries() -> dict[str, list[str]]:
    import holidays

    return holidays.list_supported_countries()


async def changed(uow: UnitOfWork, event: Happened) -> None:
    """Check the days and users of a calendar, and drop every process's compiled copy."""
    found: Any = event.record or await uow.session.get(WorkCalendar, event.record_id)
    await _days(uow, found)
    await _uses(uow, found)
    uow.session.sync_session.info[queries.EPOCH] = True
    await uow.raise_epoch(queries.EPOCH)
    if not found.feed_url:  # its days go with it
        await uow.session.execute(sa.delete(FeedDay).where(FeedDay.calendar_id == found.id))
    elif event.kind == "created" or "feed_url" in event.changed:
        await read_feed(uow, found, None)


async def read_feed(uow: UnitOfWork, record: WorkCalendar, _params: None) -> None:
    """Fetch the calendar's file now, not only at night; its days off and what went wrong are shown at the calendar."""
    await uow.enqueue(FetchFeed(calendar_id=record.id), key=f"core.feed:{record.id}")


async def _days(uow: UnitOfWork, calendar: WorkCalendar) -> None:
    rows = await uow.session.scalars(sa.select(WorkDay).where(WorkDay.calendar_id == calendar.id))
    for row in rows.all():
        try:
            hours.parse(row.hours)
        except ValueError as error:
            raise CalendarNotValid(_hint(error), fields={"days": _hint(error)}) from error


async def _uses(uow: UnitOfWork, calendar: WorkCalendar) -> None:
    rows = await uow.session.scalars(sa.select(WorkUse).where(WorkUse.calendar_id == calendar.id))
    if any((row.user_id is None) == (row.team_id is None) for row in rows.all()):
        text = _("Each line names a user or a team.")
        raise CalendarNotValid(text, fields={"uses": text})


async def refuse(uow: UnitOfWork, event: Happened) -> None:
    """Veto the deletion of a calendar that somebody has."""
    found: Any = event.record or await uow.session.get(WorkCalendar, event.record_id)
    used = await uow.session.scalar(sa.select(WorkUse.id).where(WorkUse.calendar_id == found.id).limit(1))
    if used is not None or found.is_default:
        raise CalendarInUse(_("{name} is in use. Give its users another calendar first.", name=found.name))
    uow.session.sync_session.info[queries.EPOCH] = True
    await uow.raise_epoch(queries.EPOCH)


async def validate_absence(uow: UnitOfWork, record: Absence, changed: frozenset[str]) -> None:
    """Refuse an absence of nobody, one that ends before it begins, and oneself as deputy."""
    errors: dict[str, Text | str] = {}
    if record.owner_id is None:
        errors["owner_id"] = _("This is required.")
    if record.ends_at <= record.starts_at:
        errors["ends_at"] = _("This is before the beginning.")
    if record.deputy_id is not None and record.deputy_id == record.owner_id:
        errors["deputy_id"] = _("Nobody stands in for themselves.")
    elif not errors and record.deputy_id is not None and (name := await _circle(uow, record)):
        errors["deputy_id"] = _("{name} is away too, and this person stands in for them. Choose another.", name=name)
    if errors:
        raise AbsenceNotValid(_("Some values are not acceptable."), fields=errors)


async def _circle(uow: UnitOfWork, record: Absence) -> str:
    """Return the deputy's name when their own deputies, while both are away, lead back to whom it is about."""
    at_once = sa.select(Absence.owner_id, Absence.deputy_id).where(
        Absence.starts_at < record.ends_at, Absence.ends_at > record.starts_at, Absence.deleted_at.is_(None),
        Absence.deputy_id.is_not(None), Absence.id != record.id,
    )  # fmt: skip
    deputies: dict[Any, set[Any]] = {}
    for owner, deputy in await uow.session.execute(at_once):
        deputies.setdefault(owner, set()).add(deputy)
    seen, waiting = set(), [record.deputy_id]
    while waiting:
        at = waiting.pop()
        if at == record.owner_id:
            return str(await uow.session.scalar(sa.select(User.name).where(User.id == record.deputy_id)))
        if at not in seen:
            seen.add(at)
            waiting += deputies.get(at, ())
    return ""


LISTENERS = (
    *(
        Listener(event=f"{CALENDAR}.{what}", run=changed, name=f"core.worktime_{what}")
        for what in ("created", "updated", "restored")
    ),
    Listener(event=f"{CALENDAR}.deleted", run=refuse, name="core.worktime_in_use"),
)
