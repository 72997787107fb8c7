"""The tree of a company by API, and which others have its domains."""

from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity import access
from crm_core.features.companies.queries import shared_domains, tree_of
from crm_core.features.companies.schemas import CompanyTree, SharedDomain
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class SharedDomains(msgspec.Struct):
    """Other companies with a domain of this one."""

    items: list[SharedDomain]


class CompaniesApi(ApiController):
    """What companies have beside the routes of every entity."""

    path = "/companies/{record_id:uuid}"
    permission = "core.company.read"
    tags = ("Companies",)

    @get("/tree", operation_id="tree_of_company", summary="The companies above and below, with sums of open deals")
    async def tree(self, uow: Uow, record_id: FromPath[UUID]) -> CompanyTree:
        """Companies and deals the caller may not read are left out, sums included."""
        company = await access.get(uow, uow.registry.entity("core.company"), record_id)
        return await tree_of(uow, company)

    @get("/shared-domains", operation_id="shared_domains_of_company", summary="Other companies with the same domain")
    async def shared(self, uow: Uow, record_id: FromPath[UUID]) -> SharedDomains:
        """Domains of free-mail providers are left out: they are nobody's."""
        await access.get(uow, uow.registry.entity("core.company"), record_id)
        return SharedDomains(items=await shared_domains(uow, record_id))
