"""The hours of a day as people type them: "09:00-12:30, 13:15-17:00"."""

from __future__ import annotations

import re

DAY = 24 * 60
"""Minutes of a day on the wall clock."""
MOST = 12
SLOT = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(?:-|–|—|to|bis)\s*(\d{1,2})(?:[:.](\d{2}))?")
Slot = tuple[int, int]
"""Minutes after midnight of its day: start below 1440; an end above 1440 lies in the next day."""


def parse(text: str) -> tuple[Slot, ...]:
    """Return the slots of one day, sorted, those that overlap or touch merged; ValueError names what is no slot.

    An end at or before the start lies in the next day ("22:00-06:00"). "24:00" is the end of the day.
    """
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    if len(parts) > MOST:
        raise ValueError(parts[MOST])
    return merged([_slot(part) for part in parts])


def _slot(part: str) -> Slot:
    found = SLOT.fullmatch(part.lower())
    if found is None:
        raise ValueError(part)
    start, end = (_minutes(found, group, part) for group in (1, 3))
    if start == DAY:
        raise ValueError(part)
    return start, end if end > start else end + DAY


def _minutes(found: re.Match[str], group: int, part: str) -> int:
    hour, minute = int(found[group]), int(found[group + 1] or 0)
    if minute > 59 or hour * 60 + minute > DAY:
        raise ValueError(part)
    return hour * 60 + minute


def merged(slots: list[Slot]) -> tuple[Slot, ...]:
    """Return sorted slots without overlaps; those that touch become one."""
    done: list[Slot] = []
    for start, end in sorted(slots):
        if done and start <= done[-1][1]:
            done[-1] = (done[-1][0], max(end, done[-1][1]))
        else:
            done.append((start, end))
    return tuple(done)


def written(slots: tuple[Slot, ...]) -> str:
    """Return slots as `parse` reads them."""
    return ", ".join(f"{_clock(a)}-{_clock(b)}" for a, b in slots)


def _clock(minutes: int) -> str:
    rest = minutes if minutes <= DAY else minutes - DAY
    return f"{rest // 60:02}:{rest % 60:02}"
