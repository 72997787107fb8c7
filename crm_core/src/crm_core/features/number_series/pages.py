"""Number series by page, beyond their entities' own pages."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.entity import access
from crm_core.features.number_series import queries
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page


class NumberSeriesParts(PageController):
    """The panel on a series' page."""

    path = "/number-series-parts"
    permission = "core.number_series.read"

    @get("/next")
    async def following(
        self,
        request: Request[Any, Any, Any],
        uow: NamedDependency[UnitOfWork],
        of: FromQuery[UUID],
    ) -> Response[Any]:
        """Show what would be drawn next."""
        series = await access.get(uow, uow.registry.entity("core.number_series"), of, "read")
        number, last = await queries.preview(uow, series), await queries.last_used(uow, series.id)
        return await page(request, uow, "core/_next_number.html", number=number, last=last)
