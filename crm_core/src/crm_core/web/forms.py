"""Forms: what a person sees and types for a record, and how it becomes API values again.

A `Form` is made from declared fields (an entity's, or those read from a Struct), filled from a record or
from what was posted. Reading never touches the database; `errors` map input names to texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from crm_core.errors import Invalid
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Child
from crm_core.web.inputs import Input, Posted, is_id, line_inputs

_ = Strings("crm_core")


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

    @property
    def multipart(self) -> bool:
        """Return whether the form carries files."""
        return any(one.kind == "file" for one in self.inputs)

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
            if not any(i.raw for i in row.inputs if i.raw != (defaults[i.field.name] or "")) and not values.get(
                "primary"
            ):
                continue  # an empty line is no line
            rows.rows.append(row)
            found.append({**values, **({"id": UUID(key)} if is_id(key) else {})})
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
