"""What plugins use of connected accounts.

from crm_core.features.connections import public as connections

token = await connections.access_token(kernel, connection_id)      # outside any transaction
await uow.enqueue(Sync(connection_id=...), lane=connections.lane_of(connection_id))

Scopes are declared by the hook `crm_connection_scopes`. Work begins with the event `core.connection.connected` and ends
with `core.connection.reconnect_needed` or `core.connection.disconnected`; waiting jobs of the account's lane are
cancelled then. `access_token` raises ConnectionNotUsable until the person has connected the account again.
"""

from __future__ import annotations

from crm_core.features.connections.events import AccountConnected, AccountDisconnected, ReconnectNeeded
from crm_core.features.connections.queries import connections_of
from crm_core.features.connections.schemas import ConnectionOut, State
from crm_core.features.connections.tokens import ConnectionNotUsable, ConnectionUnknown, access_token, lane_of
from crm_core.features.oauth2.public import ProviderAway

__all__ = [
    "AccountConnected", "AccountDisconnected", "ConnectionNotUsable", "ConnectionOut", "ConnectionUnknown",
    "ProviderAway", "ReconnectNeeded", "State", "access_token", "connections_of", "lane_of",
]  # fmt: skip
