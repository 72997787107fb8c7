"""Records that were opened to a user: their successor gets to them too."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import Share
from crm_core.entity import query
from crm_core.features.sharing.events import RecordShared, ShareRevoked
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref
from crm_core.plugin.handovers import Handover, Held
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def held(uow: UnitOfWork, user_id: UUID) -> list[Held]:
    """Return the records opened to a user."""
    rows = (await uow.session.scalars(sa.select(Share).where(Share.user_id == user_id).order_by(Share.id))).all()
    titles = await query.labels(uow, [Ref(r.entity, r.record_id) for r in rows], deleted=False)
    known = {e.name: e.path for e in uow.registry.entities.values()}
    return [
        Held(key=str(r.id), title=titles[ref], href=f"/{known[r.entity]}/{r.record_id}")
        for r in rows
        if (ref := Ref(r.entity, r.record_id)) in titles
    ]


async def move(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> list[str]:
    """Open the records to another user instead; those that the other sees by a share already stay as they are."""
    return await _pass(uow, user_id, to, keys)


async def back(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> None:
    """Open exactly these to the first user again."""
    await _pass(uow, to, user_id, keys)


async def _pass(uow: UnitOfWork, old: UUID, new: UUID, keys: Sequence[str]) -> list[str]:
    ids = [UUID(k) for k in keys]
    mine = sa.select(Share).where(Share.id.in_(ids), Share.user_id == old)
    taken = {(s.entity, s.record_id) for s in await uow.session.scalars(sa.select(Share).where(Share.user_id == new))}
    moved = []
    for one in (await uow.session.scalars(mine)).all():
        if (one.entity, one.record_id) in taken:
            continue
        uow.demand_write()
        one.user_id = new
        about = Ref(one.entity, one.record_id)
        await uow.emit(ShareRevoked(level=one.level, user_id=old), about=[about, Ref("core.user", old)])
        await uow.emit(RecordShared(level=one.level, user_id=new), about=[about, Ref("core.user", new)])
        moved.append(str(one.id))
    return moved


SHARES = Handover(name="core.shares", label=_("Records shared with the user"), held=held, move=move, back=back)
