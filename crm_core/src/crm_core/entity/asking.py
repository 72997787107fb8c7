"""What a list, count or bulk action asks for, checked against what the actor may know."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity import access, columns, filter_sql, filters, paths, search
from crm_core.entity.custom_fields import custom_of
from crm_core.entity.filter_times import NOBODY, SETTLED, CalendarSettings, Edge, Moment
from crm_core.entity.filter_values import padded
from crm_core.entity.statements import parameter, prepared
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

LIMIT = 50
COMMON = 3000  # records with a custom value above which a list is read in its order instead
FEW = 1000  # records without one up to which they are named in the statement


@dataclass(frozen=True, slots=True)
class ListParams:
    """What a list asks for.

    filter: JSON text, decoded JSON or a parsed filter. q: words to search for. sort: a sortable field,
    "-" first for descending. fields: None for every plain field. limit: 1 to 500 rows. cursor: from the
    page before. deleted: the trash. expand: links whose records are given along. verb: what the rows must allow
    beside being read ("export").
    """

    filter: Any = None
    q: str = ""
    sort: str = ""
    fields: tuple[str, ...] | None = None
    limit: int = LIMIT
    cursor: str | None = None
    deleted: bool = False
    expand: tuple[str, ...] = ()
    verb: str = "read"


@dataclass(slots=True)
class Asked:
    """A list's parameters, understood and checked for one actor; `key` is what decides the SQL."""

    entity: Entity
    node: filters.Node
    words: list[str]
    deleted: bool
    key: tuple[Any, ...]
    params: dict[str, Any] = field(default_factory=dict)
    verb: str = "read"
    ways: filter_sql.Ways = field(default_factory=dict)


async def moment(uow: UnitOfWork, node: filters.Node) -> Moment:
    """Return when and for whom a filter is asked in a unit of work; settings are read only if it needs them."""
    settled = any(
        isinstance(a, Edge) and a.unit in SETTLED
        for n in filters.walk(node) if isinstance(n, filters.Test) for a in n.arguments
    )  # fmt: skip
    calendar = await uow.settings(CalendarSettings) if settled else CalendarSettings()
    return Moment(uow.now, uow.zone, uow.actor.user_id or NOBODY, calendar)


async def asked(uow: UnitOfWork, entity: Entity, params: ListParams) -> Asked:
    """Check filter and search words of a list; Invalid says what is wrong."""
    node = filters.parse(uow.registry, uow.actor, entity, params.filter)
    words = search.words_of(params.q)
    if params.q.strip():
        node, words = _searched(uow, entity, node, words)
    involved = dict.fromkeys(
        s.target.name for path, _value in filters.steps_of(node) for s in path.steps if isinstance(s.target, Entity)
    )
    key = (
        entity.name, filters.shape(node), bool(words), params.deleted,
        access.shape(uow.registry, uow.actor, entity),
        *(access.shape(uow.registry, uow.actor, uow.registry.entities[e]) for e in involved),
        None if params.verb == "read" else access.shape(uow.registry, uow.actor, entity, params.verb),
    )  # fmt: skip
    found = Asked(entity, node, words, params.deleted, key, verb=params.verb)
    found.params = {f"p{i}": v for i, v in enumerate(filters.arguments(node, await moment(uow, node)))}
    found.params.update(access.parameters(uow.actor))
    if words:
        found.params["words"] = search.match(uow.db.dialect, words)
    return found


async def weigh(uow: UnitOfWork, it: Asked, *, in_order: bool = True) -> None:
    """Note how each custom value among the terms that must all hold is to be looked for, by how many records have it.

    Both planners would begin with the rows of the commonest value and sort all that they lead to, or go through all
    records for the few that have none. in_order: the list is read in its order and up to its limit.
    """
    if not uow.registry.custom.get(it.entity.name):
        return
    parts = it.node.parts if isinstance(it.node, filters.All) else (it.node,)
    without = {p.part for p in parts if isinstance(p, filters.Not) and isinstance(p.part, filters.Test)}
    place = 0
    for node in filters.walk(it.node):
        if not isinstance(node, filters.Test):
            continue
        value = node.path.value
        given = {f"p{i}": it.params[f"p{place + i}"] for i in range(len(node.arguments))}
        place += len(node.arguments)
        if value is None or node.path.steps or custom_of(value) is None:
            continue
        if node in without:
            key = ("without", it.entity.name, filters.shape(node))
            ids = await prepared(uow, key, partial(_without, it.entity, value, node)).fetch(uow, given)
            if len(ids) <= FEW:
                named = {f"w{len(it.ways)}_{i}": v for i, v in enumerate(padded([row[0] for row in ids]))}
                it.params |= named
                it.ways[node] = tuple(named)
            elif in_order:
                it.ways[node] = filter_sql.EACH
        elif in_order and node in parts:
            query = prepared(uow, ("common", it.entity.name, filters.shape(node)), partial(_some, value, node))
            common = (await query.fetch(uow, given))[0][0] > COMMON
            it.ways[node] = filter_sql.EACH if common else filter_sql.FIRST
    it.key = (*it.key, *(w if isinstance(w, str) else len(w) for w in it.ways.values()))


def _some(value: paths.Value, node: filters.Test) -> sa.Select[Any]:
    rows = filter_sql.custom_rows(value, node, _numbered())
    return sa.select(sa.func.count()).select_from(rows.limit(COMMON + 1).subquery())


def _without(entity: Entity, value: paths.Value, node: filters.Test) -> sa.Select[Any]:
    """Return the first records of all that do not meet a test: both sides come in the order of an index."""
    met = filter_sql.custom_rows(value, node, _numbered(), of_one=True)
    left = sa.except_(sa.select(access.table_of(entity).c.id), met).order_by(sa.literal_column("1")).limit(FEW + 1)
    return sa.select(left.subquery().c.id)


def _numbered() -> Callable[[Any], Any]:
    numbers = itertools.count()
    return lambda kind: parameter(f"p{next(numbers)}", kind)


def _searched(uow: UnitOfWork, entity: Entity, node: filters.Node, words: list[str]) -> tuple[filters.Node, list[str]]:
    """Return filter and index words for a search: whoever is barred from something indexed searches the title."""
    if words and search.searchable(entity) and not search.barred(uow.registry, uow.actor, entity):
        return node, words
    title = paths.names(uow.registry, entity.name).values[entity.title]
    if not words or not paths.sees(uow.actor, title) or columns.twin_of(title) is None:
        return filters.NOTHING, []
    path = paths.Path(entity.title, (), title)
    return filters.All((node, filters.Test(path, "has_words", tuple(f" {w}" for w in words)))), []


def condition(uow: UnitOfWork, it: Asked, half: Any = None) -> sa.ColumnElement[bool]:
    """Return the condition of a list: rights (or one of the `access.halves`), filter and search words."""
    table = access.table_of(it.entity)
    parts = [access.rows(uow.registry, uow.actor, it.entity, "read", deleted=it.deleted, granted=half)]
    if it.verb != "read":
        parts.append(access.rows(uow.registry, uow.actor, it.entity, it.verb, deleted=it.deleted))
    if it.node is not filters.EVERYTHING:
        parts.append(filter_sql.compile_filter(uow.registry, uow.actor, it.entity, it.node, None, it.ways))
    if it.words:
        parts.append(table.c.id.in_(search.found(uow.db.dialect, it.entity)))
    return sa.and_(*parts)
