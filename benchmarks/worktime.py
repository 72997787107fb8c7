"""Arithmetic with working time on a compiled calendar: sums, differences and questions a second.

Usage: uv run python -m benchmarks.worktime [--count N]

The calendar has lunch breaks, a short Friday, a night shift, dates with other hours and the public holidays of Bavaria.
Instants are drawn from three years with their changes of clocks, durations up to 400 hours; both are drawn before the
clock starts, and the years are compiled before it: the time to compile one is printed apart. CPU time of one thread.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from time import process_time
from zoneinfo import ZoneInfo

from crm_core.features.worktime.calendar import Calendar
from crm_core.features.worktime.hours import parse
from crm_core.features.worktime.queries import public_holidays

GOAL = 20_000
WEEK = (*["09:00-12:30, 13:15-17:30"] * 3, "09:00-12:30, 22:00-06:00", "09:00-15:00", "", "")
FIRST, YEARS = datetime(2025, 1, 1, tzinfo=UTC), 3
Case = tuple[datetime, datetime, timedelta]


def a_calendar() -> Calendar:
    """Return a calendar that nothing is compiled of yet."""
    return Calendar(
        "Benchmark", ZoneInfo("Europe/Berlin"), tuple(parse(day) for day in WEEK),
        {date(2025 + n, 12, 24): parse("09:00-12:00") for n in range(YEARS)},
        lambda year: public_holidays("DE", "BY", year),
    )  # fmt: skip


def cases(count: int) -> list[Case]:
    """Return two instants and a duration for each operation."""
    rnd, span = random.Random(4), YEARS * 365 * 86_400
    return [
        (
            FIRST + timedelta(seconds=rnd.randrange(span)),
            FIRST + timedelta(seconds=rnd.randrange(span)),
            timedelta(minutes=rnd.randrange(-24_000, 24_000)),
        )
        for _ in range(count)
    ]


def rate(what: Callable[[Case], object], given: Sequence[Case]) -> float:
    """Return operations a second of CPU time."""
    started = process_time()
    for one in given:
        what(one)
    return len(given) / (process_time() - started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="operations of each kind")
    given, calendar = cases(parser.parse_args().count), a_calendar()
    public_holidays("DE", "BY", 2024)  # the import of the package is not the calendar's
    started = process_time()
    for year in range(2024, 2030):
        calendar.is_working(datetime(year, 6, 1, tzinfo=UTC))
    print(f"compile a year: {(process_time() - started) / 6 * 1000:.1f} ms")
    for name, what in (
        ("add_working_time", lambda c: calendar.add(c[0], c[2])),
        ("working_time_between", lambda c: calendar.between(c[0], c[1])),
        ("is_working", lambda c: calendar.is_working(c[0])),
    ):
        found = rate(what, given)
        print(f"{name}: {found:,.0f}/s of {len(given):,} (goal {GOAL:,}/s): {'met' if found >= GOAL else 'NOT met'}")


if __name__ == "__main__":
    main()
