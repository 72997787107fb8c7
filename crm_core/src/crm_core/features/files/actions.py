"""Taking an upload in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from litestar.datastructures import UploadFile

from crm_core.blobs import Blob
from crm_core.entity import records
from crm_core.errors import NotFound
from crm_core.features.files.models import File
from crm_core.i18n import Strings
from crm_core.uploads import media_type, safe_name

if TYPE_CHECKING:
    from pathlib import Path

    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
CHUNK = 64 * 1024


class FileMissing(NotFound):
    """The file's bytes are not in the store, or not all of them; the record and what hangs on it stay readable."""


async def store(uow: UnitOfWork, upload: UploadFile) -> tuple[Blob, str]:
    """Store the bytes of an upload and return them with their media type; TooLarge, Forbidden.

    Before the transaction writes anything. A kill between bytes and row leaves bytes without a row, only.
    """
    records.demand(uow, uow.registry.entity("core.file"), "create")
    start = await upload.read(16)
    await upload.seek(0)

    async def chunks() -> AsyncIterator[bytes]:
        while chunk := await upload.read(CHUNK):
            yield chunk

    return await uow.kernel.blobs.put(chunks()), media_type(start)


async def take(uow: UnitOfWork, blob: Blob, media: str, filename: str, parent: str = "") -> File:
    """Write the row that names stored bytes.

    parent: reference of the record the file hangs on, "core.deal:<id>". Forbidden, Invalid.
    """
    values: dict[str, Any] = {
        "name": safe_name(filename), "media_type": media, "size": blob.size, "sha256": blob.sha256,
        "parent": parent or None, "owner_id": uow.actor.user_id,
    }  # fmt: skip
    file: File = await records.create(uow, uow.registry.entity("core.file"), values, trusted=True)
    return file


async def bytes_of(uow: UnitOfWork, file: File) -> Path:
    """Return where the bytes of a file lie; FileMissing names a file that is gone or cut short."""
    try:
        path = await uow.kernel.blobs.fetch(file.sha256)
        size = path.stat().st_size
    except (NotFound, FileNotFoundError) as error:
        raise FileMissing(_("“{name}” is missing in the store of files.", name=file.name)) from error
    if size != file.size:
        raise FileMissing(_("“{name}” is damaged in the store of files.", name=file.name))
    return path
