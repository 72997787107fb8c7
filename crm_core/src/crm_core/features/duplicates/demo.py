"""Sample data: a few records that are there twice."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.features.companies.models import Company
from crm_core.features.contacts.models import Contact, ContactEmail
from crm_core.features.duplicates.actions import search_all
from crm_core.features.leads.models import Lead
from crm_core.features.sample import at, make, owners

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make a second company, contact and lead of ones that are there, as somebody in a hurry would have typed them."""
    owner = next(o for o in await owners(uow) if not o.email.startswith(("admin", "readonly", "support")))
    when = at(as_of, -3, 11)
    company = await uow.session.scalar(sa.select(Company).order_by(Company.id).limit(1))
    contact = await uow.session.scalar(sa.select(Contact).order_by(Contact.id).limit(1))
    lead = await uow.session.scalar(sa.select(Lead).order_by(Lead.id).limit(1))
    if company is None or contact is None or lead is None:
        return
    address = await uow.session.scalar(sa.select(ContactEmail.address).where(ContactEmail.contact_id == contact.id))
    await make(uow, "core.company", owner, name=f"{company.name.rpartition(' ')[0]} GmbH", domain=company.domain,
               created_at=when)  # fmt: skip
    await make(uow, "core.contact", owner, first_name=contact.first_name, last_name=contact.last_name,
               emails=[{"address": address or "", "kind": "work"}], created_at=when)  # fmt: skip
    await make(uow, "core.lead", owner, name=lead.name, company_name=lead.company_name, email=lead.email,
           source="phone",
               created_at=when)  # fmt: skip
    await search_all(uow)
