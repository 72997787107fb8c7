"""Setting up providers. Whoever may do this can sign in as anybody, so it takes somebody who may do everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core import secrets
from crm_core.auth.actor import ActorKind
from crm_core.auth.people import Role
from crm_core.entity.folding import fold
from crm_core.errors import Forbidden, Invalid, NotFound
from crm_core.features.identities.public import SECRET, SsoProvider
from crm_core.features.oauth2.public import Client, demand_address
from crm_core.features.sso.events import SsoProviderDeleted, SsoProviderSaved
from crm_core.features.sso.schemas import GroupRole, ProviderIn, ProviderOut
from crm_core.i18n import Strings, Text

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PLAIN = ("key", "name", "issuer", "client_id", "group_claim", "creates_users", "links_by_email", "trusts_email",
         "second_factor", "is_active")  # fmt: skip


class OnlyAdministrators(Forbidden):
    """A provider decides who everybody is."""


class SsoProviderUnknown(NotFound):
    """No such provider of single sign-on."""


class SsoProviderNotValid(Invalid):
    """A provider that cannot work."""


def redirect_uri(kernel: Kernel, key: str) -> str:
    """Return where a provider sends people back to: only ever below the configured address."""
    return f"{kernel.config.url}/login/sso/{key}/callback"


def link_uri(kernel: Kernel, key: str) -> str:
    """Return where it sends those back to who link the account they are signed in with."""
    return f"{kernel.config.url}/account/sso/{key}/callback"


def client_of(kernel: Kernel, provider: SsoProvider, *, linking: bool = False) -> Client:
    """Return how we are known at a provider, the secret opened."""
    back = link_uri if linking else redirect_uri
    secret = secrets.unseal(kernel, SECRET, provider.client_secret) if provider.client_secret else ""
    return Client(
        key=str(provider.id), name=provider.name, client_id=provider.client_id, client_secret=secret,
        redirect_uri=back(kernel, provider.key), issuer=provider.issuer, scopes=tuple(provider.scopes.split()),
    )  # fmt: skip


async def get(uow: UnitOfWork, provider_id: UUID) -> SsoProvider:
    """Return a provider; SsoProviderUnknown."""
    found = await uow.session.get(SsoProvider, provider_id)
    if found is None:
        raise SsoProviderUnknown(_("There is no such provider."))
    return found


async def active(uow: UnitOfWork, key: str) -> SsoProvider:
    """Return the provider people may sign in with under this key; SsoProviderUnknown."""
    query = sa.select(SsoProvider).where(SsoProvider.key == key, SsoProvider.is_active)
    found = await uow.session.scalar(query)
    if found is None:
        raise SsoProviderUnknown(_("There is no such provider."))
    return found


def demand_administrator(uow: UnitOfWork) -> None:
    """Raise OnlyAdministrators for everybody else."""
    actor = uow.actor
    if actor.kind is not ActorKind.system and (not actor.rights.everything or actor.scopes):
        raise OnlyAdministrators(_("Only an administrator sets up single sign-on."))


async def save(uow: UnitOfWork, given: ProviderIn, provider: SsoProvider | None = None) -> SsoProvider:
    """Add or change a provider. The secret belongs to issuer and client: with another one it is typed again."""
    demand_administrator(uow)
    uow.demand_write()
    values = await _checked(uow, given, provider)
    new = provider is None
    provider = provider or SsoProvider(client_secret="")
    changed = [name for name, value in values.items() if getattr(provider, name) != value]
    moved = not new and {"issuer", "client_id"} & set(changed)
    if moved and provider.client_secret and not given.client_secret:
        text = _("Enter the client secret again: it belongs to another issuer or client.")
        raise SsoProviderNotValid(text, fields={"client_secret": text})
    for name, value in values.items():
        setattr(provider, name, value)
    if given.client_secret:
        provider.client_secret = secrets.seal(uow.kernel, SECRET, given.client_secret)
        changed.append("client_secret")
    provider.updated_at = uow.now
    if new:
        uow.session.add(provider)
        await uow.session.flush()  # the answer shows its id
    await uow.emit(SsoProviderSaved(provider=provider.name, changed=tuple(sorted(changed))))
    return provider


async def _checked(uow: UnitOfWork, given: ProviderIn, provider: SsoProvider | None) -> dict[str, Any]:
    demand_address(uow.kernel.config, given.issuer, "issuer")
    faults: dict[str, Text | str] = {}
    scopes = given.scopes.split()
    if "openid" not in scopes:
        faults["scopes"] = _("The scope openid is needed.")
    domains = [d.strip().lower().removeprefix("@") for d in given.email_domains if d.strip()]
    if not all("." in d and d.isprintable() and "@" not in d and " " not in d for d in domains):
        faults["email_domains"] = _("A domain looks like example.com.")
    ids = {one.role_id for one in given.role_map}
    known = set(await uow.session.scalars(sa.select(Role.id).where(Role.id.in_(ids), Role.deleted_at.is_(None))))
    if ids - known:
        faults["role_map"] = _("There is no such role.")
    if any(one.group != "*" for one in given.role_map) and not given.group_claim:
        faults["group_claim"] = _("Say which claim has the groups.")
    taken = sa.select(SsoProvider.id).where(SsoProvider.key == given.key)
    if (held := await uow.session.scalar(taken)) is not None and (provider is None or held != provider.id):
        faults["key"] = _("This value is already in use.")
    if faults:
        raise SsoProviderNotValid(_("Some values are not acceptable."), fields=faults)
    role_map = [{"group": one.group, "role_id": str(one.role_id)} for one in given.role_map]
    plain = {name: getattr(given, name) for name in PLAIN}
    return {**plain, "scopes": " ".join(scopes), "email_domains": domains, "role_map": role_map}


async def delete(uow: UnitOfWork, provider: SsoProvider) -> None:
    """Remove a provider and everybody's link to it."""
    demand_administrator(uow)
    uow.demand_write()
    await uow.session.delete(provider)
    await uow.emit(SsoProviderDeleted(provider=provider.name))


def shown(kernel: Kernel, provider: SsoProvider) -> ProviderOut:
    """Return a provider without its secret."""
    return ProviderOut(
        id=provider.id, client_secret_set=bool(provider.client_secret), scopes=provider.scopes,
        role_map=[GroupRole(group=r["group"], role_id=UUID(r["role_id"])) for r in provider.role_map],
        email_domains=list(provider.email_domains), redirect_uri=redirect_uri(kernel, provider.key),
        **{name: getattr(provider, name) for name in PLAIN},
    )  # fmt: skip


async def every(uow: UnitOfWork) -> list[SsoProvider]:
    """Return all providers by name."""
    return list(await uow.session.scalars(sa.select(SsoProvider).order_by(SsoProvider.name)))


async def roles_from(uow: UnitOfWork, text: str) -> list[GroupRole]:
    """Return what lines "group = role" say; SsoProviderNotValid names the role nobody has."""
    roles = (
        await uow.session.execute(sa.select(Role.id, Role.key, Role.name_f).where(Role.deleted_at.is_(None)))
    ).all()
    names = {name: role.id for role in roles for name in (role.key, role.name_f) if name}
    found = []
    for line in filter(str.strip, text.splitlines()):
        group, _equals, role = (part.strip() for part in line.rpartition("="))
        if not group or (role_id := names.get(role) or names.get(fold(role))) is None:
            told = _("There is no role {role}.", role=role or line)
            raise SsoProviderNotValid(told, fields={"roles": told})
        found.append(GroupRole(group=group, role_id=role_id))
    return found


async def lines_of(uow: UnitOfWork, provider: SsoProvider) -> str:
    """Return groups and roles as lines."""
    rows = await uow.session.execute(sa.select(Role.id, Role.name))
    names = {str(key): name for key, name in rows}
    return "\n".join(f"{r['group']} = {names.get(r['role_id'], r['role_id'])}" for r in provider.role_map)
