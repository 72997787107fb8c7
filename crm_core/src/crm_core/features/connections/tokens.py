"""Access tokens for whoever works with an account: refreshed by one process, whoever asks.

The lock is in the row: one update takes it for thirty seconds, and only who holds it talks to the provider. A
database lock would do the same while holding a transaction open over the network, which SQLite has one of.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import sqlalchemy as sa

from crm_core import secrets
from crm_core.auth.actor import system
from crm_core.auth.people import User
from crm_core.errors import Conflict, NotFound
from crm_core.features.connections import providers
from crm_core.features.connections.events import ReconnectNeeded
from crm_core.features.connections.models import TOKEN, Connection
from crm_core.features.connections.schemas import State
from crm_core.features.mail import public as mail
from crm_core.features.oauth2 import public as oauth2
from crm_core.i18n import Strings
from crm_core.jobs.rows import cancel_lane
from crm_core.plugin import Ref
from crm_core.transactions import outside_transaction

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
EARLY = timedelta(seconds=60)
"""Before its end a token is refreshed, so that it outlives the request it is for."""
BRIEF = timedelta(seconds=5)
"""What a token must still last when it cannot be refreshed just now."""
HELD = timedelta(seconds=30)
"""How long a refresh may take; after that another process tries."""
PATIENCE = 40.0
"""Seconds to wait for another process's refresh."""
PAUSES = (0.02, 0.05, 0.1, 0.2)
FOREVER = timedelta(hours=1)
"""What is taken as the life of a token that does not say how long it lives."""
ACTOR = system("connection")


class ConnectionUnknown(NotFound):
    """No such account, or its user is switched off."""


class ConnectionNotUsable(Conflict):
    """The person has to connect the account again, or has given it up. Jobs that meet this end; a new try is no use."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What one process needs to refresh a token: its claim, and the opened refresh token."""

    connection: Connection
    claim: UUID
    client: oauth2.Client
    refresh_token: str


async def access_token(kernel: Kernel, connection_id: UUID, *, fresh: bool = False) -> str:
    """Return a token that is good for at least some seconds; outside any transaction, for it may ask the provider.

    fresh: refresh although it has not expired, after the provider refused it. Raises ConnectionUnknown,
    ConnectionNotUsable (connect again), and ProviderAway when a refresh failed for a reason that may pass.
    """
    outside_transaction("asking for an access token")
    deadline, refused = time.monotonic() + PATIENCE, ""
    for attempt in range(10_000):
        async with kernel.read(ACTOR) as uow:
            row = await _usable(uow, connection_id)
            now = uow.now
        token = opened(kernel, row, row.access_token)
        refused = refused or (token if fresh else "")
        left = (row.expires_at or now + FOREVER) - now
        good = token != "" and token != refused
        if good and left > (EARLY if row.refresh_token else BRIEF):
            return token
        if (held := await _claim(kernel, row)) is not None:
            return await _refresh(kernel, held)
        if good and left > BRIEF:
            return token  # somebody refreshes it, and it is good for a moment still
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
    raise oauth2.ProviderAway("another process is refreshing the token")


async def _usable(uow: UnitOfWork, connection_id: UUID) -> Connection:
    query = sa.select(Connection).join(User, User.id == Connection.user_id)
    query = query.where(Connection.id == connection_id, User.is_active, User.deleted_at.is_(None))
    row = await uow.session.scalar(query)
    if row is None:
        raise ConnectionUnknown(_("There is no such connected account."))
    if row.state != State.connected:
        raise ConnectionNotUsable(_("The account has to be connected again."), connection_id=str(row.id))
    return row


async def _claim(kernel: Kernel, row: Connection) -> _Held | None:
    """Take the lock if it is free and nobody refreshed meanwhile; who cannot refresh at all needs the person."""
    if not row.refresh_token:
        await end_access(kernel, row.id, "no refresh token")
        raise ConnectionNotUsable(_("The account has to be connected again."), connection_id=str(row.id))
    claim = uuid4()
    async with kernel.write(ACTOR) as uow:
        free = sa.or_(Connection.refreshing.is_(None), Connection.refreshing_until < uow.now)
        # The very token that was read: another process may have stored a newer one since.
        same = (
            Connection.id == row.id,
            Connection.state == State.connected,
            Connection.access_token == row.access_token,
        )
        taken = await uow.session.execute(
            sa.update(Connection).where(*same, free).values(refreshing=claim, refreshing_until=uow.now + HELD),
            execution_options={"synchronize_session": False},
        )
        if not taken.rowcount:  # type: ignore[attr-defined]  # a cursor result
            return None
        provider = await providers.by_key(uow, row.provider)
    return _Held(row, claim, providers.client_of(kernel, provider), opened(kernel, row, row.refresh_token))


async def _refresh(kernel: Kernel, held: _Held) -> str:
    row = held.connection
    try:
        made = await oauth2.refreshed(kernel, held.client, held.refresh_token)
    except oauth2.GrantEnded as error:
        await end_access(kernel, row.id, "invalid_grant", claim=held.claim)
        raise ConnectionNotUsable(_("The account has to be connected again."), connection_id=str(row.id)) from error
    except (oauth2.ProviderAway, oauth2.ExchangeRefused) as error:
        told = error.detail if isinstance(error, oauth2.ProviderAway) else error.reason
        await _store(kernel, row.id, held.claim, {"last_error": told[:255]})
        raise
    async with kernel.read(ACTOR) as uow:
        values = sealed(kernel, row.id, row.provider, made, uow.now)
    if not await _store(kernel, row.id, held.claim, {**values, "last_error": ""}):
        # Disconnected or connected anew meanwhile: nobody keeps what was just made.
        await oauth2.revoked(kernel, held.client, made.refresh_token or made.access_token, "refresh_token")
        raise ConnectionNotUsable(_("The account has to be connected again."), connection_id=str(row.id))
    return made.access_token


async def _store(kernel: Kernel, connection_id: UUID, claim: UUID, values: dict[str, object]) -> bool:
    """Write what a refresh brought and give the lock back, in one statement; False when the claim was lost."""
    async with kernel.write(ACTOR) as uow:
        mine = sa.update(Connection).where(Connection.id == connection_id, Connection.refreshing == claim)
        done = await uow.session.execute(
            mine.values(**values, refreshing=None, refreshing_until=None, updated_at=uow.now),
            execution_options={"synchronize_session": False},
        )
        return bool(done.rowcount)  # type: ignore[attr-defined]  # a cursor result


async def end_access(kernel: Kernel, connection_id: UUID, why: str, *, claim: UUID | None = None) -> None:
    """Mark an account that its person has to connect again: tell them, stop its jobs; once, whoever finds out."""
    async with kernel.write(ACTOR) as uow:
        which = [Connection.id == connection_id, Connection.state == State.connected]
        if claim is not None:
            which.append(Connection.refreshing == claim)
        gone = {"access_token": "", "refresh_token": "", "expires_at": None, "refreshing": None}
        done = await uow.session.execute(
            sa.update(Connection).where(*which).values(
                state=State.reconnect, last_error=why[:255], refreshing_until=None, updated_at=uow.now, **gone
            ),
            execution_options={"synchronize_session": False},
        )  # fmt: skip
        if not done.rowcount:  # type: ignore[attr-defined]  # a cursor result
            return
        row = (await uow.session.scalars(sa.select(Connection).where(Connection.id == connection_id))).one()
        await cancel_lane(uow, lane_of(connection_id))
        await uow.emit(
            ReconnectNeeded(user_id=row.user_id, connection_id=row.id, provider=row.provider, email=row.address),
            about=[Ref("core.user", row.user_id)],
        )
        await _tell_person(uow, row)


async def _tell_person(uow: UnitOfWork, row: Connection) -> None:
    user = await uow.session.get(User, row.user_id)
    provider = await providers.by_key(uow, row.provider)
    if user is not None and await mail.is_set_up(uow):
        await mail.send_template(
            uow, "core/mail/reconnect", to=user.email, kind="transactional", purpose="core.connection.reconnect",
            locale=user.locale, name=provider.name, account=row.address, path="/account/connections",
        )  # fmt: skip


def lane_of(connection_id: UUID) -> str:
    """Return the lane for jobs that work with an account: one at a time, cancelled when it has to be reconnected."""
    return f"connection:{connection_id}"


def sealed(
    kernel: Kernel, connection_id: UUID, provider: str, tokens: oauth2.Tokens, now: datetime
) -> dict[str, object]:
    """Return the columns for tokens; a refresh token that was not replaced stays the old one."""
    purpose = secrets.bound(TOKEN, connection_id, provider)
    lasts = timedelta(seconds=tokens.expires_in) if tokens.expires_in is not None else None
    values: dict[str, object] = {
        "access_token": secrets.seal(kernel, purpose, tokens.access_token),
        "expires_at": now + lasts if lasts is not None else None,
    }
    if tokens.refresh_token:
        values["refresh_token"] = secrets.seal(kernel, purpose, tokens.refresh_token)
    return values


def opened(kernel: Kernel, row: Connection, text: str) -> str:
    """Return a stored token of a row, "" for none; SecretNotReadable for one that belongs to another row."""
    return secrets.unseal(kernel, secrets.bound(TOKEN, row.id, row.provider), text) if text else ""
