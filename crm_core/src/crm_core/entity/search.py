"""Full-text search by word beginnings.

Whoever a role bars from an indexed field searches titles only. What is found is asked again under the
row rights. No totals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import Actor, Scope
from crm_core.db.model import metadata
from crm_core.db.types import Id
from crm_core.entity import paths
from crm_core.entity.folding import words
from crm_core.entity.search_index import (
    LONGEST_WORD,
    TABLE,
    Document,
    SearchRow,
    create_search,
    document,
    documents,
    drop_search,
    put,
    remove,
    searchable,
    touched,
    upsert,
)
from crm_core.entity.statements import parameter, prepared
from crm_core.entity.values import labels
from crm_core.plugin.declare import Entity, Ref
from crm_core.plugin.registry import Registry

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

MOST_WORDS = 8
SHORT = (2, 3)
"""Lengths of the beginnings that PostgreSQL's index keeps, as FTS5 does."""
CANDIDATES = 5  # rows ranked for each one shown


def words_of(text: str) -> list[str]:
    """Return the words of a search text, as they are stored; at most eight."""
    return [w[:LONGEST_WORD] for w in words(text[:500].replace("\x00", " "))][:MOST_WORDS]


def match(dialect: str, found: Sequence[str], *, exact: bool = False) -> str:
    """Return the search expression for words, the beginnings of words unless `exact`.

    Words are letters and digits only, and quoted: a caller's text can never be syntax.
    """
    if dialect == "postgresql":
        return " & ".join(f"'{w}'" if exact else f"'{w}*'" if len(w) in SHORT else f"'{w}':*" for w in found)
    return " ".join(f'"{w}"' if exact else f'"{w}"*' for w in found)


def matching(dialect: str) -> sa.ColumnElement[bool]:
    """Return the condition on `core_search` that the parameter `words` matches."""
    given = parameter("words", sa.String())
    if dialect == "postgresql":
        return sa.literal_column("core_search.words").op("@@", is_comparison=True)(sa.cast(given, _TSQuery()))
    index = sa.table("core_search_fts", sa.column("rowid"), sa.column("core_search_fts"))
    hits = sa.select(index.c.rowid).where(index.c.core_search_fts.op("MATCH")(given))
    return TABLE.c.id.in_(hits)


class _TSQuery(sa.types.UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "tsquery"


def found(dialect: str, entity: Entity) -> sa.Select[Any]:
    """Return the ids of an entity's records that the parameter `words` matches."""
    return sa.select(TABLE.c.record_id).where(TABLE.c.entity == entity.name, matching(dialect))


def barred(registry: Registry, actor: Actor, entity: Entity) -> bool:
    """Return whether a role bars the actor from something that is indexed of an entity."""
    names = [x.name for x in registry.fields(entity) if x.search]
    names += [c.name for c in entity.children if any(x.search for x in c.fields)]
    return any(not actor.may_see(entity.name, n) for n in names)


class Hit(msgspec.Struct, frozen=True):
    """A record found."""

    entity: str
    id: UUID
    title: str


async def search(uow: UnitOfWork, text: str, *, entities: Sequence[str] | None = None, limit: int = 20) -> list[Hit]:
    """Return records whose words begin with all words of `text`, titles that match first; no totals."""
    wanted = words_of(text)
    if not wanted or not any(len(w) > 1 for w in wanted):
        return []
    rows: list[Any] = []
    if not uow.db.sqlite:
        rows = list(await _candidates(uow, match("postgresql", wanted), entities, limit))
    else:  # whole words stream, beginnings are merged first: ask for the cheap and better ones first
        rows = list(await _candidates(uow, match("sqlite", wanted, exact=True), entities, limit))
        if len(rows) < limit:
            seen = {(r[0], r[1]) for r in rows}
            more = await _candidates(uow, match("sqlite", wanted), entities, limit)
            rows += [r for r in more if (r[0], r[1]) not in seen]
    narrow = {n for n, e in uow.registry.entities.items() if barred(uow.registry, uow.actor, e)}
    rows = [r for r in rows if r[0] not in narrow or _begins(words(r[2]), wanted)]
    rows.sort(key=lambda r: _rank(r[3].split(), wanted))
    return await _visible(uow, [Ref(r[0], r[1]) for r in rows], limit)


async def _visible(uow: UnitOfWork, refs: list[Ref], limit: int) -> list[Hit]:
    hits: list[Hit] = []
    for start in range(0, len(refs), limit):
        some = refs[start : start + limit]
        titles = await labels(uow, some, deleted=False)
        hits += [Hit(r.entity, r.id, titles[r]) for r in some if r in titles]
        if len(hits) >= limit:
            break
    return hits[:limit]


def _begins(have: list[str], wanted: list[str]) -> bool:
    return all(any(h.startswith(w) for h in have) for w in wanted)


def _rank(have: list[str], wanted: list[str]) -> tuple[Any, ...]:
    return (not _begins(have, wanted), not set(wanted) <= set(have), have[:1] != wanted[:1], have)


async def _candidates(uow: UnitOfWork, expression: str, entities: Sequence[str] | None, limit: int) -> Sequence[Any]:
    """Return the newest rows that match, limited by what row rights can be told from the index."""
    registry, actor = uow.registry, uow.actor
    names = [
        n for n, e in sorted(registry.entities.items())
        if (entities is None or n in entities) and searchable(e) and actor.may_see(n, e.title)
        and paths.readable_at_all(registry, actor, e)
    ]  # fmt: skip
    if not names:
        return []
    everything = [n for n in names if _unbounded(registry, actor, registry.entities[n])]
    key = ("search", tuple(names), tuple(everything), actor.user_id is None, len(actor.team_ids))

    def make() -> sa.Select[Any]:
        mine: list[Any] = []
        if actor.user_id is not None:
            mine.append(TABLE.c.owner_id == parameter("me", Id()))
            if (share := metadata.tables.get("core_share")) is not None:
                mine.append(TABLE.c.record_id.in_(sa.select(share.c.record_id)))
        if actor.team_ids:
            mine.append(TABLE.c.team_id.in_([parameter(f"t{i}", Id()) for i in range(len(actor.team_ids))]))
        narrow = sa.and_(TABLE.c.entity.in_(names), sa.or_(sa.false(), *mine))
        hits = sa.select(TABLE.c.entity, TABLE.c.record_id, TABLE.c.title_text, TABLE.c.title).where(
            matching(uow.db.dialect), sa.or_(TABLE.c.entity.in_(everything), narrow)
        )
        if uow.db.sqlite:
            return hits.order_by(TABLE.c.id.desc()).limit(parameter("most", sa.Integer()))
        # Apart, or a small limit makes the planner expect to meet hits soon by reading the whole table.
        apart = hits.limit(parameter("many", sa.Integer())).cte("hits").prefix_with("MATERIALIZED")
        return sa.select(apart).limit(parameter("most", sa.Integer()))

    params = {"words": expression, "me": actor.user_id, "most": CANDIDATES * limit, "many": 2000}
    params.update({f"t{i}": t for i, t in enumerate(sorted(actor.team_ids))})
    return await prepared(uow, key, make).fetch(uow, params)


def _unbounded(registry: Registry, actor: Actor, entity: Entity) -> bool:
    """Return whether owner and team in the index say nothing about who may see a record."""
    if entity.also_visible is not None or entity.parent or entity.public_read:
        return True
    return actor.scope(entity.name, "read") is Scope.all


__all__ = [
    "Document", "Hit", "SearchRow", "barred", "create_search", "document", "documents", "drop_search", "match", "put",
    "remove", "search", "searchable", "touched", "upsert", "words_of",
]  # fmt: skip
