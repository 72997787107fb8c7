"""What companies do when something happens: domains are kept in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.db.types import new_id
from crm_core.features.companies.models import Company, CompanyDomain
from crm_core.features.in_step import alone, first_row
from crm_core.plugin import Listener

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork


def about_domains(event: Happened) -> bool:
    """Return whether a company's domain or its list of domains changed."""
    return "domain" in event.changed or any(n.startswith("domains.") for n in event.changed)


async def keep_domains(uow: UnitOfWork, event: Happened) -> None:
    """Keep `domain` the first of the company's domains, whichever of them was changed; each is there once."""
    company: Company | None = event.record or await uow.session.get(Company, event.record_id)
    if company is None or company.deleted_at is not None:
        return
    if alone(event, "domains", company.domain):
        await first_row(uow, event, "domains", {"domain": company.domain})
        return
    wanted = sa.select(CompanyDomain).where(CompanyDomain.company_id == company.id)
    rows = list(await uow.session.scalars(wanted.order_by(CompanyDomain.position, CompanyDomain.id)))
    if "domain" in event.changed:
        old = event.before.get("domain")
        gone = [r for r in rows if company.domain is None and r.domain == old]
        rows.sort(key=lambda r: r.domain != company.domain)
        if company.domain is not None and not any(r.domain == company.domain for r in rows):
            first = CompanyDomain(id=new_id(), company_id=company.id, domain=company.domain, position=0)
            uow.session.add(first)
            rows.insert(0, first)
    else:
        gone = []
    seen: set[str] = set()
    for row in rows:
        if row.domain in seen:
            gone.append(row)
        seen.add(row.domain)
    for row in gone:
        rows.remove(row)
        await uow.session.delete(row)
    for position, row in enumerate(rows):
        if row.position != position:
            row.position = position
    first_domain = rows[0].domain if rows else None
    if company.domain != first_domain:
        company.domain = first_domain


LISTENERS = tuple(
    Listener(event=f"core.company.{kind}", run=keep_domains, name="core.company_domains", wants=about_domains)
    for kind in ("created", "updated")
)
