"""The security log."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.security_log.pages import OwnSecurityPage, SecurityLogPage, UserSecurityPages
from crm_core.features.security_log.rest import OwnSecurityApi, SecurityApi
from crm_core.plugin import NavItem, Permission, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (SecurityLogPage, OwnSecurityPage, UserSecurityPages, SecurityApi, OwnSecurityApi)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name="core.security.read", label=_("Read the security log"), roles=("admin",)),)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(
            label=_("Security log"), href="/admin/security", icon="shield-lock", permission="core.security.read",
            order=940, group="Administration",
        ),
    )  # fmt: skip


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(place="account.panels", label=_("Security log"), template="core/_own_security.html", order=90),
        Slot(
            place="record.header", label=_("Sessions and second factor"), template="core/_user_security_link.html",
            entity="core.user", permission="core.user.set_password",
        ),
    )  # fmt: skip
