"""Opening the CRM as somebody else: what they would see, bounded by one's own rights, and nothing can be changed.

A session remembers whom it looks through and until when. Every request builds the actor anew, so that it ends by
itself; `Kernel.write` refuses such an actor, whatever the route.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor, ActorKind
from crm_core.auth.rights import EPOCH, UserUnknown, load_actor
from crm_core.db.types import utcnow
from crm_core.errors import Conflict, Forbidden
from crm_core.i18n import Strings

if TYPE_CHECKING:
    from datetime import datetime

    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
RIGHT = "core.user.view_as"
LIFETIME = timedelta(minutes=30)


class OnlyViewing(Forbidden):
    """Whoever looks through another user's eyes changes nothing, and does not see that user's own account."""


class NotToView(Conflict):
    """One looks through the eyes of another active user, from a session of one's own."""


def only_viewing(actor: Actor) -> OnlyViewing:
    """Return the error that answers an attempt to change something."""
    return OnlyViewing(_("You are viewing as {name}: nothing can be changed.", name=actor.name))


async def through(kernel: Kernel, viewer: Actor) -> Actor:
    """Return the actor of a session that looks through somebody's eyes; the viewer's own when that is over.

    Both have to be allowed: rights are those of the person, never more than the viewer's.
    """
    viewing = viewer.viewing
    if viewing is None or viewing.until <= utcnow() or not viewer.may(RIGHT):
        return viewer
    try:
        person = await load_actor(kernel, viewing.user_id, epoch=kernel.epochs.get(EPOCH))
    except UserUnknown:
        return viewer
    return replace(
        person, on_behalf_of=viewer, only_reads=True, session_id=viewer.session_id, locale=viewer.locale,
        zone=viewer.zone,
    )  # fmt: skip


async def start(uow: UnitOfWork, user_id: UUID) -> datetime:
    """Let the actor's session look through a user's eyes; returns until when. NotToView, or Forbidden."""
    viewer = uow.actor
    if not viewer.may(RIGHT):
        raise Forbidden(_("You lack the right {permission}.", permission=RIGHT))
    if viewer.kind is not ActorKind.user or viewer.session_id is None or user_id == viewer.user_id:
        raise NotToView(_("Sign in at a browser and choose another user."))
    try:
        await load_actor(uow.kernel, user_id, session=uow.session)
    except UserUnknown as error:
        raise NotToView(_("This user does not exist or is switched off.")) from error
    until = uow.now + LIFETIME
    await _set(uow, viewer.session_id, user_id, until)
    return until


async def end(uow: UnitOfWork, session_id: UUID, *, until: datetime | None = None) -> UUID | None:
    """End a session's view and return whose it was; None when there was none (any more).

    until: only the view that was to last so long, for the clock that ends it.
    """
    from crm_core.auth.session import Session

    held = sa.select(Session.viewing_id, Session.viewing_until).where(Session.id == session_id)
    row = (await uow.session.execute(held)).one_or_none()
    if row is None or row.viewing_id is None or (until is not None and row.viewing_until != until):
        return None
    await _set(uow, session_id, None, None)
    found: UUID = row.viewing_id
    return found


async def _set(uow: UnitOfWork, session_id: UUID, user_id: UUID | None, until: datetime | None) -> None:
    from crm_core.auth.session import Session

    uow.demand_write()
    values = {"viewing_id": user_id, "viewing_until": until}
    changed = sa.update(Session).where(Session.id == session_id).values(**values)
    await uow.session.execute(changed, execution_options={"synchronize_session": False})
    await uow.raise_epoch(EPOCH)  # every process keeps the actor of a session until this moves
