"""What a user has starred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity import access, query
from crm_core.errors import NotFound
from crm_core.features.favourites.models import Favourite
from crm_core.features.favourites.schemas import FavouriteOut
from crm_core.features.notifications.public import me
from crm_core.plugin import Entity, Ref, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST = 500


async def record_of(uow: UnitOfWork, about: str) -> tuple[Entity, Any]:
    """Return entity and record of "entity:id"; NotFound when it is not the actor's to read."""
    try:
        ref = Ref.parse(about)
        entity = uow.registry.entities[ref.entity]
    except (ValueError, KeyError) as error:
        raise NotFound(_("There is no such record.")) from error
    return entity, await access.get(uow, entity, ref.id)


async def starred(uow: UnitOfWork, ref: Ref) -> bool:
    """Return whether the actor has starred a record."""
    mine = sa.select(Favourite.id).where(
        Favourite.user_id == me(uow), Favourite.entity == ref.entity, Favourite.record_id == ref.id
    )
    return await uow.session.scalar(mine) is not None


async def mine(uow: UnitOfWork) -> list[FavouriteOut]:
    """Return the actor's favourites that are there and may be read, the newest first."""
    wanted = sa.select(Favourite).where(Favourite.user_id == me(uow)).order_by(Favourite.id.desc()).limit(MOST)
    rows = (await uow.session.scalars(wanted)).all()
    titles = await query.labels(uow, {Ref(r.entity, r.record_id) for r in rows}, deleted=False) if rows else {}
    found = []
    for row in rows:
        ref = Ref(row.entity, row.record_id)
        if ref in titles:
            entity = uow.registry.entities[row.entity]
            found.append(
                FavouriteOut(
                    about=str(ref), title=titles[ref] or "–", kind=entity.label.to(uow.locale), icon=entity.icon,
                    href=f"/{entity.path}/{row.record_id}", since=row.created_at,
                )
            )  # fmt: skip
    return found
