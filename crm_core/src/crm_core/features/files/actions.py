"""Taking an upload in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from litestar.datastructures import UploadFile

from crm_core.entity import records
from crm_core.features.files.models import File
from crm_core.features.files.rules import media_type, safe_name

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

CHUNK = 64 * 1024


async def take(uow: UnitOfWork, upload: UploadFile, parent: str = "") -> File:
    """Store the bytes, then write the row that names them; a kill in between leaves bytes without a row, only.

    parent: reference of the record the file hangs on, "core.deal:<id>". TooLarge, Forbidden, Invalid.
    """
    entity = uow.registry.entity("core.file")
    records.demand(uow, entity, "create")
    start = await upload.read(16)
    await upload.seek(0)

    async def chunks() -> AsyncIterator[bytes]:
        while chunk := await upload.read(CHUNK):
            yield chunk

    blob = await uow.kernel.blobs.put(chunks())
    values: dict[str, Any] = {
        "name": safe_name(upload.filename), "media_type": media_type(start), "size": blob.size, "sha256": blob.sha256,
        "parent": parent or None, "owner_id": uow.actor.user_id,
    }  # fmt: skip
    file: File = await records.create(uow, entity, values, trusted=True)
    return file
