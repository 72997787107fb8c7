"""Connecting accounts, and giving them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor, system
from crm_core.db.types import new_id
from crm_core.features.connections import kinds, providers, tokens
from crm_core.features.connections.events import AccountConnected, AccountDisconnected, ConnectionRefused
from crm_core.features.connections.models import Connection, ConnectionProvider
from crm_core.features.connections.schemas import State
from crm_core.features.connections.tokens import ConnectionUnknown
from crm_core.features.oauth2 import public as oauth2
from crm_core.features.session.public import Visitor, demand_person
from crm_core.i18n import Strings
from crm_core.jobs.rows import cancel_lane
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
CONNECT = "core.connection"
"""Purpose of the states."""


class ScopesMissing(oauth2.ExchangeRefused):
    """The person, or whoever changed the request on its way, allowed less than was asked for."""


async def begin(
    kernel: Kernel, actor: Actor, key: str, browser: str, *, again: UUID | None = None
) -> tuple[str, oauth2.Begun]:
    """Return the provider's name and where to send the browser; `again`: only this account is taken then."""
    demand_person(actor)
    async with kernel.read(actor) as uow:
        provider = await providers.by_key(uow, key, only_active=True)
        if again is not None:
            await own(uow, again)
    client = providers.client_of(kernel, provider)
    data = {"user": str(actor.user_id), "again": str(again or "")}
    return provider.name, await oauth2.begun(kernel, CONNECT, client, browser, actor=actor, data=data)


async def finish(
    kernel: Kernel, actor: Actor, key: str, browser: str, answer: Mapping[str, Sequence[str]], visitor: Visitor
) -> UUID:
    """Keep the account the provider's answer is about and return its id; ExchangeRefused, audited, for all others."""
    demand_person(actor)
    async with kernel.read(actor) as uow:
        provider = await providers.by_key(uow, key, only_active=True)
    try:
        return await _finished(kernel, actor, provider, browser, answer)
    except oauth2.ExchangeRefused as refused:
        async with kernel.write(system("connection")) as uow:
            user_id = actor.user_id or UUID(int=0)
            told = ConnectionRefused(
                user_id=user_id, provider=provider.name, what=refused.reason, address=visitor.address
            )
            await uow.emit(told, about=[Ref("core.user", user_id)])
        raise


async def _finished(
    kernel: Kernel, actor: Actor, provider: ConnectionProvider, browser: str, answer: Mapping[str, Sequence[str]]
) -> UUID:
    client = providers.client_of(kernel, provider)
    flow = await oauth2.ended(kernel, CONNECT, client, browser, answer, actor=actor)
    if flow.data["user"] != str(actor.user_id):
        raise oauth2.ExchangeRefused("user")
    made = await oauth2.traded(kernel, client, flow.code, flow.verifier)
    person = await oauth2.person_of(kernel, client, made, flow.nonce, wants=frozenset({"email"}))
    if kinds.missing(provider.kind, client.scopes, made.scope):
        raise ScopesMissing("scope")
    async with kernel.write(actor) as uow:
        return await _keep(uow, provider, client, made, person, str(flow.data["again"]))


async def _keep(
    uow: UnitOfWork, provider: ConnectionProvider, client: oauth2.Client, made: oauth2.Tokens,
    person: Mapping[str, Any], again: str,
) -> UUID:  # fmt: skip
    """Write an account's tokens, to its row if there is one; ExchangeRefused("account") when another was wanted."""
    user_id, subject = uow.actor.user_id, str(person["sub"])
    if user_id is None:
        raise oauth2.ExchangeRefused("user")
    mine = (Connection.user_id == user_id, Connection.provider == provider.key, Connection.subject == subject)
    row = await uow.session.scalar(sa.select(Connection).where(*mine))
    if again and (row is None or str(row.id) != again):
        raise oauth2.ExchangeRefused("account")
    uow.demand_write()
    if row is None:
        row = Connection(id=new_id(), user_id=user_id, provider=provider.key, subject=subject)
        uow.session.add(row)
    address = person.get("email") or person.get("preferred_username") or person.get("name") or subject
    row.address = str(address)[:254]
    row.scopes = made.scope.split() if made.scope is not None else list(client.scopes)
    row.state, row.last_error, row.refreshing, row.refreshing_until = State.connected, "", None, None
    row.connected_at = row.updated_at = uow.now
    for name, value in tokens.sealed(uow.kernel, row.id, row.provider, made, uow.now).items():
        setattr(row, name, value)
    told = AccountConnected(
        user_id=user_id, connection_id=row.id, provider=provider.key, email=row.address, scopes=tuple(row.scopes)
    )
    await uow.emit(told, about=[Ref("core.user", user_id)])
    return row.id


async def own(uow: UnitOfWork, connection_id: UUID) -> Connection:
    """Return an account of the actor's; ConnectionUnknown for everybody else's."""
    query = sa.select(Connection).where(Connection.id == connection_id, Connection.user_id == uow.actor.user_id)
    row = await uow.session.scalar(query.where(Connection.state != State.revoked))
    if row is None or uow.actor.user_id is None:
        raise ConnectionUnknown(_("There is no such connected account."))
    return row


async def disconnect(kernel: Kernel, actor: Actor, connection_id: UUID) -> bool:
    """Give an account up: its tokens are gone here, and the provider is asked to forget them; False when it did not."""
    demand_person(actor)
    async with kernel.read(actor) as uow:
        row = await own(uow, connection_id)
        provider = await providers.by_key(uow, row.provider)
    client = providers.client_of(kernel, provider)
    refresh, access = (tokens.opened(kernel, row, text) for text in (row.refresh_token, row.access_token))
    # Here first: what the provider answers, or that it does not, keeps nobody's tokens alive.
    async with kernel.write(actor) as uow:
        row = await own(uow, connection_id)
        row.state, row.access_token, row.refresh_token, row.expires_at = State.revoked, "", "", None
        row.refreshing, row.refreshing_until, row.updated_at = None, None, uow.now
        await cancel_lane(uow, tokens.lane_of(row.id))
        told = AccountDisconnected(
            user_id=row.user_id, connection_id=row.id, provider=row.provider, email=row.address, told=bool(refresh)
        )
        await uow.emit(told, about=[Ref("core.user", row.user_id)])
    forgotten = True
    if refresh:
        forgotten = await oauth2.revoked(kernel, client, refresh, "refresh_token")
    if access:
        forgotten = await oauth2.revoked(kernel, client, access, "access_token") and forgotten
    return forgotten
