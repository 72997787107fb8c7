"""A provider set up in the CRM, and browsers that go there and come back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from crm_core.auth import passwords
from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.features.session.actions import add_user
from crm_core.features.sso import providers
from crm_core.features.sso.schemas import ProviderIn
from crm_core.kernel import Kernel
from crm_core.testing.oidc import OidcServer, Trip
from crm_core.testing.people import People

PASSWORD = "quite a long secret"
SECRET = "marker-client-secret-of-sso"
Provide = Callable[..., Awaitable[UUID]]


@pytest.fixture
def config(base_config: Config, database_url: str) -> Config:
    """The provider is on this machine, which is a private network like any other."""
    return base_config.but(database_url=database_url, outbound_allow=("127.0.0.0/8",))


@pytest.fixture
def provide(kernel: Kernel, oidc: OidcServer) -> Provide:
    """`await provide(creates_users=True)`: add a provider that is the running server."""

    async def add(**values: Any) -> UUID:
        given = {"key": "corp", "name": "Corp", "issuer": oidc.issuer, "client_id": "crm", "client_secret": SECRET}
        async with kernel.write(system("test")) as uow:
            return (await providers.save(uow, ProviderIn(**{**given, **values}))).id

    return add


@pytest.fixture
def person(kernel: Kernel) -> Callable[..., Awaitable[UUID]]:
    """Adds users: `await person("a@example.com", "sales")`."""

    async def add(email: str, *roles: str, password: str | None = PASSWORD) -> UUID:
        hashed = await passwords.hashed(password) if password else None
        async with kernel.write(system("test")) as uow:
            return (await add_user(uow, email.partition("@")[0].title(), email, hashed, roles=roles)).id

    return add


@pytest.fixture
def trip(as_user: People, oidc: OidcServer) -> Callable[[], Trip]:
    """Makes browsers, each with its own cookies."""
    return lambda: Trip(as_user.browser(), oidc)


@pytest.fixture
def account_provider(kernel: Kernel, oidc: OidcServer) -> Provide:
    """`await account_provider()`: add a provider of accounts that is the running server."""
    from crm_core.features.connections import providers as of_accounts
    from crm_core.features.connections.schemas import ProviderIn as AccountProvider

    async def add(**values: Any) -> UUID:
        given = {"key": "mailco", "name": "Mail Co", "issuer": oidc.issuer, "client_id": "crm",
                 "client_secret": "marker-client-secret-of-accounts", "scopes": "email mail.read"}  # fmt: skip
        async with kernel.write(system("test")) as uow:
            return (await of_accounts.save(uow, AccountProvider(**{**given, **values}))).id

    return add


@pytest.fixture
def connect(as_user: People, oidc: OidcServer) -> Callable[..., Awaitable[UUID]]:
    """`await connect("sales")`: connect an account of that person; returns its id."""

    async def go(role: str = "sales", key: str = "mailco") -> UUID:
        somebody = await as_user(role)
        trip = Trip(somebody.client, oidc)
        answer = await trip.back(oidc.visit(await trip.begin(path=f"/account/connections/{key}/connect")))
        assert answer.status_code == 303, answer.text
        return UUID((await somebody.api.get("/connections"))["items"][0]["id"])

    return go
