"""Comments on a record: the panel, the page that needs no scripts, writing and changing."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.entity import access, records
from crm_core.errors import CrmError
from crm_core.features.comments import mentions, queries
from crm_core.features.files import public as files
from crm_core.i18n import Strings
from crm_core.plugin import Ref
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page, redirect
from crm_core.web.uploads import BODY
from crm_core.web.views import may

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
PANEL, PAGE = 5, 200


class CommentPages(PageController):
    """What people say about a record; rights are those on comments, and the record must be the actor's to read."""

    path = "/comments"

    @get("/panel", opt={"permission": "core.comment.read"})
    async def panel(self, request: AnyRequest, uow: Uow, of: FromQuery[str] = "") -> Response[Any]:
        """Answer with the panel of a record; nothing on comments themselves."""
        if of.startswith(("core.comment:", "core.file:")):
            return Response("", status_code=204)
        return await page(request, uow, "core/_comments_panel.html", **await _context(uow, of, PANEL))

    @get("/on", opt={"permission": "core.comment.read"})
    async def on_record(
        self, request: AnyRequest, uow: Uow, of: FromQuery[str] = "", edit: FromQuery[str] = ""
    ) -> Response[Any]:
        """Answer with the page of a record's comments, one of them open for changing."""
        return await page(request, uow, "core/comments.html", **await _context(uow, of, PAGE, edit=edit))

    @get("/people", opt={"permission": "core.comment.read"})
    async def people(
        self, uow: Uow, of: FromQuery[str] = "", q: FromQuery[str] = ""
    ) -> dict[str, list[dict[str, str]]]:
        """Return whom a comment on a record can name."""
        entity, record = await queries.record_of(uow, of)
        found = await mentions.candidates(uow, Ref(entity.name, record.id), q.strip()[:100])
        return {"items": [{"value": str(i), "text": n} for i, n in found]}

    @post("/write", opt={"permission": "core.comment.create"}, status_code=200, request_max_body_size=BODY)
    async def write(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Write a comment with its files, or change one's own."""
        form = await request.form()
        of, typed = str(form.get("of", "")), str(form.get("body", ""))
        entity, record = await queries.record_of(uow, of)
        uploads = [u for u in form.getall("file", []) if isinstance(u, UploadFile) and u.filename]
        stored = [await files.checked(uow, u) for u in uploads]  # bytes first: nothing waits for the disk later
        kind = uow.registry.entity("core.comment")
        change = str(form.get("id", ""))
        try:
            async with uow.savepoint():
                body = await mentions.from_typed(uow, typed)
                if change:
                    comment = await access.get(uow, kind, UUID(change), "edit")
                    await records.update(uow, kind, comment, {"body": body})
                else:
                    comment = await records.create(uow, kind, {"body": body, "parent": of})
                await uow.settle()
                for blob, media, name in stored:
                    await files.take(uow, blob, media, name, f"core.comment:{comment.id}")
        except CrmError as problem:
            context = await _context(uow, of, PAGE, edit=change) | {"problem": problem, "typed": typed}
            return await page(request, uow, "core/comments.html", status=problem.status, **context)
        where = f"/comments/on?of={of}" if form.get("then") == "comments" else f"/{entity.path}/{record.id}"
        return await redirect(request, uow, where, _("Saved.") if change else _("Comment added."), undo=True)

    @post("/{comment_id:uuid}/remove", opt={"permission": "core.comment.delete"}, status_code=200)
    async def remove(self, request: AnyRequest, uow: Uow, comment_id: FromPath[UUID]) -> Response[Any]:
        """Move a comment to the trash and go back to where it was."""
        kind = uow.registry.entity("core.comment")
        comment = await access.get(uow, kind, comment_id, "delete")
        await records.delete(uow, kind, comment)
        where = f"/comments/on?of={comment.parent_entity}:{comment.parent_id}"
        return await redirect(request, uow, where, _("The comment is in the trash."), undo=True)


async def _context(uow: UnitOfWork, of: str, limit: int, edit: str = "") -> dict[str, Any]:
    entity, record = await queries.record_of(uow, of)
    rows, more = await queries.on_record(uow, entity, record, limit)
    kind = uow.registry.entity("core.comment")
    changed = next((r for r in rows if str(r.id) == edit and r.mine), None)
    text = ""
    if changed is not None:
        text = mentions.as_typed((await access.get(uow, kind, changed.id, "edit")).body)
    return {
        "of": of, "entity": entity, "id": record.id, "title": getattr(record, entity.title, None) or "–",
        "comments": rows, "more": more, "may_write": may(uow, kind, "create"), "typed": text,
        "editing": changed.id if changed else "", "problem": None,
    }  # fmt: skip
