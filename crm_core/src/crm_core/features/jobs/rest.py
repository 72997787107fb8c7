"""Jobs by API, for administrators."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from crm_core.features.jobs import actions, queries
from crm_core.features.jobs.schemas import JobDetail, JobsPage
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController

AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
InState = Annotated[str, QueryParameter(name="state")]  # Litestar keeps the bare name for itself


class JobsApi(ApiController):
    """Background jobs: look at them, try dead ones again, cancel, delete."""

    path = "/admin/jobs"
    permission = "core.jobs.manage"
    tags = ("Administration",)

    @get(operation_id="list_jobs", summary="List jobs")
    async def show_all(
        self, request: AnyRequest, uow: Uow, in_state: InState = "", kind: FromQuery[str] = "",
        lane: FromQuery[str] = "", cause: FromQuery[str] = "", cursor: FromQuery[str] = "",
        limit: FromQuery[str] = "50",
    ) -> JobsPage:  # fmt: skip
        """Return jobs, newest first. A pending job of a kind that no loaded plugin knows counts as parked."""
        return await queries.jobs_wanted(uow, queries.wanted(request.query_params))

    @get("/{job_id:uuid}", operation_id="get_job", summary="Get a job")
    async def show(self, uow: Uow, job_id: FromPath[UUID]) -> JobDetail:
        """Return a job with its whole error, its arguments and its result."""
        return await queries.job_of(uow, job_id)

    @post("/{job_id:uuid}/retry", status_code=200, operation_id="retry_job", summary="Try a stopped job again")
    async def retry(self, uow: Uow, job_id: FromPath[UUID]) -> JobDetail:
        """Give a dead, parked or cancelled job all its attempts again; 409 for any other."""
        await actions.retry(uow, job_id)
        return await queries.job_of(uow, job_id)

    @post("/{job_id:uuid}/cancel", status_code=200, operation_id="cancel_job", summary="Cancel a job")
    async def cancel(self, uow: Uow, job_id: FromPath[UUID]) -> JobDetail:
        """End a waiting job; a running one is asked to stop and does so when it next tells its progress."""
        await actions.cancel(uow, job_id)
        return await queries.job_of(uow, job_id)

    @delete("/{job_id:uuid}", operation_id="delete_job", summary="Delete a stopped job")
    async def delete(self, uow: Uow, job_id: FromPath[UUID]) -> None:
        """Delete a dead, parked or cancelled job; 409 for any other, and for one whose key is kept for ever."""
        await actions.delete(uow, job_id)
