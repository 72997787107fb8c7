"""Files on pages: the panel of a record, attaching and removing, and uploads ahead of a form."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.entity import access, query, records
from crm_core.entity.clean import BadValue
from crm_core.errors import CrmError, Invalid, NotFound
from crm_core.features.files import actions
from crm_core.features.files.rules import ANY
from crm_core.i18n import Strings, show
from crm_core.plugin.declare import Entity, Ref
from crm_core.uow import UnitOfWork
from crm_core.uploads import demand_fits, shown_size
from crm_core.web import PageController, htmx, page, redirect
from crm_core.web.uploads import BODY, stage
from crm_core.web.views import may, plain

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
PANEL, PAGE = 8, 200
"""What may hang on any record: every type, up to what the store takes."""


class FilePages(PageController):
    """What hangs on a record; rights are those on files, and the record must be the actor's to read."""

    path = "/files"

    @get("/panel", opt={"permission": "core.file.read"})
    async def panel(self, request: AnyRequest, uow: Uow, of: FromQuery[str] = "") -> Response[Any]:
        """Answer with the panel of a record."""
        return await page(request, uow, "core/_files_panel.html", **await _context(uow, of, PANEL))

    @get("/on", opt={"permission": "core.file.read"})
    async def on_record(self, request: AnyRequest, uow: Uow, of: FromQuery[str] = "") -> Response[Any]:
        """Answer with the page of a record's files, which needs no scripts."""
        return await page(request, uow, "core/files.html", **await _context(uow, of, PAGE))

    @post("/attach", opt={"permission": "core.file.create"}, status_code=200, request_max_body_size=BODY)
    async def attach(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Hang uploaded files on a record; all of them or none."""
        form = await request.form()
        entity, record = await _record(uow, str(form.get("of") or ""))
        uploads = [u for u in form.getall("file", []) if isinstance(u, UploadFile) and u.filename]
        if not uploads:
            raise Invalid(_("Choose a file."))
        stored = []
        for upload in uploads:  # bytes first: nothing waits for the disk once the transaction writes
            blob, media = await actions.store(uow, upload)
            try:
                demand_fits(ANY, upload.filename, blob.size, media)
            except BadValue as bad:
                raise Invalid(bad.text) from bad
            stored.append((blob, media, upload.filename))
        for blob, media, name in stored:
            await actions.take(uow, blob, media, name, f"{entity.name}:{record.id}")
        if htmx.is_partial(request):
            await uow.settle()  # the list below is to have them
            return await page(request, uow, "core/_files_panel.html", **await _context(uow, str(form["of"]), PANEL))
        text = _("{count} files attached.", count=len(stored)) if len(stored) > 1 else _("File attached.")
        return await redirect(request, uow, _where(entity, record.id, form), text, undo=True)

    @post("/{record_id:uuid}/remove", opt={"permission": "core.file.delete"}, status_code=200)
    async def remove(self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        """Move a file to the trash and go back to where it hung."""
        kind = uow.registry.entity("core.file")
        file = await access.get(uow, kind, record_id, "delete")
        await records.delete(uow, kind, file)
        above = uow.registry.entities.get(file.parent_entity or "")
        where = _where(above, file.parent_id, await request.form()) if above else "/files"
        return await redirect(request, uow, where, _("{title} is in the trash.", title=file.name), undo=True)

    @post("/stage", opt={"permission": "core.file.create"}, status_code=200, request_max_body_size=BODY)
    async def ahead(self, request: AnyRequest, uow: Uow) -> Response[bytes]:
        """Store a file ahead of the form it belongs to; the note in the answer stands for it there.

        The form's field checks it again when it is saved.
        """
        upload = (await request.form()).get("file")
        try:
            if not isinstance(upload, UploadFile):
                raise BadValue(_("Choose a file."))
            made = await stage(uow, upload, ANY)
        except BadValue as bad:
            return _json({"error": show(bad.text, uow.locale)}, 422)
        except CrmError as problem:
            return _json({"error": show(problem.text, uow.locale)}, problem.status)
        return _json({"note": made.note, "name": made.name, "size": made.shown_size})


def _json(value: Any, status: int = 200) -> Response[bytes]:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def _where(entity: Entity, record_id: UUID | None, form: Any) -> str:
    """Return the page to go back to: the record's files, or the record itself."""
    if form.get("then") == "files":
        return f"/files/on?of={quote(f'{entity.name}:{record_id}')}"
    return f"/{entity.path}/{record_id}"


async def _record(uow: UnitOfWork, of: str) -> tuple[Entity, Any]:
    """Return the record of a reference; NotFound when the actor sees none."""
    try:
        ref = Ref.parse(of)
    except ValueError as error:
        raise NotFound(_("There is no such record.")) from error
    entity = uow.registry.entities.get(ref.entity)
    if entity is None or entity.name == "core.file":
        raise NotFound(_("There is no such record."))
    return entity, await access.get(uow, entity, ref.id)


async def _context(uow: UnitOfWork, of: str, limit: int) -> dict[str, Any]:
    entity, record = await _record(uow, of)
    kind = uow.registry.entity("core.file")
    hash_too = ("sha256",) if uow.actor.may_see(kind.name, "sha256") else ()
    wanted = query.ListParams(
        filter={"field": "parent", "op": "is", "value": of}, limit=limit, sort="-created_at",
        fields=("name", "size", "media_type", "owner_id", "created_at", *hash_too),
    )  # fmt: skip
    found = await query.list_records(uow, kind, wanted)
    hashes = [row.sha256 for row in found.items] if hash_too else []
    gone = set(await asyncio.to_thread(uow.kernel.blobs.known_missing, hashes))
    files = [
        {**plain(row), "shown_size": shown_size(row.size or 0), "missing": bool(hash_too) and row.sha256 in gone}
        for row in found.items
    ]
    return {
        "entity": entity, "id": record.id, "of": of, "files": files, "more": found.has_more,
        "title": str(getattr(record, entity.title, None) or "–"), "takes": shown_size(ANY.limit), "limit": ANY.limit,
        "may_attach": may(uow, kind, "create"), "may_remove": may(uow, kind, "delete"),
    }  # fmt: skip
