"""A person's accounts, and where more can be connected."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from crm_core.features.connections.models import Connection, ConnectionProvider
from crm_core.features.connections.schemas import ConnectionOut, State
from crm_core.uow import UnitOfWork


async def connections_of(uow: UnitOfWork, user_id: UUID | None, *, provider: str = "") -> list[ConnectionOut]:
    """Return a user's accounts that are not given up, without their tokens; `provider` is a key or a kind."""
    found = sa.select(Connection, ConnectionProvider.name).join(
        ConnectionProvider, ConnectionProvider.key == Connection.provider
    )
    found = found.where(Connection.user_id == user_id, Connection.state != State.revoked)
    if provider:
        found = found.where(sa.or_(Connection.provider == provider, ConnectionProvider.kind == provider))
    rows = (await uow.session.execute(found.order_by(ConnectionProvider.name, Connection.address))).all()
    return [
        ConnectionOut(
            id=row.id, provider=row.provider, provider_name=name, address=row.address, scopes=list(row.scopes),
            state=State(row.state), last_error=row.last_error, connected_at=row.connected_at,
        )
        for row, name in rows
    ]  # fmt: skip


async def offered(uow: UnitOfWork) -> list[ConnectionProvider]:
    """Return the providers accounts can be connected at."""
    query = sa.select(ConnectionProvider).where(ConnectionProvider.is_active).order_by(ConnectionProvider.name)
    return list(await uow.session.scalars(query))


async def need_reconnecting(uow: UnitOfWork, user_id: UUID | None) -> int:
    """Return how many accounts of a user wait to be connected again."""
    which = (Connection.user_id == user_id, Connection.state == State.reconnect)
    return await uow.session.scalar(sa.select(sa.func.count(Connection.id)).where(*which)) or 0
