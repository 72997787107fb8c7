"""Arithmetic with working time, without a database: a calendar compiled into runs of seconds on the UTC line.

An instant is working time when its wall time in the calendar's zone lies in a slot. So an hour that a change of
clocks leaves out does not count, and one that it repeats counts twice. A slot belongs to the day it starts on: a
night shift of a working day ends in the holiday after it, and a holiday has no night shift of its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from crm_core.errors import Conflict, Invalid
from crm_core.features.worktime.hours import Slot, merged
from crm_core.i18n import Strings

_ = Strings("crm_core")

HORIZON = 5
"""Calendar years that are searched for working time."""
FIRST, LAST = 1970, 2300
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000  # instants are integers of microseconds here
TICK = timedelta(microseconds=1)
DAY = 86_400
Days = Mapping[date, tuple[Slot, ...]]


class NoWorkingTime(Conflict):
    """The calendar has too little working time within the horizon; the text names it."""


class TimeOutOfRange(Invalid):
    """Working time is known from 1970 to 2300."""


@dataclass(slots=True)
class _Year:
    """Runs of working time of one UTC year. worked: how much all runs before each have; last, the whole year's."""

    starts: list[int]
    ends: list[int]
    worked: list[int]


@dataclass(slots=True, eq=False)
class Calendar:
    """A compiled calendar. week: slots from Monday to Sunday. overrides: a date's own slots, none for a day off.

    holidays: the days off of a year; a date that is overridden is worked as the override says. Years are compiled
    when they are first asked for and kept.
    """

    name: str
    zone: ZoneInfo
    week: tuple[tuple[Slot, ...], ...]
    overrides: Days = field(default_factory=dict)
    holidays: Callable[[int], Mapping[date, str]] = lambda _year: {}
    years: dict[int, _Year] = field(default_factory=dict)
    off: dict[int, Mapping[date, str]] = field(default_factory=dict)

    def slots(self, day: date) -> tuple[Slot, ...]:
        """Return the slots that start on a day."""
        if (found := self.overrides.get(day)) is not None:
            return found
        return () if self.holiday(day) else self.week[day.weekday()]

    def holiday(self, day: date) -> str:
        """Return the name of the holiday on a day, "" for none."""
        if day.year not in self.off:
            self.off[day.year] = self.holidays(day.year)
        return self.off[day.year].get(day, "")

    def is_working(self, at: datetime) -> bool:
        """Return whether an instant is working time; the end of a slot is not."""
        tick = _tick(at)
        year = self._year(at.astimezone(UTC).year)
        place = bisect_right(year.starts, tick) - 1
        return place >= 0 and tick < year.ends[place]

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time from one instant to another; negative when `end` is before `start`."""
        if end < start:
            return -self.between(end, start)
        first, last = start.astimezone(UTC).year, end.astimezone(UTC).year
        total = self._before(last, _tick(end)) - self._before(first, _tick(start))
        return timedelta(microseconds=total + sum(self._year(y).worked[-1] for y in range(first, last)))

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """Return the first instant by which `duration` of working time has passed since `start`.

        A negative duration goes back, to the last such instant; zero gives `start`. NoWorkingTime names the calendar
        when five years do not have enough.
        """
        left = duration // TICK
        if not left:
            return start.astimezone(UTC)
        tick = self._after(start, left) if left > 0 else self._ahead(start, -left)
        if tick is None:
            raise NoWorkingTime(
                _("The calendar {name} has too little working time within {n} years.", name=self.name, n=HORIZON),
                calendar=self.name,
            )
        return EPOCH + TICK * tick

    def next_start(self, at: datetime) -> datetime:
        """Return `at` when it is working time, else the start of the next working time; NoWorkingTime as `add`."""
        return at.astimezone(UTC) if self.is_working(at) else self.add(at, TICK) - TICK

    def _after(self, start: datetime, left: int) -> int | None:
        year = start.astimezone(UTC).year
        done = self._before(year, _tick(start))
        for number in range(year, min(year + HORIZON + 1, LAST)):
            here = self._year(number)
            aim = done + left
            if aim <= here.worked[-1]:
                place = bisect_left(here.worked, aim) - 1
                return here.starts[place] + aim - here.worked[place]
            left, done = aim - here.worked[-1], 0
        return None

    def _ahead(self, start: datetime, left: int) -> int | None:
        year = start.astimezone(UTC).year
        for number in range(year, max(year - HORIZON, FIRST) - 1, -1):
            here = self._year(number)
            done = self._before(number, _tick(start)) if number == year else here.worked[-1]
            if left <= done:
                place = bisect_right(here.worked, done - left) - 1
                return here.starts[place] + done - left - here.worked[place]
            left -= done
        return None

    def _before(self, number: int, tick: int) -> int:
        """Return the working time of a year before an instant of it."""
        year = self._year(number)
        place = bisect_right(year.starts, tick) - 1
        if place < 0:
            return 0
        return year.worked[place] + min(tick, year.ends[place]) - year.starts[place]

    def _year(self, number: int) -> _Year:
        found = self.years.get(number)
        if found is None:
            if not FIRST <= number < LAST:
                text = _("Working time is known from {first} to {last}.", first=FIRST, last=LAST)
                raise TimeOutOfRange(text)
            found = self.years[number] = _compile(self, number)
        return found


def _tick(at: datetime) -> int:
    return (at - EPOCH) // TICK


def _compile(calendar: Calendar, number: int) -> _Year:
    """Lay a year's slots onto the UTC line: each stretch between two changes of clocks has one offset."""
    local = _local_runs(calendar, number)
    runs: list[tuple[int, int]] = []
    for begin, end, offset in _offsets(calendar.zone, number):
        for a, b in local[_first(local, begin + offset) :]:
            if a >= end + offset:
                break
            start, stop = max(a - offset, begin), min(b - offset, end)
            if runs and start <= runs[-1][1]:
                runs[-1] = (runs[-1][0], max(stop, runs[-1][1]))
            elif start < stop:
                runs.append((start, stop))
    year = _Year([a * SECOND for a, _b in runs], [b * SECOND for _a, b in runs], [0])
    for a, b in runs:
        year.worked.append(year.worked[-1] + (b - a) * SECOND)
    return year


def _local_runs(calendar: Calendar, number: int) -> list[tuple[int, int]]:
    """Return the slots of a year and of two days around it, in seconds of the wall clock, without overlaps."""
    slots: list[Slot] = []
    day, last = date(number, 1, 1) - timedelta(days=2), date(number + 1, 1, 3)
    while day < last:
        base = (day.toordinal() - EPOCH.toordinal()) * DAY
        slots += [(base + a * 60, base + b * 60) for a, b in calendar.slots(day)]
        day += timedelta(days=1)
    return list(merged(slots))


def _first(runs: list[tuple[int, int]], at: int) -> int:
    """Return the place of the first run that ends after a moment."""
    return bisect_right(runs, at, key=lambda run: run[1])


def _offsets(zone: ZoneInfo, number: int) -> list[tuple[int, int, int]]:
    """Return the stretches of a UTC year with one offset each: begin, end, offset, in seconds."""
    begin, end = (int((datetime(y, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) for y in (number, number + 1))
    found, since, offset = [], begin, _offset(zone, begin)
    for day in range(begin, end, DAY):
        after = min(day + DAY, end)
        if _offset(zone, after) == offset:
            continue
        low, high = day, after
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
        found.append((since, high, offset))
        since, offset = high, _offset(zone, high)
    if since < end:
        found.append((since, end, offset))
    return found


def _offset(zone: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
