"""Calendar files: read in a process of its own, only for the days they take up."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

LARGEST = 2 * 2**20
MOST = 5000
LONGEST = 366


def read(data: dict[str, Any]) -> list[list[str]]:
    """Return [date, label] of the all-day entries in {"body": bytes, "first": iso, "last": iso}; ValueError for none.

    Yearly entries (RRULE:FREQ=YEARLY) are repeated on their date; other rules count once.
    """
    import icalendar

    first, last = date.fromisoformat(data["first"]), date.fromisoformat(data["last"])
    found: dict[date, str] = {}
    for entry in icalendar.Calendar.from_ical(data["body"]).walk("VEVENT"):
        start = entry.get("DTSTART")
        if start is None or isinstance(start.dt, datetime) or str(entry.get("STATUS", "")).upper() == "CANCELLED":
            continue
        end = entry.get("DTEND")
        length = (end.dt - start.dt).days if end is not None and not isinstance(end.dt, datetime) else 1
        rule = entry.get("RRULE") or {}
        yearly = [str(x).upper() for x in rule.get("FREQ", [])] == ["YEARLY"]
        for begin in _begins(start.dt, first, last) if yearly else [start.dt]:
            for n in range(min(max(length, 1), LONGEST)):
                day = begin + timedelta(days=n)
                if first <= day <= last:
                    found.setdefault(day, str(entry.get("SUMMARY", ""))[:255])
            if len(found) > MOST:
                raise ValueError("too many days")
    return [[day.isoformat(), label] for day, label in sorted(found.items())]


def _begins(start: date, first: date, last: date) -> list[date]:
    found = []
    for year in range(max(start.year, first.year - 1), last.year + 1):
        try:
            found.append(start.replace(year=year))
        except ValueError:  # 29 February
            continue
    return found
