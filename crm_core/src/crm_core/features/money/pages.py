"""Exchange rates by page, beyond their entity's own pages."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.entity import access
from crm_core.features.money import queries
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page


class RateParts(PageController):
    """The panel on a rate's page."""

    path = "/rate-parts"
    permission = "core.rate.read"

    @get("/valuing")
    async def valuing(
        self, request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork], of: FromQuery[UUID]
    ) -> Response[Any]:
        """Show how far the amounts of the rate's currency are valued."""
        rate = await access.get(uow, uow.registry.entity("core.rate"), of, "read")
        job = await queries.valuing(uow, rate.currency)
        running = job is not None and job.state in ("pending", "running")
        return await page(request, uow, "core/_valuing.html", rate=rate, job=job, running=running)
