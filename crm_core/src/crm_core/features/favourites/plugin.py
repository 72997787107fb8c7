"""Favourites: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.favourites import pages, rest
from crm_core.plugin import NavItem, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.FavouritePages, rest.FavouritesApi)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (NavItem(label=_("Favourites"), href="/favourites", icon="star", order=2),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(place="record.header", label=_("Favourite"), src="/favourites/star?of={entity}:{id}", order=58),
        Slot(place="record.header", label=_("Favourite"), template="core/_star_link.html", order=58),
    )
