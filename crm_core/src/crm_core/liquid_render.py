"""The side of Liquid that runs in a process of its own: the environment with its limits, and rendering.

Imports nothing of the CRM but texts for numbers and dates. The library's own limits let 1.4 GB through: a filter
may make one value larger before the limit of the output is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from liquid import Environment, Markup
from liquid.exceptions import LiquidError, ResourceLimitError

LARGEST = 1024 * 1024
"""Characters of one value, of all assigned values, and of the output."""
MOST_ROUNDS = 10_000
"""Rounds of all loops of a template, and numbers in a range."""
LONGEST_NUMBER = 4096
"""Bits of a whole number."""
REMOVED_TAGS = ("include", "render", "extends", "block", "macro", "call", "inline_comment", "liquid")
LOCALE, ZONE = "_locale", "_zone"


class Limited(Environment):
    """Liquid without other templates, and with limits on loops, values and output."""

    loop_iteration_limit = MOST_ROUNDS
    local_namespace_limit = LARGEST
    output_stream_limit = LARGEST
    block_nesting_limit = 20

    def __init__(self, *, html: bool) -> None:
        super().__init__(autoescape=html, strict_filters=True)
        for name in REMOVED_TAGS:
            self.tags.pop(name, None)
        self.filters = {name: _bounded(run) for name, run in self.filters.items()}
        self.filters |= {"money": money, "number": number, "date": day, "datetime": moment, "percent": percent}


@lru_cache(maxsize=2)
def environment(*, html: bool) -> Environment:
    """Return the environment that checks and renders templates; `html` escapes values."""
    return Limited(html=html)


def _bounded(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that refuses long ranges before it runs and large values after it."""

    def bounded(value: Any, *given: Any, **named: Any) -> Any:
        for one in (value, *given):
            if isinstance(one, range) and len(one) > MOST_ROUNDS:
                raise ResourceLimitError(f"a range of more than {MOST_ROUNDS} numbers", token=None)
        found = run(value, *given, **named)
        if isinstance(found, str | list) and len(found) > LARGEST:
            raise ResourceLimitError(f"a value of more than {LARGEST} characters", token=None)
        if isinstance(found, int) and found.bit_length() > LONGEST_NUMBER:
            raise ResourceLimitError("a number that is too large", token=None)
        return found

    for mark in ("with_context", "with_environment"):  # how the library is told to hand them in
        if hasattr(run, mark):
            setattr(bounded, mark, getattr(run, mark))
    return bounded


def render_plain(data: Mapping[str, Any]) -> str:
    """Return a rendered template. data: text, values (as `packed` writes them), html, locale, zone.

    Raises LiquidError (the message begins with "line:column: "), MemoryError.
    """
    text, html = data["text"], data["html"]
    values = {name: unpacked(value, html=html) for name, value in data["values"].items()}
    try:
        template = environment(html=html).from_string(text)
        return template.render(**values, **{LOCALE: data["locale"], ZONE: data["zone"]})
    except LiquidError as error:
        line, column = place(text, index_of(error, text))
        raise LiquidError(f"{line}:{column}: {error.message or error}", token=None) from None


def index_of(error: LiquidError, text: str) -> int:
    """Return where in the text an error is: its end for what is not closed, 0 when it does not say."""
    index = getattr(error.token, "start_index", 0)
    return len(text) if index < 0 else int(index)


def place(text: str, index: int) -> tuple[int, int]:
    """Return line and column of an index, both counted from 1."""
    before = text[: max(index, 0)]
    return before.count("\n") + 1, index - before.rfind("\n")


class Money(Decimal):
    """An amount that prints with its currency and compares as a number."""

    currency: str
    locale: str

    def __str__(self) -> str:
        return str(numbers.format_currency(Decimal(self), self.currency, locale=Locale.parse(self.locale)))


class Day(date):
    """A day that prints as the reader writes days."""

    locale: str

    def __str__(self) -> str:
        return str(dates.format_date(self, format="medium", locale=Locale.parse(self.locale)))


class Moment(datetime):
    """An instant in the reader's zone that prints as the reader writes them."""

    locale: str

    def __str__(self) -> str:
        return str(dates.format_datetime(self, format="short", locale=Locale.parse(self.locale), tzinfo=self.tzinfo))


def unpacked(value: Any, *, html: bool) -> Any:
    """Return a value as templates see it, from what `packed` wrote."""
    if isinstance(value, list):
        return [unpacked(one, html=html) for one in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("$")
    if kind is None:
        return {name: unpacked(one, html=html) for name, one in value.items()}
    text = value["v"]
    made: Any
    if kind == "decimal":
        return Decimal(text)
    if kind == "html":
        return Markup(text) if html else value["plain"]
    if kind == "money":
        made = Money(text)
        made.currency = value["currency"]
    elif kind == "date":
        made = Day.fromisoformat(text)
    else:
        made = Moment.fromisoformat(text).astimezone(ZoneInfo(value["zone"]))
    made.locale = value["locale"]
    return made


def _locale(context: Any) -> Locale:
    return Locale.parse(str(context.resolve(LOCALE, default="en")))


def _with_context(run: Callable[..., Any]) -> Callable[..., Any]:
    run.with_context = True  # type: ignore[attr-defined]  # the library's way of asking for it
    return run


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(value) if value not in (None, "") else None
    except (ArithmeticError, TypeError, ValueError):
        return None


@_with_context
def money(value: Any, currency: Any = "", *, context: Any) -> str:
    """`{{ deal.amount | money }}`, `{{ 12 | money: "EUR" }}`: an amount with its currency."""
    code = str(currency or getattr(value, "currency", ""))
    found = _number(value)
    return "" if found is None else str(numbers.format_currency(found, code or "XXX", locale=_locale(context)))


@_with_context
def number(value: Any, *, context: Any) -> str:
    """`{{ 1234.5 | number }}`: a number as the reader writes numbers."""
    found = _number(value)
    return "" if found is None else str(numbers.format_decimal(found, locale=_locale(context)))


@_with_context
def percent(value: Any, *, context: Any) -> str:
    """`{{ deal.probability | percent }}`: 12.5 as "12.5 %"."""
    found = _number(value)
    return "" if found is None else str(numbers.format_percent(found / 100, "#,##0.##%", locale=_locale(context)))


@_with_context
def day(value: Any, pattern: Any = "medium", *, context: Any) -> str:
    """`{{ today | date: "long" }}`, `{{ today | date: "yyyy-MM-dd" }}`: a day, by a format's name or pattern."""
    if isinstance(value, str) and value:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    return str(dates.format_date(value, format=str(pattern)[:60], locale=_locale(context))) if value else ""


@_with_context
def moment(value: Any, pattern: Any = "short", *, context: Any) -> str:
    """`{{ now | datetime }}`: an instant in the reader's zone."""
    if not isinstance(value, datetime):
        return ""
    zone = ZoneInfo(str(context.resolve(ZONE, default="UTC")))
    return str(dates.format_datetime(value, format=str(pattern)[:60], locale=_locale(context), tzinfo=zone))
