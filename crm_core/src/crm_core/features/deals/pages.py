"""The panel on a contact's page that names the deals in which the person takes part."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.entity import access
from crm_core.features.deals.models import Deal, DealContact, DealRole
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page

AnyRequest = Request[Any, Any, Any]
MOST = 10


class DealParts(PageController):
    """Deals in which a contact takes part, and as what."""

    path = "/deal-parts"
    permission = "core.deal.read"

    @get()
    async def show(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], contact: FromQuery[UUID | None] = None
    ) -> Response[Any]:
        """Answer with the panel; nothing when there are no such deals."""
        if contact is None or not uow.actor.may_see("core.deal", "contacts"):
            return Response(b"", status_code=204)
        await access.get(uow, uow.registry.entity("core.contact"), contact)
        seen = access.rows(uow.registry, uow.actor, uow.registry.entity("core.deal"), "read")
        query = (
            sa.select(Deal.id, Deal.name, DealRole.name.label("role"), DealContact.is_primary, Deal.closed_on)
            .join(DealContact, DealContact.deal_id == Deal.id)
            .outerjoin(DealRole, DealRole.id == DealContact.role_id)
            .where(DealContact.contact_id == contact, seen)
            .order_by(Deal.closed_on.is_not(None), Deal.id.desc())
            .limit(MOST)
        )
        found = (await uow.session.execute(query)).all()
        return await page(request, uow, "core/_deal_parts.html", deals=found)
