"""Signing in by a provider: who that is here, which roles that gives, and the session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import ANONYMOUS, Actor, system
from crm_core.auth.people import EMAIL, User, UserRole
from crm_core.entity import records
from crm_core.entity.folding import fold
from crm_core.errors import Conflict
from crm_core.features.identities.public import SsoIdentity, SsoProvider
from crm_core.features.oauth2 import public as oauth2
from crm_core.features.session.public import Entry, Visitor, enter, open_session
from crm_core.features.sso import providers
from crm_core.features.sso.events import IdentityLinked, IdentityUnlinked, RolesKept, SsoRefused
from crm_core.i18n import LOCALES
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

SIGN_IN, LINK = "core.sso", "core.sso.link"
"""Purposes of states: one begun for the other never counts."""
Answer = Mapping[str, Sequence[str]]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as a provider describes them. email: "" unless it is verified."""

    subject: str
    email: str = ""
    name: str = ""
    locale: str = ""
    groups: frozenset[str] = frozenset()


async def begin(
    kernel: Kernel, key: str, browser: str, *, actor: Actor = ANONYMOUS, after: str = "/"
) -> tuple[str, oauth2.Begun]:
    """Return the provider's name and where to send the browser; with a signed-in actor to link, else to sign in."""
    provider, client = await _provider(kernel, key, linking=actor.user_id is not None)
    purpose = LINK if actor.user_id else SIGN_IN
    return provider.name, await oauth2.begun(kernel, purpose, client, browser, actor=actor, data={"next": after})


async def sign_in(
    kernel: Kernel, key: str, browser: str, answer: Answer, visitor: Visitor, locale: str
) -> tuple[Entry, str]:
    """Return how far the provider's answer leads and where to go then; ExchangeRefused, audited, for all others."""
    provider, client = await _provider(kernel, key)
    try:
        flow, person = await _person(kernel, provider, client, SIGN_IN, browser, answer, ANONYMOUS)
        async with kernel.write(system("sso"), locale=locale) as uow:
            identity = await _identity(uow, provider, person)
            identity.last_used_at, identity.email = uow.now, person.email or identity.email
            await _give_roles(uow, provider, identity.user_id, person.groups)
            if provider.second_factor == "own":
                entry = await enter(uow, identity.user_id, visitor)
            else:
                token = await open_session(uow, identity.user_id, visitor, second="provider")
                entry = Entry(identity.user_id, session=token)
            return entry, str(flow.data["next"])
    except oauth2.ExchangeRefused as refused:
        await _tell_refused(kernel, provider, refused.reason, visitor)
        raise


async def link(kernel: Kernel, actor: Actor, key: str, browser: str, answer: Answer, visitor: Visitor) -> None:
    """Let the actor sign in by this provider from now on; ExchangeRefused, audited, also when somebody else does."""
    provider, client = await _provider(kernel, key, linking=True)
    try:
        _flow, person = await _person(kernel, provider, client, LINK, browser, answer, actor)
        async with kernel.write(actor) as uow:
            if actor.user_id is None or await _found(uow, provider, person.subject) is not None:
                raise oauth2.ExchangeRefused("taken")
            await _link(uow, provider, person, actor.user_id)
    except oauth2.ExchangeRefused as refused:
        await _tell_refused(kernel, provider, refused.reason, visitor)
        raise


async def unlink(uow: UnitOfWork, user_id: UUID, provider_id: UUID) -> None:
    """Take a user's link to a provider away; nothing happens without one."""
    provider = await providers.get(uow, provider_id)
    uow.demand_write()
    mine = sa.delete(SsoIdentity).where(SsoIdentity.user_id == user_id, SsoIdentity.provider_id == provider_id)
    gone = await uow.session.execute(mine, execution_options={"synchronize_session": False})
    if gone.rowcount:  # type: ignore[attr-defined]  # a cursor result
        about = [Ref("core.user", user_id)]
        await uow.emit(IdentityUnlinked(user_id=user_id, provider=provider.name), about=about)


async def _provider(kernel: Kernel, key: str, *, linking: bool = False) -> tuple[SsoProvider, oauth2.Client]:
    async with kernel.read(ANONYMOUS) as uow:
        provider = await providers.active(uow, key)
    return provider, providers.client_of(kernel, provider, linking=linking)


async def _person(
    kernel: Kernel, provider: SsoProvider, client: oauth2.Client, purpose: str, browser: str, answer: Answer,
    actor: Actor,
) -> tuple[oauth2.Flow, Person]:  # fmt: skip
    flow = await oauth2.ended(kernel, purpose, client, browser, answer, actor=actor)
    tokens = await oauth2.traded(kernel, client, flow.code, flow.verifier)
    wants = {"email", provider.group_claim.partition(".")[0]} - {""}
    claims = await oauth2.person_of(kernel, client, tokens, flow.nonce, wants=frozenset(wants))
    person = _described(provider, claims)
    if provider.email_domains and person.email.rpartition("@")[2].lower() not in provider.email_domains:
        raise oauth2.ExchangeRefused("domain")
    return flow, person


def _described(provider: SsoProvider, claims: Mapping[str, Any]) -> Person:
    email = claims.get("email")
    # "true" as text is what some providers send.
    verified = provider.trusts_email or claims.get("email_verified") in (True, "true")
    sound = isinstance(email, str) and len(email) <= EMAIL and email.count("@") == 1 and email.isprintable()
    name = claims.get("name")
    locale = str(claims.get("locale", ""))[:2]
    return Person(
        subject=str(claims["sub"]), email=str(email) if sound and verified else "",
        name=name.strip()[:255] if isinstance(name, str) else "", locale=locale if locale in LOCALES else "",
        groups=_groups(claims, provider.group_claim),
    )  # fmt: skip


def _groups(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """Return the groups at a path of claims ("realm_access.roles"); a claim with dots in its name counts whole."""
    if not path:
        return frozenset()
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        found = [found]
    return frozenset(g for g in found if isinstance(g, str)) if isinstance(found, list) else frozenset()


async def _found(uow: UnitOfWork, provider: SsoProvider, subject: str) -> SsoIdentity | None:
    same = (SsoIdentity.issuer == provider.issuer, SsoIdentity.subject == subject)
    return await uow.session.scalar(sa.select(SsoIdentity).where(*same))


async def _identity(uow: UnitOfWork, provider: SsoProvider, person: Person) -> SsoIdentity:
    """Return who this is here: known by issuer and subject; else by a verified address or made new, where allowed."""
    identity = await _found(uow, provider, person.subject)
    if identity is not None:
        mine = sa.select(User.id).where(User.id == identity.user_id, User.is_active, User.deleted_at.is_(None))
        if await uow.session.scalar(mine) is None:
            raise oauth2.ExchangeRefused("inactive")
        return identity
    if not person.email:
        raise oauth2.ExchangeRefused("email")
    by_email = sa.select(User.id, User.is_active).where(User.email_f == fold(person.email), User.deleted_at.is_(None))
    user = (await uow.session.execute(by_email)).one_or_none()
    if user is None:
        if not provider.creates_users:
            raise oauth2.ExchangeRefused("unknown")
        return await _link(uow, provider, person, await _add(uow, person), created=True)
    if not provider.links_by_email or not user.is_active:
        raise oauth2.ExchangeRefused("unknown")
    return await _link(uow, provider, person, user.id)


async def _add(uow: UnitOfWork, person: Person) -> UUID:
    values = {"name": person.name or person.email.partition("@")[0], "email": person.email}
    values |= {"locale": person.locale or uow.locale}
    user: User = await records.create(uow, uow.registry.entity("core.user"), values, trusted=True)
    await uow.settle()  # the link's foreign key needs the row
    return user.id


async def _link(
    uow: UnitOfWork, provider: SsoProvider, person: Person, user_id: UUID, *, created: bool = False
) -> SsoIdentity:
    """Write the link; ExchangeRefused when the user is somebody else at this issuer already (an address given on)."""
    held = sa.select(SsoIdentity.id).where(SsoIdentity.user_id == user_id, SsoIdentity.issuer == provider.issuer)
    if await uow.session.scalar(held) is not None:
        raise oauth2.ExchangeRefused("taken")
    uow.demand_write()
    made = SsoIdentity(
        provider_id=provider.id, issuer=provider.issuer, subject=person.subject, user_id=user_id, email=person.email
    )
    uow.session.add(made)
    told = IdentityLinked(user_id=user_id, provider=provider.name, email=person.email, created=created)
    await uow.emit(told, about=[Ref("core.user", user_id)])
    return made


async def _give_roles(uow: UnitOfWork, provider: SsoProvider, user_id: UUID, groups: frozenset[str]) -> None:
    """Give and take the roles that the provider's groups decide; all other roles stay as they are."""
    if not provider.role_map:
        return
    decided = {UUID(r["role_id"]) for r in provider.role_map}
    given = {UUID(r["role_id"]) for r in provider.role_map if r["group"] == "*" or r["group"] in groups}
    held_rows = await uow.session.execute(sa.select(UserRole.role_id, UserRole.id).where(UserRole.user_id == user_id))
    held: dict[UUID, UUID] = {row.role_id: row.id for row in held_rows}
    wanted = (held.keys() - decided) | given
    if wanted == held.keys():
        return
    user = await uow.session.get(User, user_id)
    rows = [{"role_id": r, **({"id": held[r]} if r in held else {})} for r in sorted(wanted)]
    try:
        async with uow.savepoint():
            await records.update(uow, uow.registry.entity("core.user"), user, {"roles": rows}, trusted=True)
    except Conflict:  # LastAdministrator: the door stays open rather than right
        about = [Ref("core.user", user_id)]
        await uow.emit(RolesKept(user_id=user_id, provider=provider.name), about=about)


async def _tell_refused(kernel: Kernel, provider: SsoProvider, reason: str, visitor: Visitor) -> None:
    async with kernel.write(system("sso")) as uow:
        await uow.emit(SsoRefused(provider=provider.name, what=reason, address=visitor.address))
