"""Setting up where accounts can be connected, and how we are known there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core import secrets
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.features.connections.events import ConnectionProviderDeleted, ConnectionProviderSaved
from crm_core.features.connections.kinds import KINDS
from crm_core.features.connections.models import SECRET, Connection, ConnectionProvider
from crm_core.features.connections.schemas import ProviderIn, ProviderOut, State
from crm_core.features.oauth2.public import Client, demand_address
from crm_core.i18n import Strings, Text
from crm_core.plugin import hookspecs

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.plugin.registry import Registry
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint")
PLAIN = ("key", "name", "kind", "issuer", "client_id", "is_active", *ENDPOINTS)


class ConnectionProviderUnknown(NotFound):
    """No such provider of accounts."""


class ConnectionProviderNotValid(Invalid):
    """A provider that cannot work."""


class ConnectionProviderInUse(Conflict):
    """Accounts of this provider are connected: its key stays, and it is not removed."""


def redirect_uri(kernel: Kernel, key: str) -> str:
    """Return where a provider sends people back to: only ever below the configured address."""
    return f"{kernel.config.url}/account/connections/{key}/callback"


def scopes_of(registry: Registry, provider: ConnectionProvider) -> tuple[str, ...]:
    """Return what is asked for: the kind's own, the provider's, and what plugins want of its key or kind."""
    wanted = [*KINDS[provider.kind].scopes, *provider.scopes.split()]
    for one in registry.gather(hookspecs.crm_connection_scopes):
        if one.provider in (provider.key, provider.kind):
            wanted += one.scopes
    if provider.issuer or KINDS[provider.kind].issuer:
        wanted.insert(0, "openid")
    return tuple(dict.fromkeys(wanted))


def client_of(kernel: Kernel, provider: ConnectionProvider) -> Client:
    """Return how we are known at a provider, the secret opened."""
    kind = KINDS[provider.kind]
    secret = secrets.unseal(kernel, SECRET, provider.client_secret) if provider.client_secret else ""
    return Client(
        key=str(provider.id), name=provider.name, client_id=provider.client_id, client_secret=secret,
        redirect_uri=redirect_uri(kernel, provider.key), issuer=provider.issuer or kind.issuer, extra=kind.extra,
        scopes=scopes_of(kernel.registry, provider), many_tenants=provider.kind == "microsoft",
        **{name: getattr(provider, name) for name in ENDPOINTS},
    )  # fmt: skip


async def get(uow: UnitOfWork, provider_id: UUID) -> ConnectionProvider:
    """Return a provider; ConnectionProviderUnknown."""
    found = await uow.session.get(ConnectionProvider, provider_id)
    if found is None:
        raise ConnectionProviderUnknown(_("There is no such provider."))
    return found


async def by_key(uow: UnitOfWork, key: str, *, only_active: bool = False) -> ConnectionProvider:
    """Return the provider of this key; ConnectionProviderUnknown."""
    query = sa.select(ConnectionProvider).where(ConnectionProvider.key == key)
    found = await uow.session.scalar(query)
    if found is None or (only_active and not found.is_active):
        raise ConnectionProviderUnknown(_("There is no such provider."))
    return found


async def every(uow: UnitOfWork) -> list[ConnectionProvider]:
    """Return all providers by name."""
    return list(await uow.session.scalars(sa.select(ConnectionProvider).order_by(ConnectionProvider.name)))


async def save(uow: UnitOfWork, given: ProviderIn, provider: ConnectionProvider | None = None) -> ConnectionProvider:
    """Add or change a provider. The secret belongs to its endpoints: with others it is typed again."""
    uow.demand_write()
    await _check(uow, given, provider)
    values: dict[str, Any] = {**{n: getattr(given, n) for n in PLAIN}, "scopes": " ".join(given.scopes.split())}
    new = provider is None
    provider = provider or ConnectionProvider(client_secret="")
    changed = [name for name, value in values.items() if getattr(provider, name) != value]
    moved = {"kind", "issuer", "client_id", *ENDPOINTS} & set(changed)
    if not new and moved and provider.client_secret and not given.client_secret:
        text = _("Enter the client secret again: it belongs to another address or client.")
        raise ConnectionProviderNotValid(text, fields={"client_secret": text})
    for name, value in values.items():
        setattr(provider, name, value)
    if given.client_secret:
        provider.client_secret = secrets.seal(uow.kernel, SECRET, given.client_secret)
        changed.append("client_secret")
    provider.updated_at = uow.now
    if new:
        uow.session.add(provider)
        await uow.session.flush()  # the answer shows its id
    await uow.emit(ConnectionProviderSaved(provider=provider.name, changed=tuple(sorted(changed))))
    return provider


async def _check(uow: UnitOfWork, given: ProviderIn, provider: ConnectionProvider | None) -> None:
    for name in ("issuer", *ENDPOINTS):
        if address := getattr(given, name):
            demand_address(uow.kernel.config, address, name)
    faults: dict[str, Text | str] = {}
    issuer = given.issuer or KINDS[given.kind].issuer
    if not issuer:
        needed = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
        faults |= {n: _("Needed, as there is no issuer to ask.") for n in needed if not getattr(given, n)}
    taken = sa.select(ConnectionProvider.id).where(ConnectionProvider.key == given.key)
    if (held := await uow.session.scalar(taken)) is not None and (provider is None or held != provider.id):
        faults["key"] = _("This value is already in use.")
    if provider is not None and provider.key != given.key and await _in_use(uow, provider):
        faults["key"] = _("Accounts are connected under the present key.")
    if faults:
        raise ConnectionProviderNotValid(_("Some values are not acceptable."), fields=faults)


async def _in_use(uow: UnitOfWork, provider: ConnectionProvider) -> bool:
    living = (Connection.provider == provider.key, Connection.state != State.revoked)
    return await uow.session.scalar(sa.select(Connection.id).where(*living).limit(1)) is not None


async def delete(uow: UnitOfWork, provider: ConnectionProvider) -> None:
    """Remove a provider nobody has an account of; ConnectionProviderInUse."""
    uow.demand_write()
    if await _in_use(uow, provider):
        raise ConnectionProviderInUse(_("Accounts of this provider are connected. Switch it off, or disconnect them."))
    await uow.session.delete(provider)
    await uow.emit(ConnectionProviderDeleted(provider=provider.name))


def shown(kernel: Kernel, provider: ConnectionProvider) -> ProviderOut:
    """Return a provider without its secret."""
    return ProviderOut(
        id=provider.id, client_secret_set=bool(provider.client_secret), scopes=provider.scopes,
        all_scopes=list(scopes_of(kernel.registry, provider)), redirect_uri=redirect_uri(kernel, provider.key),
        **{name: getattr(provider, name) for name in PLAIN},
    )  # fmt: skip
