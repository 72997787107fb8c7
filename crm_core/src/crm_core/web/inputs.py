"""One control of a form: what it shows for a value, and which value was typed into it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from babel.numbers import NumberFormatError, format_decimal, parse_decimal
from litestar.datastructures import FormMultiDict

from crm_core.entity import fields as f
from crm_core.entity.clean import BadValue, clean, currency, zone
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Child
from crm_core.uploads import shown_size, shown_types

_ = Strings("crm_core")
Posted = FormMultiDict
NUMBERS = ("decimal", "percent", "money")
MANY = ("multi_choice", "links", "tags")
WIDE = ("long_text", "rich_text", "multi_choice", "links")


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that is stored and not yet on a record; `note` carries it from one form to the next."""

    sha256: str
    size: int
    media: str
    name: str
    note: str = ""

    def sealed(self, note: str) -> Staged:
        """Return it with its note."""
        return dataclasses.replace(self, note=note)

    @property
    def shown_size(self) -> str:
        """Return the size as people read it."""
        return shown_size(self.size)


@dataclass(slots=True)
class Input:
    """One control. `raw` is what it shows: text, a list of texts, or a bool; `extra` its second part."""

    field: f.Field
    name: str
    raw: Any = ""
    extra: str = ""
    error: Text | str = ""
    options: list[tuple[str, Any]] = dataclasses.field(default_factory=list)  # (value, label) of a select
    source: str = ""  # address that finds more options
    suggested: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # several records match the typed text
    typed: str = ""
    focus: bool = False
    shown_label: Text | str = ""
    shares_extra: bool = False  # its zone is chosen at an earlier control
    staged: Staged | None = None  # a file field's new file
    removed: bool = False  # a file field's present file is to go

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
    def takes(self) -> str:
        """Return what a file field takes, in words: "PDF, PNG · 25 MB"."""
        if not isinstance(self.field, f.File):
            return ""
        return " · ".join(x for x in (shown_types(self.field), shown_size(self.field.limit)) if x)

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
        if self.kind == "file":  # its bytes are `read_files`' business; a form without a new one keeps the old
            self.raw, self.removed = (
                str(posted.get(f"{self.name}__now") or ""),
                bool(posted.get(f"{self.name}__remove")),
            )
            return {self.field.name: None} if self.removed else {}
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
    with contextlib.suppress(NumberFormatError):  # then it is written as computers do
        return parse_decimal(plain, locale=locale, strict=True)
    try:
        return Decimal(plain)
    except ArithmeticError as error:
        raise BadValue(_("This must be a number.")) from error


def is_id(text: str) -> bool:
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
        one.options = [(o.value, o.label) for o in one.field.options if not o.archived or one.chosen(o.value)]


def zones() -> Sequence[str]:
    """Return the names of time zones people choose from."""
    return sorted(
        z for z in available_timezones() if "/" in z and not z.startswith(("Etc/", "SystemV/", "posix", "right"))
    )
