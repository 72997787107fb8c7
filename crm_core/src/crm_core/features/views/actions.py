"""Saving, sharing and removing views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from crm_core.errors import Forbidden, Invalid
from crm_core.features.notifications.public import me
from crm_core.features.views import queries
from crm_core.features.views.models import SavedView
from crm_core.features.views.schemas import NewView, ViewChange, ViewState
from crm_core.plugin import Strings
from crm_core.web.list_state import ListSettings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
SHARE = "core.views.share"
LARGEST = 20_000
"""Characters of a state."""


class NotYourView(Forbidden):
    """Only its owner, or who may share views with everyone, changes a view."""


async def save(uow: UnitOfWork, new: NewView) -> SavedView:
    """Save a view; Invalid for a list the actor may not open, Forbidden for sharing beyond their reach."""
    uow.demand_write()
    queries.entity_of(uow, new.entity)
    view = SavedView(name=_name(new.name), entity=new.entity, owner_id=me(uow), share="private", state=_kept(new.state))
    _share(uow, view, new.share, new.team_id)
    uow.session.add(view)
    await uow.session.flush()  # its id is the answer
    return view


async def change(uow: UnitOfWork, view: SavedView, new: ViewChange) -> SavedView:
    """Change a view; NotYourView for other people's."""
    _demand_own(uow, view)
    uow.demand_write()
    if new.name is not msgspec.UNSET:
        view.name = _name(new.name)
    if new.state is not msgspec.UNSET:
        view.state = _kept(new.state)
    if new.share is not msgspec.UNSET or new.team_id is not msgspec.UNSET:
        share = view.share if new.share is msgspec.UNSET else new.share
        team = view.team_id if new.team_id is msgspec.UNSET else new.team_id
        _share(uow, view, share, team)
    view.version += 1
    view.updated_at = uow.now
    return view


async def remove(uow: UnitOfWork, view: SavedView) -> None:
    """Remove a view; those who open their list with it get the plain list again."""
    _demand_own(uow, view)
    uow.demand_write()
    await uow.session.delete(view)


async def open_first(uow: UnitOfWork, entity: str, view_id: UUID | None) -> None:
    """Let the actor's list of an entity open with a view they see, or (None) as it is."""
    old = await uow.settings(ListSettings)
    first = {k: v for k, v in old.first.items() if k != entity}
    if view_id is not None:
        first[entity] = view_id
    await uow.save_settings(ListSettings(first=first))


def _name(text: str) -> str:
    name = " ".join(text.replace("\x00", "").split())
    if not name:
        needed = _("This is required.")
        raise Invalid(needed, fields={"name": needed})
    return name


def _kept(state: ViewState) -> dict[str, Any]:
    if len(msgspec.json.encode(state)) > LARGEST:
        raise Invalid(_("This list cannot be saved: its address is too long."))
    found: dict[str, Any] = msgspec.to_builtins(state)
    return found


def _share(uow: UnitOfWork, view: SavedView, share: str, team_id: UUID | None) -> None:
    if share == "everyone" and not uow.actor.may(SHARE):
        raise Forbidden(_("You may not share views with everyone."))
    if share == "team":
        team_id = team_id or uow.actor.team_id
        if team_id is None or (team_id not in uow.actor.team_ids and not uow.actor.rights.everything):
            text = _("Choose a team of yours.")
            raise Invalid(text, fields={"team_id": text})
    view.share, view.team_id = share, team_id if share == "team" else None


def _demand_own(uow: UnitOfWork, view: SavedView) -> None:
    if view.owner_id != me(uow) and not (view.share == "everyone" and uow.actor.may(SHARE)):
        raise NotYourView(_("This view belongs to somebody else."))
