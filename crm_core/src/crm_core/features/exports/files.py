"""Export of records as CSV or XLSX, in pages from own read sessions, with the rights of the actor.

No cell is taken for a formula by a spreadsheet; the importer gives the original text back.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from crm_core.auth.actor import Actor, Scope
from crm_core.entity import access, query
from crm_core.entity import fields as f
from crm_core.entity.cells import shielded
from crm_core.entity.custom_fields import PREFIX
from crm_core.entity.custom_values import typed
from crm_core.errors import Forbidden, Invalid
from crm_core.i18n import Strings, Text, show
from crm_core.plugin.declare import Entity, Ref
from crm_core.plugin.registry import Registry

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PAGE = 500
SEVERAL = "; "  # between the values of a cell that holds several
LARGEST_CELL = 32_767  # characters in a cell of XLSX
ZONE = f.Text("zone", _("Time zone"))  # of an appointment; several of a record may share it


@dataclass(frozen=True, slots=True)
class Shown:
    """One column: its title in the file and the key, field and child its value comes from."""

    title: str
    label: Text | str
    key: str
    field: f.Field
    part: str = ""  # the child's first field, for lists of children


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to export. columns: names of fields and children (empty: all); labels: titles in words, not keys."""

    entity: Entity
    filter: Any = None
    q: str = ""
    sort: str = ""
    columns: tuple[str, ...] = ()
    labels: bool = False


def shown(registry: Registry, actor: Actor, wanted: Wanted) -> list[Shown]:
    """Return the columns the actor may read, in order. Invalid for a name that is not there or barred."""
    entity = wanted.entity
    children = {c.name: c for c in entity.children if actor.may_see(entity.name, c.name)}
    fields = {x.name: x for x in registry.fields(entity) if actor.may_see(entity.name, x.name)}
    extended = {e.field.name for e in registry.extensions.get(entity.name, ()) if e.sql is not None}
    names = wanted.columns or ("id", *(n for n in fields if n not in extended), *children)
    found: list[Shown] = []
    for name in dict.fromkeys(names):
        if name == "id":
            found.append(Shown("id", _("Id"), "id", f.Text("id", _("Id"))))
        elif name in children:
            child = children[name]
            found.append(Shown(name, child.label, name, child.fields[0], child.fields[0].name))
        elif name in fields:
            field = fields[name]
            found.append(Shown(name, field.label, name, field))
            if isinstance(field, f.Money):
                code = _("{label}, currency", label=field.label)
                found.append(Shown(f"{name}_currency", code, f"{name}_currency", f.Text(f"{name}_currency", code)))
            elif isinstance(field, f.Appointment) and field.zone_column not in {c.key for c in found}:
                found.append(Shown(field.zone_column, ZONE.label, field.zone_column, ZONE))
        else:
            raise Invalid(_("Unknown field: {name}.", name=name))
    return found


def demand(registry: Registry, actor: Actor, entity: Entity) -> None:
    """Raise Forbidden without the right to export; its reach bounds the rows."""
    if access.scope_of(registry, actor, entity, "export") is Scope.none:
        raise Forbidden(_("You may not export {plural}.", plural=entity.plural))


async def pages(kernel: Kernel, actor: Actor, wanted: Wanted) -> AsyncIterator[list[list[Any]]]:
    """Yield pages of rows of plain values: text, numbers, days, instants."""
    demand(kernel.registry, actor, wanted.entity)
    columns = shown(kernel.registry, actor, wanted)
    asked = (c.key for c in columns if c.key != "id" and not c.key.endswith("_currency") and c.field is not ZONE)
    names = tuple(dict.fromkeys(asked))
    cursor: str | None = None
    while True:
        async with kernel.read(actor) as uow:
            params = query.ListParams(
                filter=wanted.filter,
                q=wanted.q,
                sort=wanted.sort,
                fields=names,
                limit=PAGE,
                cursor=cursor,
                verb="export",
            )
            page = await query.list_records(uow, wanted.entity, params)
            labels = await _labels(uow, columns, page.items)
        yield [[_cell(c, item, labels) for c in columns] for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return
        await asyncio.sleep(0)


async def _labels(uow: UnitOfWork, columns: Sequence[Shown], items: Sequence[Any]) -> dict[Ref, str]:
    refs: set[Ref] = set()
    for column in columns:
        target = _target(column.field)
        if target and not column.part:
            refs |= {Ref(target, key) for item in items if (key := _value(column, item)) is not None}
    return await query.labels(uow, refs)


def _value(column: Shown, item: Any) -> Any:
    """Return the value of a column; that of a custom field is in the JSON of the record."""
    if not column.key.startswith(PREFIX):
        return getattr(item, column.key, None)
    values = item.custom if isinstance(item.custom, dict) else msgspec.json.decode(item.custom)
    return typed(column.field, values.get(column.key.removeprefix(PREFIX)))


def _target(field: f.Field) -> str:
    return field.target if isinstance(field, f.Link) else "core.stage" if isinstance(field, f.Stage) else ""


def _cell(column: Shown, item: Any, labels: dict[Ref, str]) -> Any:
    value = _value(column, item)
    if value is None:
        return None
    if column.part:
        return SEVERAL.join(str(_part(row, column.part)) for row in value)
    if (target := _target(column.field)) != "":
        return labels.get(Ref(target, value), str(value))
    if isinstance(value, list):
        return SEVERAL.join(str(v) for v in value)
    return value


def _part(row: Any, name: str) -> Any:
    found = row.get(name) if isinstance(row, dict) else getattr(row, name, None)
    return "" if found is None else found


def plain(value: Any) -> str:
    """Return a value as a cell of CSV: ISO days and instants, numbers with a point, shielded text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, int | date | UUID):
        return str(value)
    return shielded(str(value))


async def export_csv(kernel: Kernel, actor: Actor, wanted: Wanted) -> AsyncIterator[bytes]:
    """Yield a CSV file, UTF-8 with a mark that spreadsheets look for, commas, CRLF."""
    columns = shown(kernel.registry, actor, wanted)
    demand(kernel.registry, actor, wanted.entity)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([_title(c, wanted, actor.locale) for c in columns])
    yield b"\xef\xbb\xbf"
    async for page in pages(kernel, actor, wanted):
        for number, row in enumerate(page):
            writer.writerow([plain(v) for v in row])
            if number % 100 == 99:
                await asyncio.sleep(0)
        yield buffer.getvalue().encode("utf-8", "replace")
        buffer.seek(0)
        buffer.truncate()


async def export_xlsx(
    kernel: Kernel, actor: Actor, wanted: Wanted, path: Path, *, progress: Callable[[int], None] | None = None
) -> int:
    """Write an XLSX file and return the number of rows; rows go to disk as they come."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    columns = shown(kernel.registry, actor, wanted)
    demand(kernel.registry, actor, wanted.entity)
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title=str(wanted.entity.plural)[:31])
    sheet.append([_title(c, wanted, actor.locale) for c in columns])
    count = 0

    def cell(value: Any) -> Any:
        if value is None or isinstance(value, bool | int | Decimal):
            return value
        if isinstance(value, datetime):
            return value.astimezone(UTC).replace(tzinfo=None)
        if isinstance(value, date):
            return value
        made = WriteOnlyCell(sheet, value="")
        made.value = _storable(str(value))
        made.data_type = "s"  # a text, whatever it begins with
        return made

    async for page in pages(kernel, actor, wanted):
        for number, row in enumerate(page):
            sheet.append([cell(v) for v in row])
            if number % 50 == 49:
                await asyncio.sleep(0)
        count += len(page)
        if progress:
            progress(count)
    await asyncio.to_thread(book.save, path)
    return count


def _storable(text: str) -> str:
    """Return a text without the control characters that XLSX cannot hold."""
    return "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text)[:LARGEST_CELL]


def _title(column: Shown, wanted: Wanted, locale: str) -> str:
    return shielded(show(column.label, locale)) if wanted.labels else column.title
