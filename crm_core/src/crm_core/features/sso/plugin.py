"""Single sign-on."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.sso.admin_pages import SsoAdminPages
from crm_core.features.sso.events import EVENT_TYPES
from crm_core.features.sso.pages import OwnSsoPages, SsoPages
from crm_core.features.sso.rest import SsoApi
from crm_core.plugin import EventType, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (SsoPages, OwnSsoPages, SsoAdminPages, SsoApi)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="settings.pages", label=_("Single sign-on"), src="/admin/sso", permission="core.security.manage",
            order=20,
        ),
        Slot(place="account.panels", label=_("Single sign-on"), template="core/_own_sso.html", order=60),
    )  # fmt: skip
