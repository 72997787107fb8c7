"""What happened around single sign-on."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class SsoRefused(Event, frozen=True, kw_only=True):
    """Somebody came back from a provider and was not let in. what: the reason in one word ("state", "unknown")."""

    provider: str
    what: str
    address: str = ""


class IdentityLinked(Event, frozen=True, kw_only=True):
    """A user signs in by a provider from now on. created: the user was made by this; email: as the provider says."""

    user_id: UUID
    provider: str
    email: str = ""
    created: bool = False


class IdentityUnlinked(Event, frozen=True, kw_only=True):
    """A user's link to a provider was taken away."""

    user_id: UUID
    provider: str


class RolesKept(Event, frozen=True, kw_only=True):
    """The provider's groups would have left no administrator, so roles stayed as they were."""

    user_id: UUID
    provider: str


class SsoProviderSaved(Event, frozen=True, kw_only=True):
    """A provider of single sign-on was added or changed; names of what changed."""

    provider: str
    changed: tuple[str, ...] = ()


class SsoProviderDeleted(Event, frozen=True, kw_only=True):
    """A provider of single sign-on was removed, and with it everybody's link to it."""

    provider: str


EVENT_TYPES = (
    EventType(
        struct=SsoRefused, name="core.sso.refused", label=_("Single sign-on refused"), icon="ban", personal=("address",)
    ),
    EventType(
        struct=IdentityLinked,
        name="core.sso.identity_linked",
        label=_("Linked to single sign-on"),
        icon="link",
        personal=("email",),
    ),
    EventType(
        struct=IdentityUnlinked,
        name="core.sso.identity_unlinked",
        label=_("Unlinked from single sign-on"),
        icon="unlink",
        personal=(),
    ),
    EventType(
        struct=RolesKept,
        name="core.sso.roles_kept",
        label=_("Roles kept: the last administrator"),
        icon="shield",
        personal=(),
    ),
    EventType(
        struct=SsoProviderSaved,
        name="core.sso.provider_saved",
        label=_("Single sign-on set up"),
        icon="settings",
        personal=(),
    ),
    EventType(
        struct=SsoProviderDeleted,
        name="core.sso.provider_deleted",
        label=_("Single sign-on removed"),
        icon="trash",
        personal=(),
    ),
)
