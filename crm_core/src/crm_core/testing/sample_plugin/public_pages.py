"""The page a customer opens from an invitation: shows the visit, and confirms it by POST."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Response

from crm_core.plugin.links import LinkNotValid, PublicLink
from crm_core.testing.sample_plugin import actions
from crm_core.testing.sample_plugin.models import Visit
from crm_core.testing.sample_plugin.settings import VisitSettings
from crm_core.uow import UnitOfWork
from crm_core.web import page
from crm_core.web.public import PublicController


class Confirm(PublicController):
    """GET shows, POST confirms; the link carries the right."""

    path = "/sample/confirm/{token:str}"
    purpose = actions.CONFIRM

    @get("/")
    async def show(
        self, request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]
    ) -> Response[str]:
        """Show the visit and the button."""
        return await page(
            request, uow, "sample/confirm.html", visit=await visit_of(uow, link), confirmed=False, text=""
        )

    @post("/", status_code=200)
    async def confirm(
        self, request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]
    ) -> Response[str]:
        """Confirm the visit."""
        visit = await visit_of(uow, link)
        await actions.confirm_visit(uow, visit, link)
        settings = await uow.settings(VisitSettings)
        return await page(request, uow, "sample/confirm.html", visit=visit, confirmed=True, text=settings.confirm_text)


async def visit_of(uow: UnitOfWork, link: PublicLink) -> Visit:
    """Return the visit a link is about; LinkNotValid when it is gone."""
    visit = await uow.session.get(Visit, link.ref_id)
    if visit is None or visit.deleted_at is not None:
        raise LinkNotValid("the visit is gone")
    return visit
