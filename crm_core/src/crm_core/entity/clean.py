"""Values on their way in: the checks that API, forms, import and code share."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import nh3

from crm_core.entity import fields as f
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Ref

_ = Strings("crm_core")

EMAIL = re.compile(r"[^\s@<>(),;:\"\[\]\\]+@[^\s@<>(),;:\"\[\]\\.]+(\.[^\s@<>(),;:\"\[\]\\.]+)+")
SAFE_INTEGER = 2**53 - 1
LARGEST = Decimal(10) ** 15


class BadValue(ValueError):
    """A value that its field does not take; `text` is for the user."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


def clean(field: f.Field, value: Any) -> Any:
    """Return `value` as the model stores it; None for empty. BadValue says what is wrong.

    Takes Python values of the field's type, and strings where a person or a file wrote them.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return [] if field.kind in ("multi_choice", "tags", "links") else False if field.kind == "boolean" else None
    return _CLEAN[field.kind](field, value)


def text(value: Any) -> str:
    """Return a string the database can hold: no NUL, no lone surrogates."""
    if not isinstance(value, str):
        raise BadValue(_("This must be text."))
    if "\x00" in value:
        raise BadValue(_("This contains a NUL character."))
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadValue(_("This contains characters that are not valid Unicode.")) from error
    return value


def _line(field: Any, value: Any) -> str:
    line = text(value).strip()
    if len(line) > field.length:
        raise BadValue(_("At most {count} characters.", count=field.length))
    return line


def _text(field: Any, value: Any) -> str:
    line = _line(field, value)
    if field.normal is None:
        return line
    found: str | None = field.normal(line)
    if found is None:
        raise BadValue(_("This is not a valid {label}.", label=field.label))
    return found


def _rich(field: Any, value: Any) -> str:
    return nh3.clean(_line(field, value))


def _integer(field: Any, value: Any) -> int:
    try:
        number = int(value.strip()) if isinstance(value, str) else value
    except ValueError as error:
        raise BadValue(_("This must be a whole number.")) from error
    if isinstance(number, bool) or not isinstance(number, int):
        raise BadValue(_("This must be a whole number."))
    low = -SAFE_INTEGER if field.minimum is None else field.minimum
    high = SAFE_INTEGER if field.maximum is None else field.maximum
    if not low <= number <= high:
        raise BadValue(_("This must be between {low} and {high}.", low=low, high=high))
    return number


def number(value: Any) -> Decimal:
    """Return a finite decimal that the amount columns can hold."""
    try:
        found = Decimal(value.strip().replace("\u00a0", "")) if isinstance(value, str) else Decimal(value)
    except (InvalidOperation, TypeError, ValueError) as error:
        raise BadValue(_("This must be a number.")) from error
    if isinstance(value, float | bool) or not found.is_finite():
        raise BadValue(_("This must be a number."))
    if found.copy_abs() >= LARGEST:
        raise BadValue(_("This number is too large."))
    return found


def _decimal(field: Any, value: Any) -> Decimal:
    found = number(value).quantize(Decimal(1).scaleb(-min(field.digits, 6)), ROUND_HALF_EVEN)
    low, high = field.minimum, field.maximum
    if field.kind == "percent" and low is None and high is None:
        low, high = Decimal(0), Decimal(100)
    if (low is not None and found < low) or (high is not None and found > high):
        raise BadValue(_("This must be between {low} and {high}.", low=low, high=high))
    return found


def _money(field: Any, value: Any) -> Decimal:
    found = number(value).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
    if field.minimum is not None and found < field.minimum:
        raise BadValue(_("This must be at least {low}.", low=field.minimum))
    return found


def currency(value: Any) -> str | None:
    """Return an ISO 4217 code in capitals."""
    if not value:
        return None
    code = text(value).strip().upper()
    if not re.fullmatch("[A-Z]{3}", code):
        raise BadValue(_("A currency has three letters, such as EUR."))
    return code


def zone(value: Any) -> str | None:
    """Return the name of an IANA time zone."""
    if not value:
        return None
    try:
        return ZoneInfo(text(value)).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadValue(_("Unknown time zone.")) from error


def _date(field: Any, value: Any) -> date:
    if isinstance(value, datetime):
        raise BadValue(_("This must be a day without a time."))
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(text(value).strip())
    except ValueError as error:
        raise BadValue(_("This must be a date such as 2026-05-31.")) from error


def _moment(field: Any, value: Any) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(text(value).strip())
    except ValueError as error:
        raise BadValue(_("This must be a date and time such as 2026-05-31T14:00:00Z.")) from error
    if moment.tzinfo is None:
        raise BadValue(_("The time needs a time zone, such as a Z at its end."))
    if not 1 < moment.year < 9999:
        raise BadValue(_("This date is out of range."))
    return moment.astimezone(UTC)


def _boolean(field: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (word := value.strip().lower()):
        if word in ("1", "true", "yes", "y", "on", "x", "ja"):
            return True
        if word in ("0", "false", "no", "n", "off", "nein"):
            return False
    raise BadValue(_("This must be yes or no."))


def _choice(field: Any, value: Any) -> str:
    if field.choices is not None:
        return _word(field, value)
    wanted = text(value).strip()
    for option in field.options:
        if wanted == option.value or wanted.casefold() == str(option.label).casefold():
            return str(option.value)
    known = ", ".join(o.value for o in field.options[:20])
    raise BadValue(_("{value} is not one of: {known}.", value=wanted[:50], known=known))


def _word(field: Any, value: Any) -> str:
    """Return one of the words of a list whose options only `validate` knows."""
    word = text(value).strip()
    if len(word) > 100:
        raise BadValue(_("At most {count} characters.", count=100))
    return word


def _several(field: Any, value: Any) -> list[str]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise BadValue(_("This must be a list."))
    return list(dict.fromkeys(_choice(field, v) for v in items if not isinstance(v, str) or v.strip()))


def _email(field: Any, value: Any) -> str:
    line = _line(field, value)
    if not EMAIL.fullmatch(line):
        raise BadValue(_("This is not an e-mail address."))
    return line


def _phone(field: Any, value: Any) -> str:
    line = _line(field, value)
    if sum(c.isdigit() for c in line) < 3:
        raise BadValue(_("This is not a phone number."))
    return line


def _url(field: Any, value: Any) -> str:
    line = _line(field, value)
    if "://" not in line and re.match(r"[\w-]+(\.[\w-]+)+", line):
        line = f"https://{line}"
    if not re.fullmatch(r"https?://[^\s<>\"']+", line):
        raise BadValue(_("This must be a web address that starts with https:// or http://."))
    return line


def _id(field: Any, value: Any) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(text(value).strip())
    except ValueError as error:
        raise BadValue(_("This is not the id of a record.")) from error


def _ref(field: Any, value: Any) -> Ref:
    try:
        ref = value if isinstance(value, Ref) else Ref.parse(text(value))
    except ValueError as error:
        raise BadValue(_("This is not a reference such as core.deal:<id>.")) from error
    if field.targets and ref.entity not in field.targets:
        raise BadValue(_("A {entity} cannot be linked here.", entity=ref.entity))
    return ref


def _ids(field: Any, value: Any) -> list[UUID]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise BadValue(_("This must be a list."))
    return list(dict.fromkeys(_id(field, v) for v in items))


def _tags(field: Any, value: Any) -> list[str]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise BadValue(_("This must be a list."))
    names = [text(v).strip() for v in items]
    if any(len(n) > 64 for n in names):
        raise BadValue(_("At most {count} characters.", count=64))
    return list(dict.fromkeys(n for n in names if n))


_CLEAN: dict[str, Callable[[Any, Any], Any]] = {
    "text": _text, "long_text": _line, "rich_text": _rich, "integer": _integer, "decimal": _decimal,
    "percent": _decimal, "money": _money, "date": _date, "datetime": _moment, "appointment": _moment,
    "boolean": _boolean, "choice": _choice, "multi_choice": _several, "email": _email, "phone": _phone,
    "url": _url, "link": _id, "stage": _id, "file": _id, "any_link": _ref, "links": _ids, "tags": _tags,
}  # fmt: skip
