"""The panel of a company's tree, with the notice that others have its domain."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.entity import access
from crm_core.features.companies.queries import shared_domains, tree_of
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page

AnyRequest = Request[Any, Any, Any]


class CompanyTreePanel(PageController):
    """Where a company stands in its group."""

    path = "/company-tree"
    permission = "core.company.read"

    @get()
    async def show(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], company: FromQuery[UUID | None] = None
    ) -> Response[Any]:
        """Answer with the panel; nothing for a company that stands alone and shares no domain."""
        if company is None:
            return Response(b"", status_code=204)
        found = await access.get(uow, uow.registry.entity("core.company"), company)
        tree = await tree_of(uow, found)
        shared = await shared_domains(uow, company) if uow.actor.may_see("core.company", "domains") else []
        deals = uow.actor.may("core.deal.read")
        return await page(request, uow, "core/_company_tree.html", tree=tree, shared=shared, here=company, deals=deals)
