"""Taking a person's words out of records: their own, what hangs on them, and lines of others that name them."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.entity import fields as f
from crm_core.features.privacy.scrub import BATCH, ERASED, blanked, replace
from crm_core.features.privacy.walk import TEXTS, people, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_core.kernel import Kernel
    from crm_core.plugin.declare import Entity
    from crm_core.uow import UnitOfWork

HASH = re.compile("[0-9a-f]{64}")
TAG = "core.tag"


async def erase_records(kernel: Kernel, name: str, ids: list[UUID], counts: dict[str, int]) -> None:
    """Take the words out of records of one kind, their parts, and the events about them."""
    entity = kernel.registry.entities[name]
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        await _blank_events(kernel, name, some, counts)
        await _blank_lines_in_events(kernel, name, some, counts)
        async with kernel.write(system("privacy")) as uow:
            await _untag(uow, name, some)
            if name == TAG:  # a name that only this person bore: the name was all it had
                await uow.session.execute(sa.delete(table_of(entity)).where(table_of(entity).c.id.in_(some)))
            else:
                await _parts(uow, entity, some, counts)
                await uow.session.execute(_emptied(entity, some))
            await _lines_of_others(uow, name, some, counts)
    counts[table_of(entity).name] = counts.get(table_of(entity).name, 0) + len(ids)


def _emptied(entity: Entity, ids: Sequence[UUID]) -> sa.Update:
    table = table_of(entity)
    chosen = [x for x in entity.fields if x.personal or x.kind in TEXTS]
    texts = [x for x in chosen if isinstance(x, f.Text | f.LongText)]
    values: dict[str, Any] = {
        c: None if table.c[c].nullable else ERASED for x in texts for c in x.columns if c in table.c
    }  # fmt: skip
    values |= {c.name: "" if values[s] is None else ERASED for c in table.c if (s := c.info.get("folds")) in values}
    rest = [c for x in chosen if x not in texts for c in x.columns]
    values |= {c: None for c in rest if c in table.c and table.c[c].nullable}
    return sa.update(table).where(table.c.id.in_(ids)).values({**values, "custom": {}, "version": table.c.version + 1})


async def _parts(uow: UnitOfWork, entity: Entity, ids: Sequence[UUID], counts: dict[str, int]) -> None:
    """Remove the addresses and other personal lines of records."""
    for child in entity.children:
        if any(x.personal for x in child.fields):
            table = table_of(child)
            await _counted(uow, sa.delete(table).where(table.c[child.foreign_key].in_(ids)), table, counts)


async def _counted(uow: UnitOfWork, statement: Any, table: sa.Table, counts: dict[str, int]) -> None:
    done = await uow.session.execute(statement)
    if rows := int(done.rowcount):  # type: ignore[attr-defined]  # a cursor result
        counts[table.name] = counts.get(table.name, 0) + rows


async def _lines_of_others(uow: UnitOfWork, name: str, ids: Sequence[UUID], counts: dict[str, int]) -> None:
    """Take the person out of lines of others' records: a participant of a meeting loses name and address."""
    if name not in {e.name for e in people(uow.registry)}:
        return
    for entity in uow.registry.entities.values():
        for child in entity.children:
            table = table_of(child)
            words = [x.name for x in child.fields if x.personal and x.kind in TEXTS and table.c[x.name].nullable]
            links = [x for x in child.fields if isinstance(x, f.Link) and x.target == name]
            for link in links:
                where = table.c[link.name].in_(ids)
                if link.on_erase == "delete":
                    await _counted(uow, sa.delete(table).where(where), table, counts)
                elif words:
                    values: dict[str, Any] = dict.fromkeys(words)
                    values |= {c.name: "" for c in table.c if c.info.get("folds") in words}
                    await _counted(uow, sa.update(table).where(where).values(values), table, counts)


async def _blank_lines_in_events(kernel: Kernel, name: str, ids: Sequence[UUID], counts: dict[str, int]) -> None:
    """Blank the person's lines in the events of others' records, where a name and an address stand beside the link."""
    if name not in {e.name for e in people(kernel.registry)}:
        return
    event, data = metadata.tables["core_event"], metadata.tables["core_event_data"]
    for entity in kernel.registry.entities.values():
        for child in entity.children:
            table = table_of(child)
            for link in (x for x in child.fields if isinstance(x, f.Link) and x.target == name):
                held = sa.select(table.c[child.foreign_key]).where(table.c[link.name].in_(ids))
                own = sa.select(event.c.id).where(event.c.entity == entity.name, event.c.record_id.in_(held))
                change = partial(_without_lines, start=f"{child.name}.", link=link.name, ids={str(i) for i in ids})
                if done := await replace(kernel, data, data.c.event_id.in_(own), change):
                    counts[data.name] = counts.get(data.name, 0) + done


def _without_lines(payload: Any, *, start: str, link: str, ids: set[str]) -> Any:
    if not isinstance(payload, dict):
        return payload
    return {
        side: {
            key: blanked(v) if key.startswith(start) and isinstance(v, dict) and str(v.get(link)) in ids else v
            for key, v in values.items()
        } if isinstance(values, dict) else values
        for side, values in payload.items()
    }  # fmt: skip


async def _untag(uow: UnitOfWork, name: str, ids: Sequence[UUID]) -> None:
    tagging = metadata.tables["core_tagging"]
    await uow.session.execute(sa.delete(tagging).where(tagging.c.entity == name, tagging.c.record_id.in_(ids)))


async def lonely_tags(uow: UnitOfWork, rows: dict[str, list[UUID]]) -> list[UUID]:
    """Return the tags that nobody but these records bears: such a name may say who it is."""
    tagging = metadata.tables["core_tagging"]
    own: set[UUID] = set()
    for name, ids in rows.items():
        for start in range(0, len(ids), BATCH):
            mine = sa.and_(tagging.c.entity == name, tagging.c.record_id.in_(ids[start : start + BATCH]))
            own.update(await uow.session.scalars(sa.select(tagging.c.tag_id).where(mine)))
    if not own:
        return []
    others = sa.select(tagging.c.tag_id, tagging.c.entity, tagging.c.record_id).where(tagging.c.tag_id.in_(own))
    for tag, entity, record in await uow.session.execute(others):
        if record not in rows.get(entity, ()):
            own.discard(tag)
    return sorted(own)


async def _blank_events(kernel: Kernel, name: str, ids: Sequence[UUID], counts: dict[str, int]) -> None:
    """Blank the payloads of every event about these records, and remove the long texts that only they name."""
    event, about, data = (metadata.tables[t] for t in ("core_event", "core_event_ref", "core_event_data"))
    own = sa.select(event.c.id).where(event.c.entity == name, event.c.record_id.in_(ids))
    of = sa.select(about.c.event_id).where(about.c.entity == name, about.c.record_id.in_(ids))
    where = sa.or_(data.c.event_id.in_(own), data.c.event_id.in_(of))
    hashes: set[str] = set()
    async with kernel.read(system("privacy")) as uow:
        for payload in await uow.session.scalars(sa.select(data.c.payload).where(where)):
            hashes.update(HASH.findall(msgspec.json.encode(payload).decode()))
    if done := await replace(kernel, data, where, blanked):
        counts[data.name] = counts.get(data.name, 0) + done
    texts = metadata.tables["core_event_text"]
    for one in sorted(hashes):
        async with kernel.write(system("privacy")) as uow:
            named = sa.select(sa.literal(1)).where(sa.cast(data.c.payload, sa.Text).contains(one)).limit(1)
            if await uow.session.scalar(named) is None:
                await _counted(uow, sa.delete(texts).where(texts.c.hash == one), texts, counts)
