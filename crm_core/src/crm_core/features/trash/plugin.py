"""The trash: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.trash import actions, pages, rest
from crm_core.plugin import EntityRoutes, Permission, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.trash.api", rest.api_routes), EntityRoutes("core.trash.pages", pages.page_routes))


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name=actions.PURGE, label=_("Delete records for good"), roles=("admin",)),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.trashed", label=_("Delete for good"), template="core/_purge_link.html",
            permission=actions.PURGE,
        ),
    )  # fmt: skip
