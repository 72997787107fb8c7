"""The pattern of a number: text with {number}, {number:05}, {year} and {yy}."""

from __future__ import annotations

import re
from datetime import date

from crm_core.errors import Invalid
from crm_core.plugin import Strings

_ = Strings("crm_core")

PART = re.compile(r"\{(number|year|yy)(?::0([1-9]|1[0-2]))?\}")
LONGEST = 60
LARGEST = 10**12 - 1
"""The largest number of a series."""


def check(pattern: str, reset: str) -> None:
    """Refuse a pattern without exactly one {number}, with unknown parts, or whose numbers would come again."""
    found = [m.group(1) for m in PART.finditer(pattern)]
    text = None
    if re.search(r"[{}]", PART.sub("", pattern)) or any(m[1] != "number" and m[2] for m in PART.finditer(pattern)):
        text = _("Known parts are {known}.", known="{number}, {number:05}, {year}, {yy}")
    elif found.count("number") != 1:
        text = _("The pattern needs {part} once.", part="{number}")
    elif reset != "never" and not {"year", "yy"} & set(found):
        text = _("A series that starts anew each year needs {part}, or numbers would come twice.", part="{year}")
    elif re.search(r"\}\{", pattern):
        text = _("Put a character between two parts, or two numbers could look alike.")
    if text is not None:
        raise Invalid(text, fields={"pattern": text})


def write(pattern: str, number: int, year: int) -> str:
    """Return a number as its pattern has it; a number longer than its width is written in full."""

    def part(match: re.Match[str]) -> str:
        if match[1] == "number":
            return f"{number:0{match[2] or 1}}"
        return f"{year:04}" if match[1] == "year" else f"{year % 100:02}"

    return PART.sub(part, pattern)


def year_of(on: date, reset: str, first_month: int) -> int:
    """Return the year a day's number is written with; a fiscal year has the name of the year it begins in."""
    return on.year - 1 if reset == "fiscal" and on.month < first_month else on.year
