"""Full-text search: one row per record, written in the record's transaction, found by word beginnings.

Texts are folded and split in Python on the way in and on the way out, so both databases answer alike.
A field that a declaration lets only some read is never indexed; whoever a role bars from an indexed
field searches titles only. What is found is asked again under the row rights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.auth.actor import Actor, Scope
from crm_core.db.model import Model
from crm_core.db.types import ENTITY_NAME, Id
from crm_core.entity import access, paths
from crm_core.entity import fields as f
from crm_core.entity.changes import Change
from crm_core.entity.folding import words
from crm_core.entity.statements import parameter, prepared
from crm_core.entity.values import labels
from crm_core.plugin.declare import Child, Entity, Ref
from crm_core.plugin.registry import Registry

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

MOST_WORDS = 8
LONGEST_WORD = 60
TITLE_WORDS, BODY_WORDS = 100, 2000
CANDIDATES = 200

Document = dict[str, Any]


# The column and the index that only PostgreSQL has are no difference between model and database.
_OPTIONS = {"sqlite_autoincrement": True, "info": {"by_hand": ("words", "ix_core_search_words")}}


class SearchRow(Model):
    """What one record is found by. `title` and `body` are folded words joined by blanks; `title_text` is shown.

    The index beside it (FTS5 table and triggers, or a generated column) is made by `create_search`.
    """

    __tablename__ = "core_search"
    __table_args__ = (sa.UniqueConstraint("entity", "record_id"), _OPTIONS)

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    record_id: Mapped[UUID] = mapped_column(Id())
    owner_id: Mapped[UUID | None] = mapped_column(Id())
    team_id: Mapped[UUID | None] = mapped_column(Id())
    restricted: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    title_text: Mapped[str] = mapped_column(sa.String(255))
    title: Mapped[str] = mapped_column(sa.Text)
    body: Mapped[str] = mapped_column(sa.Text)


TABLE: sa.Table = SearchRow.__table__  # type: ignore[assignment]  # a declared class has a Table

_SQLITE = (
    "create virtual table core_search_fts using fts5("
    "title, body, content='core_search', content_rowid='id', prefix='2 3', detail='none')",
    "create trigger core_search_ai after insert on core_search begin"
    " insert into core_search_fts(rowid, title, body) values (new.id, new.title, new.body); end",
    "create trigger core_search_ad after delete on core_search begin"
    " insert into core_search_fts(core_search_fts, rowid, title, body)"
    " values ('delete', old.id, old.title, old.body); end",
    "create trigger core_search_au after update of title, body on core_search begin"
    " insert into core_search_fts(core_search_fts, rowid, title, body)"
    " values ('delete', old.id, old.title, old.body);"
    " insert into core_search_fts(rowid, title, body) values (new.id, new.title, new.body); end",
)
# No parser of PostgreSQL's comes near the words: it would keep foo@bar.org in one piece.
_POSTGRES = (
    "alter table core_search add column words tsvector generated always as"
    " (array_to_tsvector(string_to_array(title, ' ') || string_to_array(body, ' '))) stored",
    "create index ix_core_search_words on core_search using gin (words)",
)


def create_search(bind: sa.Connection) -> None:
    """Make the index beside `core_search`, which must exist. Called by core's first migration."""
    for statement in _POSTGRES if bind.dialect.name == "postgresql" else _SQLITE:
        bind.exec_driver_sql(statement)


def drop_search(bind: sa.Connection) -> None:
    """Remove what `create_search` made."""
    if bind.dialect.name == "postgresql":
        bind.exec_driver_sql("drop index if exists ix_core_search_words")
        bind.exec_driver_sql("alter table core_search drop column if exists words")
        return
    for trigger in ("core_search_ai", "core_search_ad", "core_search_au"):
        bind.exec_driver_sql(f"drop trigger if exists {trigger}")
    bind.exec_driver_sql("drop table if exists core_search_fts")


# --- what is written


def indexed(fields: Iterable[f.Field], weight: str) -> list[f.Field]:
    """Return the fields whose words enter the index with a weight."""
    return [x for x in fields if x.search == weight and x.readable is None]


def searchable(entity: Entity) -> bool:
    """Return whether an entity's records can be found by words."""
    return bool(indexed(entity.fields, "A") or indexed(entity.fields, "B"))


def document(
    registry: Registry, entity: Entity, record: Any, parts: Mapping[str, Sequence[Any]] | None = None
) -> Document | None:
    """Return the row of `core_search` for a record and its children; None when it is not searched for."""
    if not searchable(entity):
        return None
    title = [_text(record, x) for x in indexed(entity.fields, "A")]
    body = [_text(record, x) for x in indexed(entity.fields, "B")]
    for child in entity.children:
        for row in (parts or {}).get(child.name, ()):
            title += [_text(row, x) for x in indexed(child.fields, "A")]
            body += [_text(row, x) for x in indexed(child.fields, "B")]
    return {
        "entity": entity.name,
        "record_id": record.id,
        "owner_id": record.owner_id,
        "team_id": record.team_id,
        "restricted": entity.also_visible is not None or entity.never_visible is not None or bool(entity.parent),
        "title_text": str(getattr(record, entity.title) or "")[:255],
        "title": _stored(title, TITLE_WORDS),
        "body": _stored(body, BODY_WORDS),
    }


def _text(row: Any, field: f.Field) -> str:
    value = row.get(field.name) if isinstance(row, Mapping) else getattr(row, field.name)
    return value if isinstance(value, str) else ""


def _stored(texts: list[str], most: int) -> str:
    found = dict.fromkeys(w[:LONGEST_WORD] for text in texts if text for w in words(text))
    return " ".join(list(found)[:most])


def touched(change: Change) -> bool:
    """Return whether a change can alter what its record is found by."""
    if change.kind != "updated":
        return True
    entity = change.entity
    names = {x.name for x in entity.fields if x.search} | {"owner_id", "team_id", entity.title}
    children = {c.name for c in entity.children if any(x.search for x in c.fields)}
    return any(n in names or n.partition(".")[0] in children for n in (*change.before, *change.after))


async def documents(uow: UnitOfWork, changes: Iterable[Change]) -> list[Document]:
    """Return the rows for what changed, children included: from the event of a new record, else read."""
    found = []
    for change in changes:
        if change.kind in ("deleted", "merged") or not searchable(change.entity) or not touched(change):
            continue
        # A change of parts alone carries no record; its owner is in the session, or the flush had refused.
        record = change.record or await uow.session.get(change.entity.model, change.id)
        if record is None:
            continue
        parts = {
            c.name: _told(change, c) if change.kind == "created" else await _rows(uow, c, change.id)
            for c in change.entity.children
            if any(x.search for x in c.fields)
        }
        row = document(uow.registry, change.entity, record, parts)
        if row is not None:
            found.append(row)
    return found


def _told(change: Change, child: Child) -> list[Any]:
    return [v for k, v in change.after.items() if v and k.startswith(child.name + ".")]


async def _rows(uow: UnitOfWork, child: Child, owner: UUID) -> Sequence[Any]:
    key = getattr(child.model, child.foreign_key)
    statement = sa.select(child.model).where(key == owner).order_by(child.model.id)
    return (await uow.session.scalars(statement)).all()


async def put(uow: UnitOfWork, rows: Sequence[Document]) -> None:
    """Write rows, over those of the same records."""
    await uow.session.execute(upsert(uow.db.dialect), list(rows))


def upsert(dialect: str) -> Any:
    """Return the statement that writes rows of `core_search` over those of the same records."""
    made: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(TABLE)
    fresh = {c.name: made.excluded[c.name] for c in TABLE.c if c.name not in ("id", "entity", "record_id")}
    return made.on_conflict_do_update(index_elements=["entity", "record_id"], set_=fresh)


async def remove(uow: UnitOfWork, gone: Sequence[tuple[str, UUID]]) -> None:
    """Delete the rows of records, by entity and id."""
    for entity in dict.fromkeys(e for e, _id in gone):
        ids = [i for e, i in gone if e == entity]
        await uow.session.execute(sa.delete(TABLE).where(TABLE.c.entity == entity, TABLE.c.record_id.in_(ids)))


# --- what is found


def words_of(text: str) -> list[str]:
    """Return the words of a search text, as they are stored; at most eight."""
    return [w[:LONGEST_WORD] for w in words(text[:500].replace("\x00", " "))][:MOST_WORDS]


def match(dialect: str, found: Sequence[str], *, exact: bool = False) -> str:
    """Return the search expression for words, the beginnings of words unless `exact`.

    Words are letters and digits only, and quoted: a caller's text can never be syntax.
    """
    if dialect == "postgresql":
        return " & ".join(f"'{w}'" if exact else f"'{w}':*" for w in found)
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


def barred(actor: Actor, entity: Entity) -> bool:
    """Return whether a role bars the actor from something that is indexed of an entity."""
    names = [x.name for x in entity.fields if x.search]
    names += [c.name for c in entity.children if any(x.search for x in c.fields)]
    return any(not actor.may_see(entity.name, n) for n in names)


class Hit(msgspec.Struct, frozen=True):
    """A record found."""

    entity: str
    id: UUID
    title: str


async def search(
    uow: UnitOfWork, text: str, *, entities: Sequence[str] | None = None, limit: int = 20
) -> list[Hit]:
    """Return records whose words begin with all words of `text`, titles that match first; no totals."""
    wanted = words_of(text)
    if not wanted or not any(len(w) > 1 for w in wanted):
        return []
    rows: list[Any] = []
    if not uow.db.sqlite:
        rows = list(await _candidates(uow, match("postgresql", wanted), entities))
    else:  # whole words stream, beginnings are merged first: ask for the cheap and better ones first
        rows = list(await _candidates(uow, match("sqlite", wanted, exact=True), entities))
        if len(rows) < limit:
            seen = {(r[0], r[1]) for r in rows}
            more = await _candidates(uow, match("sqlite", wanted), entities)
            rows += [r for r in more if (r[0], r[1]) not in seen]
    narrow = {n for n, e in uow.registry.entities.items() if barred(uow.actor, e)}
    rows = [r for r in rows if r[0] not in narrow or _begins(words(r[2]), wanted)]
    rows.sort(key=lambda r: _rank(r[2], wanted))
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


def _rank(title: str, wanted: list[str]) -> tuple[Any, ...]:
    have = words(title)
    return (not _begins(have, wanted), not set(wanted) <= set(have), have[:1] != wanted[:1], have)


async def _candidates(uow: UnitOfWork, expression: str, entities: Sequence[str] | None) -> Sequence[Any]:
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
            if (share := Model.metadata.tables.get("core_share")) is not None:
                mine.append(TABLE.c.record_id.in_(sa.select(share.c.record_id)))
        if actor.team_ids:
            mine.append(TABLE.c.team_id.in_([parameter(f"t{i}", Id()) for i in range(len(actor.team_ids))]))
        narrow = sa.and_(TABLE.c.entity.in_(names), sa.or_(sa.false(), *mine))
        return (
            sa.select(TABLE.c.entity, TABLE.c.record_id, TABLE.c.title_text)
            .where(matching(uow.db.dialect), sa.or_(TABLE.c.entity.in_(everything), narrow))
            .order_by(*([TABLE.c.id.desc()] if uow.db.sqlite else []))
            .limit(parameter("most", sa.Integer()))
        )

    params = {"words": expression, "me": actor.user_id, "most": CANDIDATES}
    params.update({f"t{i}": t for i, t in enumerate(sorted(actor.team_ids))})
    return await prepared(uow, key, make).fetch(uow, params)


def _unbounded(registry: Registry, actor: Actor, entity: Entity) -> bool:
    """Return whether owner and team in the index say nothing about who may see a record."""
    if entity.also_visible is not None or entity.parent or entity.public_read:
        return True
    return actor.scope(entity.name, "read") is Scope.all
