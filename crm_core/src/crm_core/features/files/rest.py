"""Uploading and downloading."""

from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath
from litestar.response import File as FileAnswer

from crm_core.entity import access, query
from crm_core.features.files import actions
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController
from crm_core.web.idempotency import idempotent


class Upload(msgspec.Struct):
    """A multipart form: the file, and the record it hangs on."""

    file: UploadFile
    parent: str = ""


class FileUploads(ApiController):
    """POST a multipart form to upload, GET the content to download."""

    path = "/files"
    tags = ("Files",)

    @post("/upload", opt={"permission": "core.file.create"}, operation_id="upload_file", summary="Upload a file")
    async def upload(
        self,
        request: Request[Any, Any, Any],
        uow: NamedDependency[UnitOfWork],
        data: Annotated[Upload, Body(media_type=RequestEncodingType.MULTI_PART)],
    ) -> Response[bytes]:
        """Store a file; the answer is its record. Sent again with the same Idempotency-Key it is stored once."""
        blob, media = await actions.store(uow, data.file)
        name, parent = data.file.filename, data.parent

        async def run() -> Response[bytes]:
            file = await actions.take(uow, blob, media, name, parent)
            await uow.settle()
            values = (await query.values_of(uow, uow.registry.entity("core.file"), [file]))[0]
            return Response(msgspec.json.encode(values), status_code=201, media_type="application/json")

        sent = sha256(msgspec.json.encode((blob.sha256, name, parent))).hexdigest()
        return await idempotent(request, uow, run, body_hash=sent)

    @get("/{record_id:uuid}/content", opt={"permission": "core.file.read"}, operation_id="download_file",
         summary="Download a file", media_type="*/*")  # fmt: skip
    async def download(self, uow: NamedDependency[UnitOfWork], record_id: FromPath[UUID]) -> Any:
        """Send the bytes as an attachment, whatever they are. 404 names a file whose bytes are missing or damaged."""
        file = await access.get(uow, uow.registry.entity("core.file"), record_id)
        return FileAnswer(
            await actions.bytes_of(uow, file),
            media_type=file.media_type,
            headers={
                "content-disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
                "x-content-type-options": "nosniff",
                "content-security-policy": "sandbox; default-src 'none'",
                "cache-control": "private, no-cache",
            },
        )
