"""Forms: what a person sees and types for a field, and how it becomes a value again.

A `Form` is made from declared fields (an entity's, or those read from a Struct), filled from a record or
from what was posted. Reading never touches the database; `errors` map input names to texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from babel.numbers import NumberFormatError, format_decimal, parse_decimal

from crm_core.entity import fields as f
from crm_core.entity.clean import BadValue, clean, currency, zone
from crm_core.errors import Invalid
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Child

_ = Strings("crm_core")
NUMBERS = ("decimal", "percent", "money")
MANY = ("multi_choice", "links", "tags")
WIDE = ("long_text", "rich_text", "multi_choice", "links")


class Posted(Protocol):
    """What a submitted form offers; Litestar's FormMultiDict is one."""

    def get(self, key: str, default: Any = None) -> Any: ...
    def getall(self, key: str, default: Any = ...) -> list[Any]: ...
    def __contains__(self, key: object) -> bool: ...


@dataclass(slots=True)
class Input:
    """One control. `raw` is what it shows: text, a list of texts, or a bool; `extra` its second part."""

    field: f.Field
    name: str
    raw: Any = ""
    extra: str = ""
    error: Text | str = ""
    options: list[tuple[str, Any]] = field(default_factory=list)  # (value, label) of a select
    source: str = ""  # address that finds more options
    suggested: list[tuple[str, str]] = field(default_factory=list)  # several records match the typed text
    typed: str = ""
    focus: bool = False
    shown_label: Text | str = ""
    shares_extra: bool = False  # its zone is chosen at an earlier control

    @property
    def kind(self) -> str:
        """Return the field's kind, which chooses the control."""
        return self.field.kind

    @property
    def label(self) -> Text | str:
        """Return the label."""
        return self.shown_label or self.field.label

    @property
    def id(self) -> str:
        """Return the control's id on the page."""
        return f"f-{self.name}"

    @property
    def wide(self) -> bool:
        """Return whether the control takes the whole width."""
        return self.kind in WIDE

    @property
    def extra_name(self) -> str:
        """Return the name of the second control: a currency or a zone."""
        if self.kind == "money":
            return f"{self.name}_currency"
        prefix = self.name[: -len(self.field.name)]
        return prefix + getattr(self.field, "zone_column", "") if self.kind == "appointment" else ""

    def chosen(self, value: str) -> bool:
        """Return whether an option is selected."""
        return value in self.raw if isinstance(self.raw, list) else value == self.raw

    def show(self, row: Mapping[str, Any], locale: str, zone_name: str) -> None:
        """Fill the control from API values."""
        value = row.get(self.field.name)
        if self.kind in MANY:
            self.raw = [str(v) for v in value or ()]
        elif self.kind == "boolean":
            self.raw = bool(value)
        elif value is None:
            self.raw = ""
        elif self.kind in NUMBERS:
            self.raw = format_decimal(_plain(Decimal(str(value))), format="0.######", locale=locale)
        elif self.kind in ("datetime", "appointment"):
            own = row.get(getattr(self.field, "zone_column", "")) or zone_name
            found = datetime.fromisoformat(value) if isinstance(value, str) else value
            self.raw = found.astimezone(ZoneInfo(own)).strftime("%Y-%m-%dT%H:%M")
        else:
            self.raw = str(value)
        if self.kind == "money":
            self.extra = str(row.get(f"{self.field.name}_currency") or "")
        elif self.kind == "appointment":
            self.extra = str(row.get(self.field.zone_column) or zone_name)  # type: ignore[attr-defined]

    def read(self, posted: Posted, locale: str, zone_name: str) -> dict[str, Any]:
        """Take what was typed; return API values, {} with `error` set when it cannot be taken."""
        if self.kind in MANY:
            self.raw = [str(v) for v in posted.getall(self.name, []) if str(v).strip()]
            typed = str(posted.get(f"{self.name}__text") or "")
            if self.kind == "tags" and typed:
                self.raw += [t.strip() for t in typed.split(",") if t.strip()]
        elif self.kind == "boolean":
            self.raw = bool(posted.get(self.name))
        else:
            got = posted.get(self.name)
            self.raw = got.strip() if isinstance(got, str) else ""
            self.typed = str(posted.get(f"{self.name}__text") or "").strip()
        self.extra = str(posted.get(self.extra_name) or "").strip() if self.extra_name else ""
        try:
            return self._values(locale, zone_name)
        except BadValue as bad:
            self.error = bad.text
            return {}

    def _values(self, locale: str, zone_name: str) -> dict[str, Any]:
        typed: Any = self.raw
        if self.kind in NUMBERS and typed:
            typed = _number(typed, locale)
        if self.kind in ("datetime", "appointment") and typed:
            typed = _local(typed, (zone(self.extra) if self.extra else None) or zone_name)
        value = clean(self.field, typed)
        if self.field.required and value in (None, "", []) and not self.typed:
            raise BadValue(_("This is required."))
        found = {self.field.name: value}
        if self.kind == "money":
            found[self.extra_name] = currency(self.extra) if value is not None else None
        elif self.kind == "appointment":
            found[self.field.zone_column] = zone(self.extra) or zone_name  # type: ignore[attr-defined]
        return found


def _plain(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def _number(typed: str, locale: str) -> Decimal:
    """Read a number as the language writes it ("1.234,50"), or as computers do ("1234.50")."""
    plain = typed.replace("\u00a0", "").replace("\u202f", "").replace(" ", "").replace("'", "")
    try:
        return parse_decimal(plain, locale=locale, strict=True)
    except NumberFormatError:
        pass
    try:
        return Decimal(plain)
    except ArithmeticError as error:
        raise BadValue(_("This must be a number.")) from error


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _local(typed: str, zone_name: str) -> datetime:
    try:
        found = datetime.fromisoformat(typed)
    except ValueError as error:
        raise BadValue(_("This must be a date and a time.")) from error
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone_name))


@dataclass(slots=True)
class Row:
    """One line of a child table in a form."""

    inputs: list[Input]
    id: str = ""


@dataclass(slots=True)
class Rows:
    """A child table in a form: its lines, and an empty one as pattern for more."""

    child: Child
    rows: list[Row] = field(default_factory=list)
    pattern: list[Input] = field(default_factory=list)
    error: Text | str = ""

    @property
    def next(self) -> int:
        """Return the number of the next line."""
        return len(self.rows)

    @property
    def spare(self) -> list[Input]:
        """Return an empty line more, for forms without scripts."""
        return line_inputs(self.child, str(self.next + 1))

    def with_one(self) -> Rows:
        """Show an empty line when there is none."""
        if not self.rows:
            self.rows = [Row(line_inputs(self.child, "0", fresh=True))]
        return self


@dataclass(slots=True)
class Form:
    """Controls, what they hold, and what is wrong with it."""

    inputs: list[Input]
    children: list[Rows] = field(default_factory=list)
    locale: str = "en"
    zone: str = "UTC"
    errors: dict[str, Text | str] = field(default_factory=dict)
    general: Text | str = ""
    version: str = ""

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for one in self.inputs:
            one.shares_extra = bool(one.extra_name) and one.extra_name in seen
            seen.add(one.extra_name)

    @property
    def groups(self) -> list[tuple[str, list[Input]]]:
        """Return inputs by group, in order of first appearance."""
        found: dict[str, list[Input]] = {}
        for one in self.inputs:
            found.setdefault(one.field.group, []).append(one)
        return list(found.items())

    def input(self, name: str) -> Input | None:
        """Return the control of a name."""
        return next((i for i in self.inputs if i.name == name), None)

    def show(self, row: Mapping[str, Any]) -> Form:
        """Fill from API values."""
        for one in self.inputs:
            one.show(row, self.locale, self.zone)
        for rows in self.children:
            rows.rows = [self._line(rows.child, n, line) for n, line in enumerate(row.get(rows.child.name) or ())]
        self.version = str(row.get("version") or "")
        return self

    def _line(self, child: Child, number: int, values: Any) -> Row:
        plain = values if isinstance(values, Mapping) else {k: getattr(values, k) for k in values.__struct_fields__}
        inputs = line_inputs(child, str(number))
        for one in inputs:
            one.show(plain, self.locale, self.zone)
        return Row(inputs, str(plain.get("id") or ""))

    def read(self, posted: Posted) -> dict[str, Any]:
        """Take a submitted form; return API values and fill `errors`."""
        values: dict[str, Any] = {}
        for one in self.inputs:
            values |= one.read(posted, self.locale, self.zone)
        for rows in self.children:
            values[rows.child.name] = self._read_rows(rows, posted)
        self.version = str(posted.get("version") or "")
        self._collect()
        return values

    def _read_rows(self, rows: Rows, posted: Posted) -> list[dict[str, Any]]:
        found, rows.rows = [], []
        for number in posted.getall(f"{rows.child.name}-row", []):
            key = str(posted.get(f"{rows.child.name}-{number}-id") or "")
            row = Row(line_inputs(rows.child, str(number)), key)
            values: dict[str, Any] = {}
            for one in row.inputs:
                values |= one.read(posted, self.locale, self.zone)
            defaults = {x.name: x.default for x in rows.child.fields}
            if not any(i.raw for i in row.inputs if i.raw != (defaults[i.field.name] or "")) and not values.get("primary"):
                continue  # an empty line is no line
            rows.rows.append(row)
            found.append({**values, **({"id": UUID(key)} if _is_id(key) else {})})
        return found

    def _collect(self) -> None:
        for one in self.all_inputs():
            if one.error:
                self.errors[one.name] = one.error
        self.mark()

    def all_inputs(self) -> Iterable[Input]:
        """Return every control, those of child lines included."""
        yield from self.inputs
        for rows in self.children:
            for row in rows.rows:
                yield from row.inputs

    def add(self, problem: Invalid) -> None:
        """Take the errors an action raised: texts at their fields, the rest above the form."""
        known = {i.name for i in self.all_inputs()} | {r.child.name for r in self.children}
        rest = [] if any(k in known for k in problem.fields) else [problem.text]
        for name, text in problem.fields.items():
            if name in known:
                self.errors[name] = text
            else:
                rest.append(text)
        if rest:
            self.general = rest[0] if len(rest) == 1 else _("{one} {other}", one=rest[0], other=rest[1])
        self.mark()

    def mark(self) -> None:
        """Put error texts at their controls; the first bad one gets the focus."""
        first = True
        for rows in self.children:
            rows.error = self.errors.get(rows.child.name, "")
        for one in self.all_inputs():
            one.error = self.errors.get(one.name, "")
            one.focus = bool(one.error) and first
            first = first and not one.error

    @property
    def ok(self) -> bool:
        """Return whether nothing is wrong so far."""
        return not self.errors and not self.general


def line_inputs(child: Child, number: str, *, fresh: bool = False) -> list[Input]:
    """Return the controls of one line of a child table."""
    inputs = [Input(x, f"{child.name}-{number}-{x.name}") for x in child.fields if not x.hidden and not x.readonly]
    for one in inputs:
        static_options(one)
        if (fresh or number == "__n__") and one.field.default is not None:
            one.raw = one.field.default
    return inputs


def static_options(one: Input) -> None:
    """Fill the options that the declaration itself gives."""
    if isinstance(one.field, f.Choice | f.MultiChoice):
        one.options = [(o.value, o.label) for o in one.field.options]


def zones() -> Sequence[str]:
    """Return the names of time zones people choose from."""
    return sorted(z for z in available_timezones() if "/" in z and not z.startswith(("Etc/", "SystemV/", "posix", "right")))
