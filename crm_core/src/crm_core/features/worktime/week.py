"""The weekly hours as their page edits them: rows of slots with two times each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_core.features.worktime import hours
from crm_core.features.worktime.queries import WEEK
from crm_core.i18n import Strings, Text

_ = Strings("crm_core")
WORKDAYS = WEEK[:5]
NAMES = {
    "monday": _("Monday"), "tuesday": _("Tuesday"), "wednesday": _("Wednesday"), "thursday": _("Thursday"),
    "friday": _("Friday"), "saturday": _("Saturday"), "sunday": _("Sunday"),
}  # fmt: skip


@dataclass(slots=True)
class DayRow:
    """One weekday: slots as (from, to) as typed, "09:00"; closed: a day off, whatever its slots say."""

    name: str
    slots: list[tuple[str, str]] = field(default_factory=list)
    closed: bool = False
    error: Text | str = ""

    @property
    def label(self) -> Text:
        """Return the day's name."""
        return NAMES[self.name]

    @property
    def text(self) -> str:
        """Return the hours as `hours.parse` reads them."""
        return "" if self.closed else ", ".join(f"{a}-{b}" for a, b in self.slots if a or b)

    @property
    def minutes(self) -> int | None:
        """Return how long the day is, None while it cannot be read."""
        try:
            return sum(b - a for a, b in hours.parse(self.text))
        except ValueError:
            return None

    def overnight(self, slot: tuple[str, str]) -> bool:
        """Return whether a slot ends on the next day."""
        return bool(slot[0] and slot[1]) and "00:00" < slot[1] <= slot[0]


def stored(values: Mapping[str, str]) -> list[DayRow]:
    """Return the rows of stored hours; a day without any is closed."""
    rows = []
    for name in WEEK:
        slots = [(_clock(a), _clock(b)) for a, b in hours.parse(values.get(name) or "")]
        rows.append(DayRow(name, slots, closed=not slots))
    return rows


def _clock(minutes: int) -> str:
    """Return a time as the browser's control takes it; the end of the day is 00:00 there."""
    rest = minutes % hours.DAY
    return f"{rest // 60:02}:{rest % 60:02}"


def read(posted: Any) -> list[DayRow]:
    """Return the rows as they were typed."""
    rows = []
    for name in WEEK:
        begins, ends = ([str(x).strip()[:5] for x in posted.getall(f"{name}-{side}", [])] for side in ("from", "to"))
        slots = list(zip(begins, ends, strict=False))[: hours.MOST]
        rows.append(DayRow(name, slots, closed=bool(posted.get(f"{name}-closed"))))
    return rows


def pressed(rows: list[DayRow], do: str) -> list[DayRow]:
    """Return the rows after one press of a button: "add:monday", "remove:monday:1", "copy:workdays", "copy:all"."""
    verb, _colon, rest = do.partition(":")
    name, _colon, at = rest.partition(":")
    if verb == "copy":
        monday, to = rows[0], WEEK if name == "all" else WORKDAYS
        return [DayRow(r.name, list(monday.slots), monday.closed) if r.name in to else r for r in rows]
    day = next((r for r in rows if r.name == name), None)
    if day is None:
        return rows
    if verb == "add" and len(day.slots) < hours.MOST:
        day.slots, day.closed = [*day.slots, ("", "") if day.slots else ("09:00", "17:00")], False
    elif verb == "remove" and at.isdigit() and int(at) < len(day.slots):
        day.slots = [s for n, s in enumerate(day.slots) if n != int(at)]
        day.closed = day.closed or not day.slots
    return rows


def values(rows: list[DayRow]) -> tuple[dict[str, str], bool]:
    """Return what is stored, and whether every row could be read; faults are left at their rows."""
    found = {}
    for row in rows:
        try:
            if not row.closed and any(bool(a) != bool(b) for a, b in row.slots):
                raise ValueError(row.text)
            found[row.name] = hours.written(hours.parse(row.text))
        except ValueError:
            row.error = _("Each line needs a time from and a time to.")
    return found, not any(row.error for row in rows)
