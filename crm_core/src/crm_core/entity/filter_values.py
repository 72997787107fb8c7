"""Values in filters: what a condition's operator and value mean, as tests with typed arguments."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from crm_core.entity import columns
from crm_core.entity import fields as f
from crm_core.entity.filter_times import NOBODY, TICK, UNITS, Day, Edge, Later, Me, Moment, Wall
from crm_core.entity.folding import fold
from crm_core.entity.paths import Path
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref

_ = Strings("crm_core")

MOST_VALUES = 500
MOST_WORDS = 8
LONGEST_TEXT = 1000
FARTHEST = 10_000  # units of a relative date
LARGEST = Decimal(10) ** 15

# Where a word may begin, beside the start of a text. Fixed, so that both databases and Python agree.
BREAKS = " \t\n\r-_.,;:!?'\"`()[]{}<>/\\|@#&*+=~^%$" + "\u00a0\u2019\u2018\u201c\u201d\u2013\u2014"
PHONE_MARKS = " -()/+.\u00a0"
_SPACES = str.maketrans(dict.fromkeys(BREAKS, " "))
_NO_MARKS = str.maketrans(dict.fromkeys(PHONE_MARKS, ""))

Tests = list[tuple[str, tuple[Any, ...]]]


class BadFilter(Invalid):
    """The filter cannot be understood; the text says where."""


def shown(value: Any) -> str:
    """Return a caller's value as it may stand in a message."""
    return str(value)[:60].encode("utf-8", "replace").decode().replace("\x00", "?")


def unknown_operator(name: str, op: Any, known: Sequence[str]) -> BadFilter:
    """Return the error for an operator a field does not have."""
    near = difflib.get_close_matches(shown(op), known, n=1)
    offer = near[0] if near else ", ".join(known)
    return BadFilter(_("{name} has no operator {op}; try {offer}.", name=name, op=shown(op), offer=offer))


def bad(path: Path, needs: Any) -> BadFilter:
    """Return the error for a value of the wrong kind."""
    return BadFilter(_("{name} needs {needs}.", name=path.text, needs=needs))


def tests(path: Path, op: str, value: Any) -> Tests:
    """Return the tests one of which must hold for a condition without negation. BadFilter for bad values."""
    if op == "not_empty":
        return [("filled", ())]
    family = FAMILY.get(path.field.kind)
    if family is None:
        raise BadFilter(_("{name} cannot be filtered by.", name=path.text))
    if op in ("in", "has_any", "has_all"):
        if not isinstance(value, list) or len(value) > MOST_VALUES:
            raise bad(path, _("a list of at most {count} values", count=MOST_VALUES))
        found = [t for v in value if v is not None for t in family(path, "is", v)]
        exact = list(dict.fromkeys(arguments[0] for test, arguments in found if test == "is" and len(arguments) == 1))
        rest: Tests = [t for t in found if t[0] != "is" or len(t[1]) != 1]
        if op != "in":
            return [(op, padded(exact))] if exact or op == "has_all" else []
        empties: Tests = [("empty", ())] if None in value else []
        return ([("in", padded(exact))] if exact else []) + rest + empties
    if op == "between" and (not isinstance(value, list) or len(value) != 2 or value == [None, None]):
        raise bad(path, _("a list of two values, one of which may be null"))
    return family(path, op, value)


def padded(values: list[Any]) -> tuple[Any, ...]:
    """Return the values, the last one repeated up to a power of two: few shapes serve all lengths."""
    if not values:
        return ()
    size = 1 << (len(values) - 1).bit_length()
    return (*values, *[values[-1]] * (size - len(values)))


def plain(path: Path, value: Any) -> str:
    """Return text the database can hold; BadFilter for anything else."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise bad(path, _("text of at most {count} characters", count=LONGEST_TEXT))
    if "\x00" in value:
        raise bad(path, _("text without NUL characters"))
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise bad(path, _("valid Unicode")) from error
    return value


def text_key(field: f.Field, text: str, length: int) -> str:
    """Return what texts are compared by: folded, as long as the twin, a phone number without its marks."""
    folded = fold(text)[:length]
    return folded.translate(_NO_MARKS) if isinstance(field, f.Phone) else folded


def spaced(folded: str) -> str:
    """Return a folded text with a blank before each word."""
    return " " + folded.translate(_SPACES)


def after_prefix(prefix: str) -> str:
    """Return the least text above all that start with `prefix`, in code point order."""
    for index in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[index]) + 1
        if code <= 0x10FFFF:
            return prefix[:index] + chr(0xE000 if code == 0xD800 else code)
    return "\U0010ffff" * 300


def _text(path: Path, op: str, value: Any) -> Tests:
    twin = columns.twin_of(path.value) if path.value else None
    if twin is None:
        raise BadFilter(_("{name} is not filterable by this operator.", name=path.text))
    key = text_key(path.field, plain(path, value), twin[1])
    if op in ("is", "lt", "lte", "gt", "gte"):
        return [(op, (key,))] if key else [("empty", ())] if op == "is" else _needs_text(path)
    if op == "has_word":
        wanted = [" " + w for w in spaced(key).split()]
        if not 0 < len(wanted) <= MOST_WORDS:
            raise bad(path, _("one to {count} words", count=MOST_WORDS))
        return [("has_words", tuple(wanted))]
    if not key:
        return _needs_text(path)
    return [("starts", (key, after_prefix(key)))] if op == "starts_with" else [("contains", (key,))]


def _needs_text(path: Path) -> Tests:
    raise bad(path, _("some text"))


def _number(path: Path, op: str, value: Any) -> Tests:
    if op == "between":
        low, high = value
        return _between(
            _number(path, "gte", low)[0][1][0] if low is not None else None,
            _number(path, "lte", high)[0][1][0] if high is not None else None,
        )
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
            raise TypeError
        number = Decimal(plain(path, value).strip() if isinstance(value, str) else str(value))
        if not number.is_finite() or number.copy_abs() >= LARGEST:
            raise bad(path, _("a number below 10^15"))
    except (InvalidOperation, TypeError, ValueError) as error:
        raise bad(path, _("a number")) from error
    digits = columns.digits_of(path.value) if path.value else 0
    if digits is None:
        return [(op, (number,))]
    unit = Decimal(1).scaleb(-digits)
    low = number.quantize(unit, ROUND_FLOOR)
    if op == "is" and low != number:
        return []  # no stored value has so many digits
    rounded = number.quantize(unit, ROUND_CEILING) if op in ("lt", "gte") else low
    whole = path.counted or path.field.kind == "integer"
    return [(op, (int(rounded) if whole else rounded,))]


def _between(low: Any, high: Any) -> Tests:
    if low is None:
        return [("lte", (high,))]
    return [("gte", (low,))] if high is None else [("between", (low, high))]


def _date(path: Path, op: str, value: Any) -> Tests:
    if op == "within":
        return _within(path, value, days=True)
    if op == "between":
        low, high = (None if v is None else _day(path, v) for v in value)
        return _between(low, high)
    return [(op, (_day(path, value),))]


def _day(path: Path, value: Any) -> date:
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        text = plain(path, value)
        if len(text) != 10:
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        raise bad(path, _("a day such as 2026-05-31")) from error


def _instant(path: Path, op: str, value: Any) -> Tests:
    if op == "within":
        return _within(path, value, days=False)
    if op == "between":
        low = None if value[0] is None else _span(path, value[0])[0]
        high = None if value[1] is None else _span(path, value[1])[1]
        return [("lt", (high,))] if low is None else [("gte", (low,))] if high is None else [("range", (low, high))]
    first, after = _span(path, value)
    if op == "is":
        return [("range", (first, after))] if isinstance(first, Day) else [("is", (first,))]
    return [("gte" if op[0] == "g" else "lt", (after if op in ("gt", "lte") else first,))]


def _span(path: Path, value: Any) -> tuple[Any, Any]:
    """Return the first instant a value means, and the first after it: a day is 24 hours or so long."""
    try:
        if isinstance(value, str) and len(value) == 10:
            day = date.fromisoformat(plain(path, value))
            if not 1 < day.year < 9999:
                raise ValueError(day)
            return Day(day), Day(day + timedelta(days=1))
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(plain(path, value))
        if not 1 < moment.year < 9999:
            raise ValueError(moment)
        if moment.tzinfo is None:
            return Wall(moment), Wall(moment, TICK)
        return moment.astimezone(UTC), moment.astimezone(UTC) + TICK
    except (ValueError, OverflowError) as error:
        raise bad(path, _("a time such as 2026-05-31T14:00:00Z, or a day")) from error


def _within(path: Path, value: Any, *, days: bool) -> Tests:
    units = UNITS[2:] if days else UNITS
    if not isinstance(value, dict) or set(value) - {"unit", "from", "to"} or value.get("unit") not in units:
        raise bad(path, _("unit (one of {units}), from and to", units=", ".join(units)))
    steps = [value.get("from", 0), value.get("to", 0)]
    if any(isinstance(s, bool) or not isinstance(s, int) or abs(s) > FARTHEST for s in steps) or steps[0] > steps[1]:
        raise bad(path, _("from and to, whole numbers in order, at most {count}", count=FARTHEST))
    after = steps[1] + (value["unit"] not in ("hour", "minute"))
    return [("range", (Edge(value["unit"], steps[0], days), Edge(value["unit"], after, days)))]


def _boolean(path: Path, op: str, value: Any) -> Tests:
    if not isinstance(value, bool):
        raise bad(path, _("true or false"))
    return [("is_true", ())] if value else [("is_false", ())]


def _choice(path: Path, op: str, value: Any) -> Tests:
    known = [o.value for o in getattr(path.field, "options", ())]
    text = plain(path, value)
    if not text:
        return [("empty", ())]
    if known and text not in known:
        near = difflib.get_close_matches(text, known, n=3)
        raise bad(path, _("one of {known}", known=", ".join(near or known[:20])))
    return [("is", (text,))]


def _id(path: Path, op: str, value: Any) -> Tests:
    if value == "@me" and getattr(path.field, "target", "") == "core.user":
        return [("is", (Me(),))]
    try:
        return [("is", (value if isinstance(value, UUID) else UUID(plain(path, value)),))]
    except ValueError as error:
        raise bad(path, _("the id of a record")) from error


def _ref(path: Path, op: str, value: Any) -> Tests:
    try:
        ref = value if isinstance(value, Ref) else Ref.parse(plain(path, value))
    except ValueError as error:
        raise bad(path, _("a reference such as core.deal:<id>")) from error
    return [("is", (ref.entity[:64], ref.id))]


def _tag(path: Path, op: str, value: Any) -> Tests:
    return [("is", (fold(plain(path, value))[:60],))]


FAMILY: dict[str, Callable[[Path, str, Any], Tests]] = {
    "text": _text, "email": _text, "phone": _text, "url": _text, "long_text": _text, "rich_text": _text,
    "integer": _number, "decimal": _number, "percent": _number, "money": _number,
    "date": _date, "datetime": _instant, "appointment": _instant, "boolean": _boolean,
    "choice": _choice, "multi_choice": _choice, "link": _id, "stage": _id, "links": _id, "any_link": _ref, "tags": _tag,
    "file": _id,
}  # fmt: skip

__all__ = [
    "BREAKS", "FAMILY", "NOBODY", "PHONE_MARKS", "BadFilter", "Later", "Moment", "padded", "spaced", "tests",
    "text_key",
]  # fmt: skip
