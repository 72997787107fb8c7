"""What happened to connected accounts. Plugins begin and stop their work by these."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class AccountConnected(Event, frozen=True, kw_only=True):
    """A user connected an account, or connected it again."""

    user_id: UUID
    connection_id: UUID
    provider: str
    email: str = ""
    scopes: tuple[str, ...] = ()


class ReconnectNeeded(Event, frozen=True, kw_only=True):
    """The provider takes the refresh token no longer: work with this account stops until the user connects it again."""

    user_id: UUID
    connection_id: UUID
    provider: str
    email: str = ""


class AccountDisconnected(Event, frozen=True, kw_only=True):
    """A user gave an account up. told: the provider was told so too, as far as it can be."""

    user_id: UUID
    connection_id: UUID
    provider: str
    email: str = ""
    told: bool = True


class ConnectionRefused(Event, frozen=True, kw_only=True):
    """Somebody came back from a provider and no account was connected. what: the reason in one word."""

    user_id: UUID
    provider: str
    what: str
    address: str = ""


class ConnectionProviderSaved(Event, frozen=True, kw_only=True):
    """A provider of accounts was added or changed; names of what changed."""

    provider: str
    changed: tuple[str, ...] = ()


class ConnectionProviderDeleted(Event, frozen=True, kw_only=True):
    """A provider of accounts was removed."""

    provider: str


EVENT_TYPES = (
    EventType(
        struct=AccountConnected,
        name="core.connection.connected",
        label=_("Account connected"),
        icon="plug",
        personal=("email",),
    ),
    EventType(
        struct=ReconnectNeeded,
        name="core.connection.reconnect_needed",
        label=_("Account has to be connected again"),
        icon="plug-off",
        personal=("email",),
    ),
    EventType(
        struct=AccountDisconnected,
        name="core.connection.disconnected",
        label=_("Account disconnected"),
        icon="plug-off",
        personal=("email",),
    ),
    EventType(
        struct=ConnectionRefused,
        name="core.connection.refused",
        label=_("Connecting an account refused"),
        icon="ban",
        personal=("address",),
    ),
    EventType(
        struct=ConnectionProviderSaved,
        name="core.connection.provider_saved",
        label=_("Provider of accounts set up"),
        icon="settings",
        personal=(),
    ),
    EventType(
        struct=ConnectionProviderDeleted,
        name="core.connection.provider_deleted",
        label=_("Provider of accounts removed"),
        icon="trash",
        personal=(),
    ),
)
