"""Pages of the sample plugin beyond its entity's own."""

from typing import Any
from uuid import UUID

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Response

from crm_core.testing.sample_plugin import queries
from crm_core.testing.sample_plugin.settings import VisitSettings
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page


class VisitPages(PageController):
    """The panel on a company's page and the overview in the menu."""

    path = "/sample"
    permission = "sample.visit.read"

    @get("/panel")
    async def panel(
        self,
        request: Request[Any, Any, Any],
        uow: NamedDependency[UnitOfWork],
        id: FromQuery[UUID],  # noqa: A002 - the name that slots use
    ) -> Response[str]:
        """Show a company's visits in short."""
        return await page(request, uow, "sample/_panel.html", summary=await queries.summary(uow, id))

    @get("/overview", opt={"permission": "sample.visits.manage"})
    async def overview(self, request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork]) -> Response[str]:
        """Show topics and settings to those who manage visits."""
        settings = await uow.settings(VisitSettings)
        return await page(request, uow, "sample/overview.html", topics=await queries.topics(uow), settings=settings)
