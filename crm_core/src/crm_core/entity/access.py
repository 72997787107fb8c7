"""Who may see which rows and which values: one condition for every query and every joined entity.

Parameters of the condition are named `actor…`, so that a statement made for one actor serves every
other with the same `shape`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.sql.util import ClauseAdapter, _deep_deannotate

from crm_core.auth.actor import Actor, ActorKind, Scope
from crm_core.db.model import metadata
from crm_core.db.types import Id
from crm_core.entity import fields as f
from crm_core.errors import NotFound
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
READING = ("read", "export")
CHANGING = ("edit", "bulk_edit", "import")
"""Verbs that a share of level "edit" opens; any share opens those of READING, as far as a role has the verb at all."""


@dataclass(frozen=True, slots=True)
class Way:
    """One reason for which rows are an actor's to use, and the SQL condition that decides it.

    word: "everything" (an administrator), "public", "all" (a role's scope), "owner", "team", "share", "rule" (the
    entity's own `also_visible`), "parent" (the record it belongs to).
    """

    word: str
    condition: Any


def table_of(entity: Entity) -> sa.Table:
    """Return an entity's table."""
    found: sa.Table = entity.model.__table__
    return found


def rows(
    registry: Registry,
    actor: Actor,
    entity: Entity,
    verb: str,
    table: sa.FromClause | None = None,
    *,
    deleted: bool | None = False,
    granted: Any = None,
) -> sa.ColumnElement[bool]:
    """Return the condition under which a row of `table` (the entity's own by default) is the actor's to `verb`.

    deleted: False for live rows, True for the trash, None for both. It may be null, which is no: put it in
    a `where` or an `exists`, never under a `not` (a coalesce here would keep the planner from the indexes).
    granted: one of the `halves`, instead of all ways.
    """
    at = table_of(entity) if table is None else table
    given = _granted(registry, actor, entity, verb, at) if granted is None else granted
    parts = [given, *(~bar for bar in bars(actor, entity, at))]
    if deleted is not None and "deleted_at" in at.c:
        parts.append(at.c.deleted_at.is_not(None) if deleted else at.c.deleted_at.is_(None))
        if deleted and "merged_into" in at.c:
            parts.append(at.c.merged_into.is_(None))  # a merged record comes back by undoing the merge
    return sa.and_(*parts)


def bars(actor: Actor, entity: Entity, at: sa.FromClause) -> list[Any]:
    """Return the conditions under which a row is hidden whatever the rights: the entity's `never_visible`.

    Behind an actor who acts for somebody it is asked for both.
    """
    if entity.never_visible is None or actor.kind is ActorKind.system:
        return []
    return [
        sa.func.coalesce(adapted(entity, entity.never_visible(person), at), sa.false())
        for _name, person in _chain(actor)
    ]


def _chain(actor: Actor) -> Iterator[tuple[str, Actor]]:
    """Yield the actor and whoever it acts for, each alone, with the start of the names of their parameters."""
    person: Actor | None = actor
    depth = 0
    while person is not None:
        alone = person if person.on_behalf_of is None else replace(person, on_behalf_of=None)
        yield (f"actor{depth}" if depth else "actor"), alone
        depth, person = depth + 1, person.on_behalf_of


def _granted(registry: Registry, actor: Actor, entity: Entity, verb: str, at: sa.FromClause) -> Any:
    if _above(entity) is not None:
        return sa.or_(sa.false(), *(w.condition for w in ways(registry, actor, entity, verb, at)))
    return sa.and_(
        *(
            sa.or_(sa.false(), *(w.condition for w in ways(registry, person, entity, verb, at, name)))
            for name, person in _chain(actor)
        )
    )


def _above(entity: Entity) -> f.Link | None:
    """Return the link to the parent whose rights a child entity has."""
    link = entity.field(entity.parent) if entity.parent else None
    return link if isinstance(link, f.Link) else None


def ways(
    registry: Registry, actor: Actor, entity: Entity, verb: str, at: sa.FromClause, name: str = "actor"
) -> list[Way]:
    """Return the ways in which rows of `at` may be one actor's to `verb`; any of them is enough.

    Lists, single records and the answer to "why can X see this" are all made from these.
    """
    link = _above(entity)
    if link is not None:
        return _by_parent(registry, actor, registry.entities.get(link.target), link, verb, at)
    if entity.public_read and verb == "read" and actor.kind is not ActorKind.guest:
        return [Way("public", sa.true())]
    scope = actor.scope(entity.name, verb)
    if scope is Scope.all:
        return [Way("everything" if actor.rights.everything else "all", sa.true())]
    if scope is Scope.none:
        return []
    found: list[Way] = []
    if actor.user_id is not None:
        found.append(Way("owner", at.c.owner_id == sa.bindparam(f"{name}_id", actor.user_id, Id())))
    if scope is Scope.team and actor.team_ids:
        found.append(Way("team", at.c.team_id.in_(_teams(actor, name))))
    found += _shared(actor, entity, verb, at, name)
    if entity.also_visible is not None and verb in READING:
        found.append(Way("rule", adapted(entity, entity.also_visible(actor), at)))
    return found


def halves(registry: Registry, actor: Actor, entity: Entity, key: Any) -> tuple[Any, ...]:
    """Return conditions that part what the actor may read into own and shared rows, where an index has (owner, `key`).

    SQLite reads both in order and merges them; with "own or shared" it passes over the rows of others one by one.
    """
    at = table_of(entity)
    ordered = {tuple(c.name for c in index.columns)[:2] for index in at.indexes}
    if getattr(key, "table", None) is not at or ("owner_id", key.name) not in ordered:
        return ()
    found = ways(registry, actor, entity, "read", at)
    if actor.on_behalf_of is not None or [w.word for w in found] != ["owner", "share"]:
        return ()
    own, shared = (w.condition for w in found)
    return own, sa.and_(shared, sa.or_(at.c.owner_id.is_(None), ~own))


def parent_verb(verb: str) -> str:
    """Return the verb on the parent that decides about a child entity's row: changing a part is editing the whole."""
    return verb if verb in ("read", "export", "import", "bulk_edit") else "edit"


def scope_of(registry: Registry, actor: Actor, entity: Entity, verb: str) -> Scope:
    """Return how far a verb reaches on an entity at most; a child entity has its parent's rights."""
    link = _above(entity)
    if link is not None:
        above = registry.entities.get(link.target)
        return scope_of(registry, actor, above, parent_verb(verb)) if above is not None else Scope.none
    if entity.public_read and verb == "read" and actor.kind is not ActorKind.guest:
        return Scope.all
    return actor.scope(entity.name, verb)


def within(actor: Actor, scope: Scope, owner_id: UUID | None, team_id: UUID | None) -> bool:
    """Return whether a record of this owner and team is in reach of a scope; shares do not count."""
    if scope is Scope.all:
        return True
    mine = scope is not Scope.none and owner_id is not None and owner_id == actor.user_id
    return mine or (scope is Scope.team and team_id in actor.team_ids)


def _by_parent(
    registry: Registry, actor: Actor, parent: Entity | None, link: f.Link, verb: str, at: sa.FromClause
) -> list[Way]:
    if parent is None:
        return []
    above = table_of(parent).alias()
    visible = rows(registry, actor, parent, parent_verb(verb), above)
    return [Way("parent", sa.exists().where(above.c.id == at.c[link.name], visible).correlate(at))]


def _teams(actor: Actor, name: str) -> list[Any]:
    return [sa.bindparam(f"{name}_team{i}", t, Id()) for i, t in enumerate(_padded(actor))]


def _padded(actor: Actor) -> list[UUID]:
    teams = sorted(actor.team_ids)
    size = len(teams) if len(teams) <= 8 else 1 << (len(teams) - 1).bit_length()  # few shapes of statements
    return teams + teams[-1:] * (size - len(teams))


def _shared(actor: Actor, entity: Entity, verb: str, at: sa.FromClause, name: str) -> list[Way]:
    """Return the way to single records opened to the actor or the actor's teams."""
    share = metadata.tables.get("core_share")
    if share is None or actor.user_id is None or verb not in (*READING, *CHANGING):
        return []
    me = sa.bindparam(f"{name}_id", actor.user_id, Id())
    holder = share.c.user_id == me
    if actor.team_ids:
        holder = sa.or_(holder, share.c.team_id.in_(_teams(actor, name)))
    opened = sa.select(share.c.record_id).where(share.c.entity == entity.name, holder)
    if verb in CHANGING:
        opened = opened.where(share.c.level == "edit")
    return [Way("share", at.c.id.in_(opened))]


def adapted(entity: Entity, condition: Any, at: sa.FromClause) -> Any:
    """Return a declaration's condition on the entity's model, told about the rows of `at` instead."""
    clause = condition.__clause_element__() if hasattr(condition, "__clause_element__") else condition
    if isinstance(clause, bool):
        return sa.true() if clause else sa.false()
    plain = _deep_deannotate(clause)
    return plain if at is table_of(entity) else ClauseAdapter(at).traverse(plain)


def readable(
    registry: Registry, actor: Actor, entity: Entity, field: f.Field, column: Any, table: sa.FromClause | None = None
) -> Any:
    """Return the column, empty on rows where the actor may not read this field."""
    if not actor.may_see(entity.name, field.name):
        return sa.null().cast(column.type)
    if field.readable is None:
        return column
    condition = adapted(entity, field.readable(actor), table_of(entity) if table is None else table)
    return sa.case((condition, column), else_=None)


def parameters(actor: Actor) -> dict[str, Any]:
    """Return the values of the `actor…` parameters in conditions made for any actor of the same shape."""
    found: dict[str, Any] = {}
    for name, person in _chain(actor):
        found[f"{name}_id"] = person.user_id
        found.update({f"{name}_team{i}": t for i, t in enumerate(_padded(person))})
    return found


def shape(registry: Registry, actor: Actor, entity: Entity, verb: str = "read") -> tuple[Any, ...]:
    """Return what actors share when the same conditions on this entity serve both."""
    link = _above(entity)
    if link is not None and link.target in registry.entities:
        return (entity.name, shape(registry, actor, registry.entities[link.target], parent_verb(verb)))
    key: list[Any] = [entity.name, verb]
    person: Actor | None = actor
    while person is not None:
        key += [
            person.kind, person.rights.key(entity.name, verb), person.scope(entity.name, verb),
            person.user_id is None, len(_padded(person)),
        ]  # fmt: skip
        person = person.on_behalf_of
    if _personal(registry, entity):
        key.append(identity(actor))
    return tuple(key)


@lru_cache(maxsize=512)
def _personal(registry: Registry, entity: Entity) -> bool:
    """Return whether declared conditions hold the actor's own values, so that a statement serves one actor."""
    if entity.also_visible is not None or entity.never_visible is not None:
        return True
    return any(field.readable is not None for field in registry.fields(entity))


def identity(actor: Actor) -> tuple[Any, ...]:
    """Return everything about an actor that a declared condition can depend on."""
    rights = actor.rights
    return (
        actor.kind, actor.name, actor.user_id, actor.link_id, actor.scopes, actor.roles, actor.team_ids,
        rights.everything, rights.permissions, rights.hidden, tuple(sorted(rights.scopes.items())),
        identity(actor.on_behalf_of) if actor.on_behalf_of else None,
    )  # fmt: skip


async def get(
    uow: UnitOfWork, entity: Entity, id: UUID, verb: str = "read", *, also: Sequence[str] = (),  # noqa: A002
    deleted: bool = False,
) -> Any:  # fmt: skip
    """Return the whole record for the actor to `verb`. NotFound when it is not there or not theirs to see.

    also: further verbs that the row must allow ("bulk_edit" in a bulk call). deleted: take it from the trash.
    A record that may be read but not `verb`ed is Forbidden.
    """
    from crm_core.errors import Forbidden

    model = entity.model
    visible = rows(uow.registry, uow.actor, entity, "read", deleted=deleted)
    verbs = [v for v in (verb, *also) if v != "read"]
    allowed = sa.and_(sa.true(), *(rows(uow.registry, uow.actor, entity, v, deleted=deleted) for v in verbs))
    found = (await uow.session.execute(sa.select(model, allowed).where(model.id == id, visible))).one_or_none()
    if found is None:
        raise NotFound(_("There is no such {label}.", label=entity.label))
    if not found[1]:
        raise Forbidden(_("You may not do this with this {label}.", label=entity.label))
    return found[0]


async def load_children(uow: UnitOfWork, entity: Entity, records: Sequence[Any]) -> dict[str, dict[UUID, list[Any]]]:
    """Return, per kind of children, the rows of each record, in order; they are in the session then."""
    found: dict[str, dict[UUID, list[Any]]] = {}
    ids = [r.id for r in records]
    for child in entity.children:
        by: dict[UUID, list[Any]] = {i: [] for i in ids}
        key = getattr(child.model, child.foreign_key)
        order = (child.model.position, child.model.id) if child.ordered else (child.model.id,)
        if ids and uow.actor.may_see(entity.name, child.name):
            for row in await uow.session.scalars(sa.select(child.model).where(key.in_(ids)).order_by(*order)):
                by[getattr(row, child.foreign_key)].append(row)
        found[child.name] = by
    return found
