"""Connected accounts by API: only how they stand. Connecting takes a person at a browser."""

from uuid import UUID

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.features.connections import actions, providers, queries
from crm_core.features.connections.schemas import ConnectionOut, ProviderIn, ProviderOut
from crm_core.features.session.public import AnyRequest, kernel_of, person
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class ConnectionsApi(ApiController):
    """One's own connected accounts."""

    path = "/connections"
    tags = ("Connected accounts",)
    signed_in = True
    private = True

    @get(summary="List own connected accounts")
    async def show(self, uow: Uow) -> dict[str, list[ConnectionOut]]:
        """Return the caller's accounts and how they stand, never their tokens."""
        return {"items": await queries.connections_of(uow, uow.actor.user_id)}

    @delete("/{connection_id:uuid}", summary="Disconnect an account")
    async def end(self, request: AnyRequest, connection_id: FromPath[UUID]) -> None:
        """Give an account up: its tokens are deleted, and the provider is asked to forget them."""
        actor, _user = await person(request)
        await actions.disconnect(kernel_of(request), actor, connection_id)


class ConnectionProvidersApi(ApiController):
    """Where accounts can be connected."""

    path = "/connection-providers"
    permission = "core.connection.manage"
    tags = ("Connected accounts",)

    @get(summary="List providers of accounts")
    async def show_all(self, uow: Uow) -> dict[str, list[ProviderOut]]:
        """Return all providers, without their secrets."""
        return {"items": [providers.shown(uow.kernel, one) for one in await providers.every(uow)]}

    @post(summary="Add a provider of accounts")
    async def add(self, uow: Uow, data: JSONBody[ProviderIn]) -> ProviderOut:
        """Add a provider; register its `redirect_uri` there."""
        return providers.shown(uow.kernel, await providers.save(uow, data))

    @get("/{provider_id:uuid}", summary="Get a provider of accounts")
    async def show_one(self, uow: Uow, provider_id: FromPath[UUID]) -> ProviderOut:
        """Return one provider, without its secret."""
        return providers.shown(uow.kernel, await providers.get(uow, provider_id))

    @put("/{provider_id:uuid}", status_code=200, summary="Change a provider of accounts")
    async def save(self, uow: Uow, provider_id: FromPath[UUID], data: JSONBody[ProviderIn]) -> ProviderOut:
        """Change a provider. An empty secret keeps the one there is; other addresses need it again."""
        return providers.shown(uow.kernel, await providers.save(uow, data, await providers.get(uow, provider_id)))

    @delete("/{provider_id:uuid}", summary="Remove a provider of accounts")
    async def remove(self, uow: Uow, provider_id: FromPath[UUID]) -> None:
        """Remove a provider; 409 while accounts of it are connected."""
        await providers.delete(uow, await providers.get(uow, provider_id))
