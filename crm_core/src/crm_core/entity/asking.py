"""What a list, count or bulk action asks for, checked against what the actor may know."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity import access, columns, filter_sql, filters, paths, search
from crm_core.entity.custom_fields import custom_of
from crm_core.entity.filter_times import NOBODY, SETTLED, CalendarSettings, Edge, Moment
from crm_core.entity.statements import parameter, prepared
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

LIMIT = 50
COMMON = 3000  # records with a custom value above which a list is read in its order instead


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
    common: frozenset[int] = frozenset()


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


async def weigh(uow: UnitOfWork, it: Asked) -> None:
    """Note which custom values so many records have that a search is better not begun with them.

    Both planners would begin with the rows of the value and sort all that they lead to.
    """
    if not uow.registry.custom.get(it.entity.name):
        return
    parts = it.node.parts if isinstance(it.node, filters.All) else (it.node,)
    found, place = set(), 0
    for node in filters.walk(it.node):
        if not isinstance(node, filters.Test):
            continue
        value = node.path.value
        if node in parts and value is not None and not node.path.steps and custom_of(value) is not None:
            key = ("common", it.entity.name, filters.shape(node))
            query = prepared(uow, key, partial(_some, value, node))
            given = {f"p{i}": it.params[f"p{place + i}"] for i in range(len(node.arguments))}
            if (await query.fetch(uow, given))[0][0] > COMMON:
                found.add(place)
        place += len(node.arguments)
    it.common = frozenset(found)
    it.key = (*it.key, it.common)


def _some(value: paths.Value, node: filters.Test) -> sa.Select[Any]:
    numbers = itertools.count()
    rows = filter_sql.custom_rows(value, node, lambda kind: parameter(f"p{next(numbers)}", kind))
    return sa.select(sa.func.count()).select_from(rows.limit(COMMON + 1).subquery())


def _searched(uow: UnitOfWork, entity: Entity, node: filters.Node, words: list[str]) -> tuple[filters.Node, list[str]]:
    """Return filter and index words for a search: whoever is barred from something indexed searches the title."""
    if words and search.searchable(entity) and not search.barred(uow.registry, uow.actor, entity):
        return node, words
    title = paths.names(uow.registry, entity.name).values[entity.title]
    if not words or not paths.sees(uow.actor, title) or columns.twin_of(title) is None:
        return filters.NOTHING, []
    path = paths.Path(entity.title, (), title)
    return filters.All((node, filters.Test(path, "has_words", tuple(f" {w}" for w in words)))), []


def condition(uow: UnitOfWork, it: Asked) -> sa.ColumnElement[bool]:
    """Return the condition of a list: rights, filter and search words."""
    table = access.table_of(it.entity)
    parts = [access.rows(uow.registry, uow.actor, it.entity, "read", deleted=it.deleted)]
    if it.verb != "read":
        parts.append(access.rows(uow.registry, uow.actor, it.entity, it.verb, deleted=it.deleted))
    if it.node is not filters.EVERYTHING:
        parts.append(filter_sql.compile_filter(uow.registry, uow.actor, it.entity, it.node, None, it.common))
    if it.words:
        parts.append(table.c.id.in_(search.found(uow.db.dialect, it.entity)))
    return sa.and_(*parts)
