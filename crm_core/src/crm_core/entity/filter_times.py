"""Values of filters that depend on when and by whom the filter is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from crm_core.i18n import Strings

_ = Strings("crm_core")
TICK = timedelta(microseconds=1)
NOBODY = UUID(int=0)
UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year")
SETTLED = frozenset({"week", "fiscal_quarter", "fiscal_year"})
"""Units that begin where the organisation says."""


class CalendarSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where weeks and fiscal years begin, for filters such as "this week" and for number series.

    first_weekday: 1 Monday to 7 Sunday. fiscal_year_start: month, 1 to 12.
    """

    first_weekday: Annotated[
        int, Meta(ge=1, le=7, title=str(_("First day of the week")), description=str(_("1 Monday to 7 Sunday")))
    ] = 1
    fiscal_year_start: Annotated[
        int, Meta(ge=1, le=12, title=str(_("First month of the fiscal year")), description=str(_("1 January to 12")))
    ] = 1


USUAL = CalendarSettings()


@dataclass(frozen=True, slots=True)
class Moment:
    """When and for whom a filter is asked."""

    now: datetime
    zone: str
    user: UUID = NOBODY
    calendar: CalendarSettings = USUAL

    def start(self, day: date) -> datetime:
        """Return the instant at which a day begins in the zone."""
        return datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def today(self) -> date:
        """Return the day it is in the zone."""
        return self.now.astimezone(ZoneInfo(self.zone)).date()


class Later:
    """A value known only when the filter is asked."""

    __slots__ = ()

    def at(self, moment: Moment) -> Any:
        """Return the value."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Day(Later):
    """The instant at which a day begins."""

    day: date

    def at(self, moment: Moment) -> datetime:
        return moment.start(self.day)


@dataclass(frozen=True, slots=True)
class Wall(Later):
    """An instant written without a zone."""

    wall: datetime
    plus: timedelta = timedelta()

    def at(self, moment: Moment) -> datetime:
        return self.wall.replace(tzinfo=ZoneInfo(moment.zone)).astimezone(UTC) + self.plus


@dataclass(frozen=True, slots=True)
class Edge(Later):
    """Where the unit `steps` from now begins: calendar units in the zone; hours and minutes from now itself."""

    unit: str
    steps: int
    days: bool  # a date rather than an instant

    def at(self, moment: Moment) -> date | datetime:
        if self.unit in ("hour", "minute"):
            return moment.now + timedelta(**{f"{self.unit}s": self.steps})
        try:
            day = began(moment.today, self.unit, self.steps, moment.calendar)
        except (OverflowError, ValueError):
            day = date(9998, 12, 31) if self.steps > 0 else date(2, 1, 1)
        return day if self.days else moment.start(day)


class Me(Later):
    """The user who asks."""

    def at(self, moment: Moment) -> UUID:
        return moment.user


def began(today: date, unit: str, steps: int, calendar: CalendarSettings | None = None) -> date:
    """Return the first day of the unit `steps` after the one that `today` is in."""
    if unit == "day":
        return today + timedelta(days=steps)
    if unit == "week":
        since = (today.isoweekday() - (calendar.first_weekday if calendar else 1)) % 7
        return today - timedelta(days=since) + timedelta(weeks=steps)
    months = {"month": 1, "quarter": 3, "year": 12}[unit.removeprefix("fiscal_")]
    shift = calendar.fiscal_year_start - 1 if calendar and unit.startswith("fiscal_") else 0
    index = (today.year * 12 + today.month - 1 - shift) // months * months + steps * months + shift
    return date(index // 12, index % 12 + 1, 1)
