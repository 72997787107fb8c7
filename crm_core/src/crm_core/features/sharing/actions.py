"""Opening single records to others, and closing them again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import Share, Team, User
from crm_core.entity import access
from crm_core.errors import Invalid, NotFound
from crm_core.features.sharing.events import RecordShared, ShareRevoked
from crm_core.features.sharing.queries import shareable
from crm_core.features.sharing.schemas import NewShare
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity, Ref
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class NotShareable(Invalid):
    """Records of this kind have no owner or no rights of their own, so single ones cannot be opened."""


class HolderUnknown(Invalid):
    """A share names one user or one team, who must be there and active."""


class ShareUnknown(NotFound):
    """This record has no such share."""


async def _to_share(uow: UnitOfWork, entity: Entity, record_id: UUID, level: str) -> Any:
    """Return a record the actor may open to others: that takes `assign`, and `edit` for opening it to editing."""
    if not shareable(entity):
        raise NotShareable(_("{plural} cannot be shared one by one.", plural=entity.plural))
    return await access.get(uow, entity, record_id, "assign", also=("edit",) if level == "edit" else ())


async def share(uow: UnitOfWork, entity: Entity, record_id: UUID, new: NewShare) -> UUID:
    """Open a record to a user or a team and return the share's id; one that is there changes its level."""
    await _to_share(uow, entity, record_id, new.level)
    await _demand_holder(uow, new)
    about = (Share.entity == entity.name, Share.record_id == record_id)
    held = await uow.session.scalar(
        sa.select(Share).where(*about, Share.user_id == new.user_id if new.user_id else Share.team_id == new.team_id)
    )
    if held is None:
        held = Share(entity=entity.name, record_id=record_id, user_id=new.user_id, team_id=new.team_id)
        uow.session.add(held)
    elif held.level == new.level:
        return held.id
    held.level = new.level
    uow.demand_write()
    await uow.session.flush()  # its id is the answer; a twin made meanwhile shows here
    told = RecordShared(level=new.level, user_id=new.user_id, team_id=new.team_id)
    await uow.emit(told, about=_about(entity, record_id, new.user_id, new.team_id))
    return held.id


async def _demand_holder(uow: UnitOfWork, new: NewShare) -> None:
    if (new.user_id is None) == (new.team_id is None):
        text = _("Name one user or one team.")
        raise HolderUnknown(text, fields={"user_id": text})
    if new.user_id is not None:
        found = await uow.session.scalar(
            sa.select(User.id).where(User.id == new.user_id, User.is_active, User.deleted_at.is_(None))
        )
    else:
        found = await uow.session.scalar(sa.select(Team.id).where(Team.id == new.team_id, Team.deleted_at.is_(None)))
    if found is None:
        name = "user_id" if new.user_id else "team_id"
        text = _("There is no such user or team.")
        raise HolderUnknown(text, fields={name: text})


async def revoke(uow: UnitOfWork, entity: Entity, record_id: UUID, share_id: UUID) -> None:
    """Close a record to one holder; whoever could open it closes it, and the holder gives it back."""
    await access.get(uow, entity, record_id)
    held = await uow.session.scalar(
        sa.select(Share).where(Share.id == share_id, Share.entity == entity.name, Share.record_id == record_id)
    )
    if held is None:
        raise ShareUnknown(_("This record has no such share."))
    if held.user_id is None or held.user_id != uow.actor.user_id:
        await _to_share(uow, entity, record_id, "read")
    await uow.session.delete(held)
    told = ShareRevoked(level=held.level, user_id=held.user_id, team_id=held.team_id)
    await uow.emit(told, about=_about(entity, record_id, held.user_id, held.team_id))


def _about(entity: Entity, record_id: UUID, user_id: UUID | None, team_id: UUID | None) -> list[Ref]:
    holder = Ref("core.user", user_id) if user_id else Ref("core.team", team_id) if team_id else None
    return [Ref(entity.name, record_id), *([holder] if holder else [])]
