"""The panel on a company's page."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from crm_core.plugin import records
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Response

from crm_visits.entities import VISIT
from crm_visits.models import Visit


class VisitPages(PageController):
    """Pages beyond the entity's own."""

    path = "/visits"
    permission = "visits.visit.read"

    @get("/panel")
    async def panel(
        self,
        request: Request[Any, Any, Any],
        uow: NamedDependency[UnitOfWork],
        id: FromQuery[UUID],  # noqa: A002 - the name that slots use
    ) -> Response[str]:
        """Show how often and how long a company was visited, as far as the reader may know."""
        readable = records.rows(uow.registry, uow.actor, VISIT, "read")
        figures = sa.select(sa.func.count(), sa.func.sum(Visit.minutes)).where(
            Visit.company_id == id, Visit.minutes.is_not(None), readable
        )
        count, minutes = (await uow.session.execute(figures)).one()
        return await page(request, uow, "visits/_panel.html", count=count, minutes=minutes or 0)
