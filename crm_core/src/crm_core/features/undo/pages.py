"""Undo by page: what would be put back, and the button that does it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.errors import NotFound
from crm_core.features.undo import actions
from crm_core.features.undo.queries import Step
from crm_core.i18n import Strings
from crm_core.jobs.rows import JobRow
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, htmx, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
SHOWN = 50
KINDS = {
    "created": _("goes to the trash"),
    "restored": _("goes back to the trash"),
    "deleted": _("comes back from the trash"),
    "updated": _("gets its values from before"),
}


class UndoPages(PageController):
    """What an undo would do, and doing it; rights are those on each record."""

    path = "/undo"
    signed_in = True

    @get("/{cause:uuid}")
    async def ask(self, request: AnyRequest, uow: Uow, cause: FromPath[UUID]) -> Response[Any]:
        """Answer with what would be put back, and what is in the way."""
        return await _asked(request, uow, cause)

    @post("/{cause:uuid}", status_code=200)
    async def undo(self, request: AnyRequest, uow: Uow, cause: FromPath[UUID]) -> Response[Any]:
        """Undo at once; when something has been changed since, ask first."""
        skip = (await request.form()).get("skip_changed") == "1"
        steps, left, _count = await actions.look(uow, cause)
        if left and not skip:
            return await _asked(request, uow, cause, status=409)
        out = await actions.undo(uow, cause, skip_changed=skip)
        if out.job is not None:
            return await redirect(request, uow, f"/undo/runs/{out.job}")
        text = _("Undone.") if out.undone == 1 else _("{count} records put back.", count=out.undone)
        return await redirect(request, uow, _where(steps), text, undo=True)

    @get("/runs/{job_id:uuid}")
    async def progress(self, request: AnyRequest, uow: Uow, job_id: FromPath[UUID]) -> Response[Any]:
        """Answer with how far a large undo of the actor's is."""
        job = await uow.session.get(JobRow, job_id)
        if job is None or job.user_id != uow.actor.user_id or job.kind != "core.undo_cause":
            raise NotFound(_("There is no such undo."))
        template = "core/_undo_progress.html" if htmx.is_partial(request) else "core/undo_progress.html"
        running = job.state in ("pending", "running")
        return await page(request, uow, template, job=job, running=running, result=job.result or {})


async def _asked(request: AnyRequest, uow: UnitOfWork, cause: UUID, status: int = 200) -> Response[Any]:
    steps, left, count = await actions.look(uow, cause)
    titles = await actions.titles_of(uow, steps[:SHOWN])
    kept = {(x.entity, x.id) for x in left}
    rows = [
        (s, titles.get((s.entity.name, s.id), "–"), KINDS.get(s.kind, ""))
        for s in steps[:SHOWN]
        if (s.entity.name, s.id) not in kept
    ]
    paths = {name: e.path for name, e in uow.registry.entities.items()}
    possible = count - len(left)
    return await page(request, uow, "core/undo.html", status=status, cause=cause, rows=rows, left=left[:SHOWN],
                      count=count, possible=possible, paths=paths, back=_where(steps))  # fmt: skip


def _where(steps: list[Step]) -> str:
    """Return the page to go to: the record when it was one that is there afterwards, else its list."""
    first = steps[0]
    there = len(steps) == 1 and first.kind in ("updated", "deleted")
    return f"/{first.entity.path}/{first.id}" if there else f"/{first.entity.path}"
