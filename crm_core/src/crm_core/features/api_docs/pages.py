"""/api/docs: every call with its fields, examples and errors."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm_core.features.api_docs.reading import groups
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page
from crm_core.web.openapi import description


class ApiDocsPages(PageController):
    """The reference; it describes shapes and holds no data, so it needs no sign-in."""

    @get("/api/docs", opt={"public": True})
    async def docs(self, request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Answer with the reference."""
        found = groups(description(request.app))
        base = request.app.state.kernel.config.url
        return await page(request, uow, "core/api_docs.html", groups=found, address=f"{base}/api/v1", base=base)
