"""The state of a list in its address: quick search, filters by field, sort, columns, page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request

from crm_core.entity import fields as f
from crm_core.entity import paths
from crm_core.entity.query import ListParams
from crm_core.errors import Invalid
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Entity
from crm_core.uow import UnitOfWork
from crm_core.web.views import seen_fields

_ = Strings("crm_core")
PAGE = 50
PERIODS = {
    "overdue": (_("Before today"), None, -1),
    "today": (_("Today"), 0, 0),
    "last-7": (_("Last 7 days"), -7, 0),
    "last-30": (_("Last 30 days"), -30, 0),
    "last-90": (_("Last 90 days"), -90, 0),
    "next-7": (_("Next 7 days"), 0, 7),
    "next-30": (_("Next 30 days"), 0, 30),
}
TEXTS = ("text", "email", "phone", "url", "long_text", "rich_text")
RANGES = ("integer", "decimal", "percent", "money")
TIMES = ("date", "datetime", "appointment")
SETS = ("multi_choice", "tags", "links")
EMPTY, ME = "empty", "me"


class ListSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """first: entity to the saved view that a user's list of it opens with."""

    first: dict[str, UUID] = {}


@dataclass(slots=True)
class Chip:
    """One active filter: what it says, and the address without it."""

    label: Text
    text: str
    without: str


@dataclass(slots=True)
class ListState:
    """Read from the address by `list_state`; `link` makes addresses of neighbouring states."""

    entity: Entity
    path: str
    fields: list[f.Field]
    columns: list[f.Field]
    q: str = ""
    sort: str = ""
    filters: dict[str, list[str]] = field(default_factory=dict)
    advanced: str = ""  # a filter as JSON, from a link
    cursor: str = ""
    trash: bool = False
    default_columns: bool = True
    group: str = ""

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield the address's parameters, without the cursor."""
        if self.q:
            yield "q", self.q
        if self.sort and self.sort != self.entity.default_sort:
            yield "sort", self.sort
        for name, values in self.filters.items():
            for value in values:
                yield name, value
        yield from ((n, v) for n, v in (("filter", self.advanced), ("group", self.group)) if v)
        if not self.default_columns:
            for column in self.columns:
                yield "columns", column.name
        if self.trash:
            yield "trash", "1"

    def link(self, drop: Sequence[str] = (), **more: str) -> str:
        """Return the address of this state with parameters dropped and added."""
        kept = [(k, v) for k, v in self.pairs() if k not in drop and k not in more]
        kept += [(k, v) for k, v in more.items() if v]
        return self.path + (f"?{urlencode(kept)}" if kept else "")

    def hidden(self, *drop: str) -> list[tuple[str, str]]:
        """Return parameters a GET form keeps, those it sets itself dropped."""
        return [
            (k, v)
            for k, v in self.pairs()
            if k not in drop and not any(k.startswith(d) for d in drop if d.endswith("."))
        ]

    def sort_link(self, column: f.Field) -> str:
        """Return the address that sorts by a column, turned round when it does so already."""
        return self.link(sort=f"-{column.name}" if self.sort == column.name else column.name)

    def direction(self, column: f.Field) -> str:
        """Return "ascending", "descending" or ""."""
        return {column.name: "ascending", f"-{column.name}": "descending"}.get(self.sort, "")

    def value(self, name: str) -> str:
        """Return a filter's first value."""
        return (self.filters.get(name) or [""])[0]

    def params(self, uow: UnitOfWork) -> ListParams:
        """Return what the query takes."""
        names = dict.fromkeys([self.entity.title, *(c.name for c in self.columns)])
        return ListParams(
            filter=self.condition(uow), q=self.q, sort=self.sort, fields=tuple(names), limit=PAGE,
            cursor=self.cursor or None, deleted=self.trash,
        )  # fmt: skip

    def condition(self, uow: UnitOfWork) -> Any:
        """Return the filter as the filter language has it; None without one."""
        found = [c for x in self.filterable() for c in self._conditions(x, uow)]
        if self.advanced:
            try:
                found.append(msgspec.json.decode(self.advanced))
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
                raise Invalid(_("The filter in this address cannot be read.")) from error
        return {"all": found} if found else None

    def filterable(self) -> list[f.Field]:
        """Return the fields offered as filters."""
        unasked = ("file", "any_link", "rich_text")
        return [
            x for x in self.fields
            if x.filterable and x.kind not in unasked and (x.kind not in TEXTS or "has_word" in x.operators)
        ]  # fmt: skip

    def _conditions(self, one: f.Field, uow: UnitOfWork) -> Iterator[dict[str, Any]]:
        name = f"f.{one.name}"
        values = [v for v in self.filters.get(name, []) if v]
        if values == [EMPTY]:
            yield {"field": one.name, "op": "empty"}
        elif values and one.kind in TIMES and values[0] in PERIODS:
            yield _period(one, values[0], uow)
        elif values:
            yield {"field": one.name, **_test(one, values, uow)}
        for end, op in (("from", "gte"), ("to", "lte")):
            if value := self.value(f"{name}.{end}"):
                yield {"field": one.name, "op": op, "value": value}


def _test(one: f.Field, values: list[str], uow: UnitOfWork) -> dict[str, Any]:
    if one.kind in TEXTS:
        return {"op": "has_word", "value": values[0]}
    if one.kind == "boolean":
        return {"op": "is", "value": values[0] == "1"}
    if one.kind in SETS:
        return {"op": "has_any", "value": values}
    if one.kind in RANGES or one.kind in TIMES:
        return {"op": "is", "value": values[0]}
    if ME in values:
        values = [str(uow.actor.user_id) if v == ME else v for v in values]
    return {"op": "in", "value": values}


def _period(one: f.Field, name: str, uow: UnitOfWork) -> dict[str, Any]:
    _label, start, end = PERIODS[name]
    if start is None:
        today = uow.now.astimezone(ZoneInfo(uow.zone)).date()
        value = today.isoformat() if one.kind == "date" else uow.now.isoformat()
        return {"field": one.name, "op": "lt", "value": value}
    return {"field": one.name, "op": "within", "value": {"unit": "day", "from": start, "to": end}}


def list_state(request: Request[Any, Any, Any], uow: UnitOfWork, entity: Entity) -> ListState:
    """Read the state of a list from its address; names that mean nothing (any more) are left out."""
    q = request.query_params
    fields = seen_fields(uow, entity)
    by_name = {x.name: x for x in fields}
    asked = [by_name[n] for n in q.getall("columns", []) if n in by_name]
    own = (c.field.name for c in uow.registry.custom.get(entity.name, ()) if c.listed)
    columns = asked or [by_name[n] for n in (*entity.list_columns, *own) if n in by_name]
    if q.get("trash") == "1" and not asked:
        columns = [*columns[:3], *(x for x in paths.SYSTEM if x.name.startswith("deleted_"))]
    sort = q.get("sort", "")
    known = sort.removeprefix("-") in by_name and by_name[sort.removeprefix("-")].sortable
    filters: dict[str, list[str]] = {}
    for key, value in q.multi_items():
        if key.startswith("f.") and value.strip() and key[2:].removesuffix(".from").removesuffix(".to") in by_name:
            filters.setdefault(key, []).append(value.strip())
    return ListState(
        entity, f"/{entity.path}", fields, columns, q.get("q", "").strip(), sort if known else entity.default_sort,
        filters, q.get("filter", ""), q.get("cursor", ""), q.get("trash") == "1", not asked,
        group if (group := q.get("group", "")) in by_name else "",
    )  # fmt: skip
