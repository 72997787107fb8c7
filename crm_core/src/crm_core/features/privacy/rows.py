"""Taking a person's words out of rows: their own, those made of them, and those that name them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.db.types import Json
from crm_core.entity import fields as f
from crm_core.features.privacy.scrub import ERASED, blanked, replace
from crm_core.features.privacy.walk import TEXTS, table_of
from crm_core.plugin.declare import Child

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

DERIVED = ("core_search", "core_match_key", "core_notification", "core_reminder", "core_follow", "core_favourite")
"""Rows made from a record, by entity and record_id: removed, as are its places in custom fields' index."""
MENTIONING = {
    "core_job": ("args", "result", "error", "note"),
    "core_webhook_delivery": ("payload", "body", "response", "error"),
    "core_mail": ("recipient", "reply_to", "subject", "text", "html", "headers", "error"),
    "core_web_form_submission": ("values", "source"),
    "core_merge": ("before", "after"),
    "core_move": ("before", "after"),
    "core_inbound_event": ("payload", "body"),
}
"""Rows with words of their own that name the record by its id: these columns are blanked."""
HASH = re.compile("[0-9a-f]{64}")


async def erase_rows(uow: UnitOfWork, name: str, ids: list[UUID], counts: dict[str, int]) -> None:
    """Take the words out of records of one kind, their parts, their events, and what was made of them."""
    entity = uow.registry.entities[name]
    for child in entity.children:
        await _parts(uow, child, ids, counts)
    table = table_of(entity)
    chosen = [x for x in entity.fields if x.personal or x.kind in TEXTS]
    values: dict[str, Any] = {
        c: None if table.c[c].nullable else ERASED
        for x in chosen if isinstance(x, f.Text | f.LongText) for c in x.columns if c in table.c
    }  # fmt: skip
    values |= {c.name: "" if values[s] is None else ERASED for c in table.c if (s := c.info.get("folds")) in values}
    values |= {
        c: None
        for x in chosen
        if not isinstance(x, f.Text | f.LongText)
        for c in x.columns
        if c in table.c and table.c[c].nullable
    }
    counts[table.name] = counts.get(table.name, 0) + len(ids)
    await uow.session.execute(
        sa.update(table).where(table.c.id.in_(ids)).values({**values, "custom": {}, "version": table.c.version + 1})
    )
    await _events(uow, name, ids, counts)
    for derived in DERIVED:
        made = metadata.tables.get(derived)
        if made is not None:
            await uow.session.execute(sa.delete(made).where(made.c.entity == name, made.c.record_id.in_(ids)))
    index = metadata.tables["core_field_value"]
    await uow.session.execute(sa.delete(index).where(index.c.record_id.in_(ids)))
    await _mentions(uow, ids, counts)


async def _parts(uow: UnitOfWork, child: Child, ids: list[UUID], counts: dict[str, int]) -> None:
    if not any(x.personal for x in child.fields):
        return
    table = table_of(child)
    done = await uow.session.execute(sa.delete(table).where(table.c[child.foreign_key].in_(ids)))
    counts[table.name] = counts.get(table.name, 0) + int(done.rowcount)  # type: ignore[attr-defined]  # a cursor result


async def _events(uow: UnitOfWork, name: str, ids: list[UUID], counts: dict[str, int]) -> None:
    """Blank the payloads of every event about these records, and the long texts only they name."""
    event, about, data = (metadata.tables[t] for t in ("core_event", "core_event_ref", "core_event_data"))
    own = sa.select(event.c.id).where(event.c.entity == name, event.c.record_id.in_(ids))
    of = sa.select(about.c.event_id).where(about.c.entity == name, about.c.record_id.in_(ids))
    where = sa.or_(data.c.event_id.in_(own), data.c.event_id.in_(of))
    hashes: set[str] = set()
    for payload in await uow.session.scalars(sa.select(data.c.payload).where(where)):
        hashes.update(HASH.findall(msgspec.json.encode(payload).decode()))
    done = await replace(uow, data, where, blanked)
    counts["core_event_data"] = counts.get("core_event_data", 0) + done
    texts = metadata.tables["core_event_text"]
    for one in hashes:
        named = sa.select(sa.literal(1)).where(sa.cast(data.c.payload, sa.Text).contains(one)).limit(1)
        if await uow.session.scalar(named) is None:
            await uow.session.execute(sa.delete(texts).where(texts.c.hash == one))


async def _mentions(uow: UnitOfWork, ids: Iterable[UUID], counts: dict[str, int]) -> None:
    """Blank the words of rows that name one of the records; unfinished jobs are left to run."""
    for name, chosen in MENTIONING.items():
        table = metadata.tables.get(name)
        if table is None:
            continue
        texts = [sa.cast(c, sa.Text) for c in table.c if isinstance(c.type, Json | sa.Text)]
        where: Any = sa.or_(sa.false(), *(t.contains(str(i)) for t in texts for i in ids))
        if name == "core_job":
            where = sa.and_(where, table.c.state.in_(("done", "dead", "cancelled")))
        if done := await replace(uow, table, where, blanked, [c for c in chosen if c in table.c]):
            counts[name] = counts.get(name, 0) + done
    await _answers(uow, [str(i).encode() for i in ids])


async def _answers(uow: UnitOfWork, ids: list[bytes]) -> None:
    """Forget the kept answers that name one of the records: repeating such a request says that it was done."""
    kept = metadata.tables["core_idempotency"]
    for row in await uow.session.execute(
        sa.select(kept.c.actor, kept.c.key, kept.c.answer).where(kept.c.answer.is_not(None))
    ):
        if any(i in row.answer for i in ids):
            await uow.session.execute(
                sa.update(kept).where(kept.c.actor == row.actor, kept.c.key == row.key).values(answer=None)
            )
