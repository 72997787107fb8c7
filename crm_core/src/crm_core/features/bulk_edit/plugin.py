"""Bulk edits: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.bulk_edit.pages import page_routes
from crm_core.plugin import EntityRoutes, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entity_routes() -> Sequence[EntityRoutes]:
    return (EntityRoutes("core.bulk_edit.pages", page_routes),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (Slot(place="list.bulk", label=_("Bulk edit"), template="core/_bulk_edit_buttons.html", order=10),)
