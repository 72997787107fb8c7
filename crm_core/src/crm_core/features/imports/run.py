"""Import of a sheet into an entity, with the rights of the actor, an event per record and a report per row.

Rows go in chunks, each a transaction of its own that never holds the writer long nor the event loop. A
row that cannot be imported is reported and left out; a value that cannot be matched (an unknown choice,
a name that leads nowhere) is reported and left empty. Nothing is dropped silently.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crm_core.auth.actor import Actor, Scope
from crm_core.db.types import new_id
from crm_core.entity import access
from crm_core.entity import fields as f
from crm_core.entity.clean import BadValue
from crm_core.entity.folding import fold
from crm_core.errors import Forbidden, Invalid
from crm_core.features.imports.columns import Cells, Column, mapped
from crm_core.features.imports.links import Names
from crm_core.features.imports.plan import Draft, Plan, Problem, Report
from crm_core.features.imports.sheets import Row, Sheet
from crm_core.i18n import Strings, Text

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

_ = Strings("crm_core")

CHUNK = 150  # rows in one transaction: what is written at its end stays under 50 ms
SLICE = 25  # rows between two looks at the event loop
PLACE = re.compile(r"\{([^{}]+)\}")  # of a cell in a constant


class Import:
    """The state of one running import: what every chunk needs and no chunk changes but names and report."""

    def __init__(self, kernel: Kernel, actor: Actor, sheet: Sheet, plan: Plan) -> None:
        self.kernel = kernel
        self.actor = actor
        self.sheet = sheet
        self.plan = plan
        self.entity = plan.entity
        pairs = plan.mapping.items() if isinstance(plan.mapping, Mapping) else plan.mapping
        self.columns = mapped(kernel.registry, actor, plan.entity, sheet.columns, pairs)
        self.fixed = self._constants()
        self.cells = Cells(actor.zone, plan.day_first)
        self.names = Names()
        self.known = {name: {fold(v): v for v in values} for name, values in plan.known.items()}
        self.report = Report(cause=new_id(), dry_run=plan.dry_run)
        self.later: list[tuple[int, UUID, Column, str]] = []
        self.titles: dict[str, UUID] = {}
        self.has_self_link = any(self.links_to_self(c) for c in self.columns)
        self._demand()

    def _constants(self) -> list[tuple[Column, str]]:
        titles = tuple(self.plan.constants)
        columns = mapped(self.kernel.registry, self.actor, self.entity, titles, [(t, t) for t in titles])
        return [(c, self.plan.constants[c.title]) for c in columns]

    def _demand(self) -> None:
        verbs = {"create": ("create",), "update": ("edit",), "both": ("create", "edit")}[self.plan.mode]
        for verb in ("import", *verbs):
            if access.scope_of(self.kernel.registry, self.actor, self.entity, verb) is Scope.none:
                raise Forbidden(_("You may not import {plural}.", plural=self.entity.plural))
        if self.plan.mode != "create" and not self.plan.match:
            raise Invalid(_("Updating needs a field that finds the records."))
        if self.plan.match and self.plan.match not in ("id", *self.entity.match_by):
            known = ", ".join(("id", *self.entity.match_by))
            raise Invalid(_("{label} can be found by: {known}.", label=self.entity.label, known=known))

    def links_to_self(self, column: Column) -> bool:
        """Return whether a column names other records of the same entity, perhaps further down the file."""
        link = column.target.field
        return isinstance(link, f.Link) and link.target == self.entity.name

    def problem(self, row: int, column: str, value: Any, text: Text | str, *, failed: bool) -> None:
        """Report a problem, and hand it to whoever listens."""
        found = Problem(row, column, str(value)[:200], text, failed)
        self.report.note(found)
        if self.plan.problems:
            self.plan.problems(found)

    def miss(self, draft: Draft, column: str, value: str, text: Text | str, near: Sequence[str] = ()) -> None:
        """Report a value that could not be matched; in a strict import it fails its row."""
        if self.plan.strict:
            self.fail(draft, column, value, text)
            return
        if column in draft.told:
            return
        draft.told.add(column)
        self.report.miss(draft.row.number, column, value, text, near)
        if self.plan.problems:
            self.plan.problems(Problem(draft.row.number, column, value[:200], text, failed=False))

    def fail(self, draft: Draft, column: str, value: Any, text: Text | str) -> None:
        """Report why a row is not imported; the first reason counts the row as failed."""
        if not draft.failed:
            draft.failed = True
            self.problem(draft.row.number, column, value, text, failed=True)

    def draft(self, row: Row) -> Draft:
        """Return a row's values, read from its cells."""
        draft = Draft(row)
        if row.problem is not None:
            self.fail(draft, "", "", row.problem)
            return draft
        for column, text in self.fixed:
            self._cell(draft, column, self._filled_in(text, row) if "{" in text else text)
        for column in self.columns:
            self._cell(draft, column, row.cells[column.index] if column.index < len(row.cells) else None)
        if self.plan.match:
            draft.match = self._match_text(draft)
        return draft

    def _cell(self, draft: Draft, column: Column, cell: Any) -> None:
        target = column.target
        try:
            value = self.cells.value(column, cell)
        except BadValue as error:
            self.fail(draft, column.title, cell, error.text)
            return
        if value is None:
            return
        if target.child is not None:
            self._child(draft, column, value)
        elif target.field.kind in ("link", "stage"):
            draft.names[target.key] = (column, str(value))
        elif target.field.kind == "choice":
            self._choice(draft, column, str(value))
        else:
            draft.values[target.key] = value
            known = self.known.get(target.name)
            if known is not None and fold(str(value)) not in known:
                near = [known[n] for n in difflib.get_close_matches(fold(str(value)), list(known), n=1)]
                self.miss(draft, column.title, str(value), _("Not one of the known values."), near)

    def _filled_in(self, text: str, row: Row) -> str:
        cells = dict(zip(self.sheet.columns, row.cells, strict=False))
        return PLACE.sub(lambda m: str(cells.get(m[1]) or "") if m[1] in cells else m[0], text).strip(" -–,:")

    def _child(self, draft: Draft, column: Column, value: Any) -> None:
        rows = draft.values.setdefault(column.target.key, [])
        first = column.target.child.fields[0].name if column.target.child else ""
        if column.target.field.name == first:
            # An export has several in one cell.
            rows += [{first: part.strip()} for part in str(value).split(";") if part.strip()]
        elif rows:
            rows[-1][column.target.field.name] = value

    def _choice(self, draft: Draft, column: Column, value: str) -> None:
        options = column.target.field.options  # type: ignore[attr-defined]  # a Choice
        words = {fold(w): o.value for o in options for w in (o.value, str(o.label), o.label.to("de"))}
        found = words.get(fold(value))
        if found is not None:
            draft.values[column.target.key] = found
            return
        near = [words[n] for n in difflib.get_close_matches(fold(value), list(words), n=1)]
        self.miss(draft, column.title, value, _("Unknown value; left empty."), near)

    def _match_text(self, draft: Draft) -> str:
        value = draft.values.get(self.plan.match)
        if isinstance(value, list):
            return str(next(iter(value[0].values()), "")) if value else ""
        if self.plan.match == "id":
            return str(draft.values.pop("id", "") or "")
        return str(value or "")


async def run_import(
    kernel: Kernel,
    actor: Actor,
    sheet: Sheet,
    plan: Plan,
    *,
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Import a sheet and return the report. Forbidden, UnknownTarget and SheetError end it before the first row."""
    from crm_core.features.imports.chunks import import_chunk, link_later
    from crm_core.features.imports.hints import SAMPLE, listed

    job = Import(kernel, actor, sheet, plan)
    if plan.dry_run:
        async with kernel.read(actor) as uow:
            job.report.duplicates = await listed(uow, plan, preview(kernel, actor, sheet, plan, SAMPLE))
    rows = sheet.rows()
    while chunk := await _next(rows):
        await import_chunk(job, chunk)
        if progress is not None:
            progress(job.report)
    await link_later(job)
    if progress is not None:
        progress(job.report)
    return job.report


async def _next(rows: Iterator[Row]) -> list[Row]:
    """Return the next chunk of rows, without keeping the event loop waiting."""
    found: list[Row] = []
    while len(found) < CHUNK:
        part = list(islice(rows, SLICE))
        found += part
        if len(part) < SLICE:
            break
        await asyncio.sleep(0)
    return found


def preview(kernel: Kernel, actor: Actor, sheet: Sheet, plan: Plan, rows: int = 10) -> list[dict[str, Any]]:
    """Return the first rows as they would be read: values by target, names of links, and what is wrong."""
    job = Import(kernel, actor, sheet, replace(plan, problems=None))
    found = []
    for row in islice(sheet.rows(), rows):
        before = len(job.report.problems)
        draft = job.draft(row)
        values = {k: v for k, v in draft.values.items() if v is not None}
        values |= {c.target.name: name for c, name in draft.names.values()}
        wrong = [{"column": p.column, "value": p.value, "text": str(p.text)} for p in job.report.problems[before:]]
        found.append({"row": row.number, "values": values, "problems": wrong, "match": draft.match})
    return found


__all__ = ["Draft", "Import", "Plan", "Problem", "Report", "preview", "run_import"]
