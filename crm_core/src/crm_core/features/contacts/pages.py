"""The panel on a company's page that names the people there, present and former."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.entity import access
from crm_core.entity.stages import today
from crm_core.features.contacts.models import Contact, ContactCompany
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page

AnyRequest = Request[Any, Any, Any]
MOST = 30


class CompanyPeople(PageController):
    """Who works at a company, and who used to."""

    path = "/company-people"
    permission = "core.contact.read"

    @get()
    async def show(
        self, request: AnyRequest, uow: NamedDependency[UnitOfWork], company: FromQuery[UUID | None] = None
    ) -> Response[Any]:
        """Answer with the panel; nothing when nobody is known there."""
        if company is None or not uow.actor.may_see("core.contact", "companies"):
            return Response(b"", status_code=204)
        await access.get(uow, uow.registry.entity("core.company"), company)
        seen = access.rows(uow.registry, uow.actor, uow.registry.entity("core.contact"), "read")
        ended = ContactCompany.until_on <= today(uow)
        query = (
            sa.select(
                Contact.id, Contact.name, ContactCompany.job_title, ContactCompany.from_on, ContactCompany.until_on,
                ContactCompany.is_primary, sa.func.coalesce(ended, sa.false()).label("ended"),
            )
            .join(ContactCompany, ContactCompany.contact_id == Contact.id)
            .where(ContactCompany.company_id == company, seen)
            .order_by(sa.literal_column("ended"), Contact.name_f, Contact.id)
            .limit(MOST + 1)
        )  # fmt: skip
        found = (await uow.session.execute(query)).all()
        return await page(
            request, uow, "core/_company_people.html", people=[p for p in found[:MOST] if not p.ended],
            former=[p for p in found[:MOST] if p.ended], more=len(found) > MOST, company=company,
        )  # fmt: skip
