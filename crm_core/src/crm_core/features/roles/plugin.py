"""Roles."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.roles import actions, listeners
from crm_core.features.roles.entities import ROLE
from crm_core.features.roles.pages import RightsPages
from crm_core.features.roles.rest import RightsApi
from crm_core.plugin import Default, Entity, Listener, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (ROLE,)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (RightsApi, RightsPages)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.header", entity="core.role", label=_("Rights"), template="core/_rights_link.html", order=10
        ),
    )  # fmt: skip


@hookimpl
def crm_defaults() -> Sequence[Default]:
    return (Default("core.roles", actions.install_grants, every_start=True),)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return tuple(
        Listener(event=f"core.role.{what}", run=listeners.role_changed, name="core.role.rights")
        for what in ("updated", "deleted", "restored", "merged")
    )
