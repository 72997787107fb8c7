"""Files in forms: stored as soon as they arrive, carried from one form to the next by a sealed note, named by a row
when the record is saved."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar.datastructures import UploadFile

from crm_core.entity import fields as f
from crm_core.entity import records
from crm_core.entity.clean import BadValue
from crm_core.errors import NotFound
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity, Ref
from crm_core.uow import UnitOfWork
from crm_core.uploads import demand_fits, media_type, safe_name
from crm_core.web.forms import Form
from crm_core.web.inputs import Posted, Staged

_ = Strings("crm_core")
CHUNK = 64 * 1024
FILE = "core.file"
BODY = 60 * 2**20
"""Bytes that a form with file fields may have in all."""


async def stage(uow: UnitOfWork, upload: UploadFile, field: f.File) -> Staged:
    """Store the bytes of an upload, before anything was written; BadValue for what the field does not take."""
    records.demand(uow, uow.registry.entity(FILE), "create")
    start = await upload.read(16)
    await upload.seek(0)
    name, size = safe_name(upload.filename), 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal size
        while chunk := await upload.read(CHUNK):
            size += len(chunk)
            if size <= field.limit:  # the rest is only counted, for the message
                yield chunk

    blob = await uow.kernel.blobs.put(chunks())
    media = media_type(start)
    demand_fits(field, name, size, media)
    made = Staged(blob.sha256, blob.size, media, name)
    return made.sealed(_seal(uow, made))


def _seal(uow: UnitOfWork, one: Staged) -> str:
    """Return the note that carries a stored file through forms: only we can write it, for this person."""
    text = msgspec.json.encode((one.sha256, one.size, one.media, one.name))
    mark = hmac.new(uow.kernel.key, b"staged:%s:" % str(uow.actor.user_id).encode() + text, hashlib.sha256)
    return f"{urlsafe_b64encode(text).decode()}.{mark.hexdigest()}"


async def unseal(uow: UnitOfWork, note: str, field: f.File) -> Staged:
    """Return the stored file a note speaks of; BadValue when it is not ours, or the bytes are gone."""
    again = _("Please choose the file again.")
    try:
        sha256, size, media, name = msgspec.json.decode(
            urlsafe_b64decode(note.partition(".")[0]), type=tuple[str, int, str, str]
        )
        made = Staged(sha256, size, media, name)
        if not hmac.compare_digest(_seal(uow, made).encode(), note.encode()):
            raise BadValue(again)
        await uow.kernel.blobs.fetch(sha256)
    except (ValueError, NotFound) as error:  # not base64, not JSON, not a hash
        raise BadValue(again) from error
    demand_fits(field, name, size, media)
    return made.sealed(note)


async def read_files(uow: UnitOfWork, form: Form, posted: Posted) -> None:
    """Take the files of a submitted form: new ones are stored, those stored before are recognised by their note."""
    for one in form.inputs:
        if not isinstance(one.field, f.File):
            continue
        upload, note = posted.get(one.name), str(posted.get(f"{one.name}__kept") or "")
        try:
            if isinstance(upload, UploadFile) and upload.filename:
                one.staged = await stage(uow, upload, one.field)
            elif note and not posted.get(f"{one.name}__drop"):
                one.staged = await unseal(uow, note, one.field)
            elif one.field.required and (not one.raw or one.removed):
                raise BadValue(_("This is required."))
        except BadValue as bad:
            one.error = form.errors[one.name] = bad.text
    form.mark()


async def name_files(uow: UnitOfWork, form: Form, parent: Ref | None) -> dict[str, Any]:
    """Write the rows of a form's new files, hanging on `parent` if it exists already; return the field values."""
    found: dict[str, Any] = {}
    for one in form.inputs:
        if one.staged is not None:
            new = one.staged
            values = {"name": new.name, "media_type": new.media, "size": new.size, "sha256": new.sha256,
                      "owner_id": uow.actor.user_id, "parent": str(parent) if parent else None}  # fmt: skip
            file = await records.create(uow, uow.registry.entity(FILE), values, trusted=True)
            found[one.name] = file.id
    return found


async def hang_files(uow: UnitOfWork, form: Form, entity: Entity, record_id: UUID, values: dict[str, Any]) -> None:
    """Hang the files of a form on the record that was made from it."""
    names = [i.name for i in form.inputs if i.staged is not None]
    if not names:
        return
    await uow.settle()  # the record must be there to be found
    kind = uow.registry.entity(FILE)
    for name in names:
        file = await uow.session.get(kind.model, values[name])
        await records.update(uow, kind, file, {"parent": str(Ref(entity.name, record_id))}, trusted=True)


def has_files(registry: Any, entity: Entity) -> bool:
    """Return whether forms of an entity have file fields."""
    return FILE in registry.entities and any(isinstance(x, f.File) for x in registry.fields(entity))
