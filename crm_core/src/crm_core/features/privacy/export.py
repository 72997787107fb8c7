"""Everything that is known about a person, as JSON and files in one archive."""

from __future__ import annotations

import asyncio
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.model import metadata
from crm_core.entity.query import one_record
from crm_core.errors import NotFound
from crm_core.features.files.models import File
from crm_core.features.privacy.walk import Rows, belongings
from crm_core.features.privacy.words import own_words
from crm_core.plugin import Ref, Strings
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST_EVENTS = 100_000


async def told(uow: UnitOfWork, ref: Ref) -> tuple[dict[str, Any], list[File]]:
    """Return what is known about a person as plain values, and their files; NotFound when there is no such record."""
    entity = uow.registry.entities[ref.entity]
    if await one_record(uow, entity, ref.id) is None:
        raise NotFound(_("There is no such record, or it is not yours to see."))
    rows = await belongings(uow, [ref])
    records = {name: [await _values(uow, name, i) for i in ids] for name, ids in rows.items()}
    words = await own_words(uow, rows)
    files = list(await uow.session.scalars(sa.select(File).where(File.id.in_(rows.get("core.file", [])))))
    found = {
        "made_at": uow.now, "person": str(ref), "records": records, "linked": await _linked(uow, ref, rows),
        "events": await _events(uow, rows), "mails": await _mails(uow, words),
        "files": [{"id": f.id, "name": f.name, "in_archive": _name(f)} for f in files],
    }  # fmt: skip
    return found, files


async def _values(uow: UnitOfWork, name: str, key: UUID) -> Any:
    row = await one_record(uow, uow.registry.entities[name], key)
    return msgspec.json.decode(msgspec.json.encode(row)) if row is not None else {"id": str(key), "deleted": True}


async def _linked(uow: UnitOfWork, ref: Ref, rows: Rows) -> list[dict[str, Any]]:
    """Return the records of others that name the person, by entity, field and id."""
    found = []
    for source, field in uow.registry.reverses.get(ref.entity, ()):
        table = source.model.__table__
        if field.name in table.c:
            ids = await uow.session.scalars(sa.select(table.c.id).where(table.c[field.name].in_(rows[ref.entity])))
            found += [{"entity": source.name, "field": field.name, "id": str(i)} for i in ids]
    return found


async def _events(uow: UnitOfWork, rows: Rows) -> list[dict[str, Any]]:
    event, about, data = (metadata.tables[t] for t in ("core_event", "core_event_ref", "core_event_data"))
    found = []
    for name, ids in rows.items():
        of = sa.select(about.c.event_id).where(about.c.entity == name, about.c.record_id.in_(ids))
        query = (
            sa.select(event.c.at, event.c.type, event.c.actor, data.c.payload)
            .join(data, data.c.event_id == event.c.id)
            .where(sa.or_(event.c.id.in_(of), sa.and_(event.c.entity == name, event.c.record_id.in_(ids))))
            .order_by(event.c.id).limit(MOST_EVENTS)
        )  # fmt: skip
        found += [dict(row) for row in (await uow.session.execute(query)).mappings()]
    return found


async def _mails(uow: UnitOfWork, words: list[str]) -> list[dict[str, Any]]:
    mail = metadata.tables["core_mail"]
    wanted = [w.lower() for w in words if "@" in w]
    query = sa.select(mail.c.created_at, mail.c.kind, mail.c.recipient, mail.c.subject, mail.c.text).where(
        mail.c.recipient_f.in_(wanted)
    )
    return [dict(row) for row in (await uow.session.execute(query)).mappings()] if wanted else []


def _name(file: File) -> str:
    return f"files/{file.id}-{file.name}"


async def archive(uow: UnitOfWork, ref: Ref) -> bytes:
    """Return the archive: `data.json` and the files' bytes."""
    found, files = await told(uow, ref)
    paths: list[tuple[str, Path]] = []
    for file in files:
        path = await uow.kernel.blobs.fetch(file.sha256)
        paths.append((_name(file), path))
    return await asyncio.to_thread(_packed, msgspec.json.format(msgspec.json.encode(found), indent=1), paths)


def _packed(data: bytes, paths: list[tuple[str, Path]]) -> bytes:
    with tempfile.TemporaryFile() as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("data.json", data)
            for name, path in paths:
                if path.is_file():
                    made.write(path, name)
        out.seek(0)
        return out.read()
