"""The search index: one row per record, written in the record's transaction.

Texts are folded and split in Python, so both databases answer alike. A field that a declaration lets
only some read is never indexed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model
from crm_core.db.types import ENTITY_NAME, Id
from crm_core.entity import fields as f
from crm_core.entity.changes import Change
from crm_core.entity.custom_values import current
from crm_core.entity.folding import words as words_of
from crm_core.entity.plans import Plan, plan_of
from crm_core.plugin.declare import Child, Entity
from crm_core.plugin.registry import Registry

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

LONGEST_WORD = 60
TITLE_WORDS, BODY_WORDS = 100, 2000

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

_ADD = "insert into core_search_fts(rowid, title, body) values (new.id, new.title, new.body)"
_TAKE = (
    "insert into core_search_fts(core_search_fts, rowid, title, body) values ('delete', old.id, old.title, old.body)"
)
_COLUMNS = "title, body, content='core_search', content_rowid='id', prefix='2 3', detail='none'"
_SQLITE = (
    f"create virtual table core_search_fts using fts5({_COLUMNS})",
    f"create trigger core_search_ai after insert on core_search begin {_ADD}; end",
    f"create trigger core_search_ad after delete on core_search begin {_TAKE}; end",
    f"create trigger core_search_au after update of title, body on core_search begin {_TAKE}; {_ADD}; end",
)
# No parser of PostgreSQL's comes near the words: it would keep foo@bar.org in one piece.
# The first two and three letters of each word are kept with a star: a short beginning is looked up, not collected.
_WORDS = (
    "array_to_tsvector(array_remove(string_to_array(title || ' ' || body"
    r" || ' ' || regexp_replace(title || ' ' || body, '([^ ]{2})[^ ]*', '\1*', 'g')"
    r" || ' ' || regexp_replace(title || ' ' || body, '([^ ]{3})[^ ]*', '\1*', 'g'), ' '), ''))"
)
_POSTGRES = (
    f"alter table core_search add column words tsvector generated always as ({_WORDS}) stored",
    # Without fastupdate: a list of pending words would be read by every search, and scares the planner off.
    "create index ix_core_search_words on core_search using gin (words) with (fastupdate = off)",
)


def create_search(bind: sa.Connection) -> None:
    """Make the index beside `core_search`, which must exist. Core's migrations hold the like."""
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


def searchable(entity: Entity) -> bool:
    """Return whether an entity's records can be found by words."""
    return any(x.search in ("A", "B") and x.readable is None for x in entity.fields)


def document(
    registry: Registry, entity: Entity, record: Any, parts: Mapping[str, Sequence[Any]] | None = None
) -> Document | None:
    """Return the row of `core_search` for a record and its children; None when it is not searched for."""
    plan = plan_of(registry, entity)
    if not plan.searchable:
        return None
    own = plan.words[""]
    title, body = [_text(record, x) for x in own.title], [_text(record, x) for x in own.body]
    for name, rows in (parts or {}).items():
        words = plan.words[name]
        for row in rows:
            title += [_text(row, x) for x in words.title]
            body += [_text(row, x) for x in words.body]
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
    value = row.get(field.name) if isinstance(row, Mapping) else current(row, field.name)
    return value if isinstance(value, str) else ""


def _stored(texts: list[str], most: int) -> str:
    found = dict.fromkeys(w[:LONGEST_WORD] for text in texts if text for w in words_of(text))
    return " ".join(list(found)[:most])


def touched(plan: Plan, change: Change) -> bool:
    """Return whether a change can alter what its record is found by."""
    names = (*change.before, *change.after)  # a child's is "<child>.<id>"
    return change.kind != "updated" or any(n in plan.finds or n.partition(".")[0] in plan.finds for n in names)


async def documents(uow: UnitOfWork, changes: Iterable[Change]) -> list[Document]:
    """Return the rows for what changed, children included: from the event of a new record, else read."""
    found = []
    for change in changes:
        plan = plan_of(uow.registry, change.entity)
        if change.kind in ("deleted", "merged") or not plan.searchable or not touched(plan, change):
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
        for one in plan.beside:
            if one.field.search and (side := await uow.session.get(one.model, change.id)) is not None:  # type: ignore[arg-type]  # stored
                parts[one.field.name] = [side]
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
