"""Providers of single sign-on by API."""

from uuid import UUID

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.features.sso import providers
from crm_core.features.sso.schemas import ProviderIn, ProviderOut
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class SsoApi(ApiController):
    """Providers people sign in with. Changing them takes an administrator."""

    path = "/sso/providers"
    permission = "core.security.manage"
    tags = ("Single sign-on",)

    @get(summary="List providers of single sign-on")
    async def show_all(self, uow: Uow) -> dict[str, list[ProviderOut]]:
        """Return all providers, without their secrets."""
        return {"items": [providers.shown(uow.kernel, one) for one in await providers.every(uow)]}

    @post(summary="Add a provider of single sign-on")
    async def add(self, uow: Uow, data: JSONBody[ProviderIn]) -> ProviderOut:
        """Add a provider; register its `redirect_uri` there."""
        return providers.shown(uow.kernel, await providers.save(uow, data))

    @get("/{provider_id:uuid}", summary="Get a provider of single sign-on")
    async def show(self, uow: Uow, provider_id: FromPath[UUID]) -> ProviderOut:
        """Return one provider, without its secret."""
        return providers.shown(uow.kernel, await providers.get(uow, provider_id))

    @put("/{provider_id:uuid}", status_code=200, summary="Change a provider of single sign-on")
    async def save(self, uow: Uow, provider_id: FromPath[UUID], data: JSONBody[ProviderIn]) -> ProviderOut:
        """Change a provider. An empty secret keeps the one there is; another issuer or client needs it again."""
        return providers.shown(uow.kernel, await providers.save(uow, data, await providers.get(uow, provider_id)))

    @delete("/{provider_id:uuid}", summary="Remove a provider of single sign-on")
    async def remove(self, uow: Uow, provider_id: FromPath[UUID]) -> None:
        """Remove a provider and everybody's link to it; sessions stay."""
        await providers.delete(uow, await providers.get(uow, provider_id))
