"""Pages about jobs, for administrators."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity.query import labels
from crm_core.features.jobs import actions, queries
from crm_core.features.jobs.schemas import STATES
from crm_core.i18n import Strings
from crm_core.plugin import Ref
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, htmx, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
WORDS = {
    "pending": _("Waiting"), "running": _("Running"), "done": _("Done"), "dead": _("Dead"),
    "cancelled": _("Cancelled"), "parked": _("Parked"),
}  # fmt: skip
COLOURS = {"pending": "grey", "running": "blue", "done": "green", "dead": "red", "cancelled": "grey", "parked": "amber"}


class JobPages(PageController):
    """Background jobs."""

    path = "/admin/jobs"
    permission = "core.jobs.manage"

    @get()
    async def show_all(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with a list of jobs, newest first."""
        wanted = queries.wanted(request.query_params)
        found = await queries.jobs_wanted(uow, wanted)
        given = {"state": wanted.state, "kind": wanted.kind, "lane": wanted.lane, "cause": wanted.cause or ""}
        address = urlencode({k: v for k, v in given.items() if v})
        return await page(
            request, uow, "core/jobs.html", jobs=found.items, next=found.next, given=given, address=address,
            cursor=wanted.cursor, states=STATES, kinds=sorted(uow.registry.jobs_by_name), words=WORDS, colours=COLOURS,
            block="list" if htmx.target(request) == "jobs" else "",
        )  # fmt: skip

    @get("/{job_id:uuid}")
    async def show(self, request: AnyRequest, uow: Uow, job_id: FromPath[UUID]) -> Response[Any]:
        """Answer with one job."""
        found = await queries.job_of(uow, job_id)
        asker = Ref("core.user", found.user_id) if found.user_id else None
        names = await labels(uow, {asker}) if asker else {}
        return await page(
            request, uow, "core/job.html", job=found, asker=names.get(asker, "") if asker else "", words=WORDS,
            colours=COLOURS, block="state" if htmx.target(request) == "job" else "",
        )  # fmt: skip

    @post("/{job_id:uuid}/retry")
    async def retry(self, request: AnyRequest, uow: Uow, job_id: FromPath[UUID]) -> Response[Any]:
        """Try a stopped job again."""
        await actions.retry(uow, job_id)
        return await redirect(request, uow, f"/admin/jobs/{job_id}", _("The job is tried again."))

    @post("/{job_id:uuid}/cancel")
    async def cancel(self, request: AnyRequest, uow: Uow, job_id: FromPath[UUID]) -> Response[Any]:
        """Cancel a job."""
        await actions.cancel(uow, job_id)
        return await redirect(request, uow, f"/admin/jobs/{job_id}", _("The job is cancelled."))

    @post("/{job_id:uuid}/delete")
    async def delete(self, request: AnyRequest, uow: Uow, job_id: FromPath[UUID]) -> Response[Any]:
        """Delete a stopped job."""
        await actions.delete(uow, job_id)
        return await redirect(request, uow, "/admin/jobs", _("The job is deleted."))
