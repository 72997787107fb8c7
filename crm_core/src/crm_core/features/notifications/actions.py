"""Telling people, and marking as read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.auth.people import User
from crm_core.db.types import new_id
from crm_core.errors import NotFound
from crm_core.features.notifications.kinds import kinds_of
from crm_core.features.notifications.models import Notification
from crm_core.features.notifications.queries import N, me
from crm_core.features.notifications.schemas import DeliverNotifications
from crm_core.features.notifications.texts import kept
from crm_core.i18n import Strings, Text
from crm_core.live import Message
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
JOB = "core.deliver_notifications"
NOTE = 300
"""Characters of an excerpt."""


class KindUnknown(LookupError):
    """A notification of a kind that no loaded plugin declares: a fault of the caller."""


class NotificationUnknown(NotFound):
    """The actor has no such notification."""


async def notify(
    uow: UnitOfWork,
    users: Iterable[UUID],
    kind: str,
    about: Ref | None,
    text: Text,
    *,
    note: str = "",
    field: str = "",
    path: str = "",
    event: str = "",
    own: bool = False,
    late: bool = False,
) -> None:
    """Tell users of something, in this transaction; it reaches them after the commit, the way they chose for `kind`.

    about: the record; whoever may not read it when it is delivered hears nothing. text: translated for each reader;
    put nothing in it that only readers of the record may know - that goes into `note`, an excerpt. field: the note is
    a value of this field, for those who may know it. path: where a click leads, the record without it. event: key of
    what happened, by default this cause and `about`; a user hears of one event once, by its strongest kind. own: tell
    the actor too. late: it was due earlier.
    Users who are switched off, and the actor, are left out. KindUnknown for a kind that nobody declared.
    """
    declared = kinds_of(uow.registry).get(kind)
    if declared is None:
        raise KindUnknown(f"{kind} is not declared by any crm_notification_kinds hook")
    uow.demand_write()
    wanted = {u for u in users if own or u != uow.actor.user_id}
    there = sa.select(User.id).where(User.id.in_(wanted), User.is_active, User.deleted_at.is_(None))
    found = sorted(await uow.session.scalars(there)) if wanted else []
    if not found:
        return
    row = {
        "event": (event or f"{uow.cause}/{about or ''}")[:255], "cause": uow.cause, "kind": kind, "path": path[:500],
        "strength": declared.strength, "entity": about.entity if about else None, "late": late,
        "record_id": about.id if about else None, "message": {**kept(text), "field": field},
        "note": excerpt(note),
        "by_id": uow.actor.user_id, "channel": "", "created_at": uow.now,
    }  # fmt: skip
    await _write(uow, [{**row, "id": new_id(), "user_id": user} for user in found])
    if not any(j["kind"] == JOB and j["args"]["cause"] == str(uow.cause) for j in reversed(uow.jobs)):
        await uow.enqueue(DeliverNotifications(cause=uow.cause))


async def _write(uow: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    """Insert; one that is there of the same event gives way to a stronger kind until it was read."""
    insert: Any = (postgresql if uow.db.dialect == "postgresql" else sqlite).insert(N).values(rows)
    new = insert.excluded
    changed = {name: new[name] for name in ("kind", "strength", "message", "note", "path", "by_id", "late")}
    stronger = sa.and_(new.strength > N.c.strength, N.c.read_at.is_(None))
    await uow.session.execute(
        insert.on_conflict_do_update(index_elements=["user_id", "event"], set_=changed, where=stronger)
    )


def excerpt(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text.replace("\x00", "").split())
    return line if len(line) <= NOTE else f"{line[: NOTE - 1]}…"


async def mark(uow: UnitOfWork, notification_id: UUID, *, read: bool = True) -> Notification:
    """Mark one of the actor's notifications as read or unread; NotificationUnknown for anybody else's."""
    wanted = sa.select(Notification).where(
        Notification.id == notification_id, Notification.user_id == me(uow), Notification.delivered_at.is_not(None)
    )
    found = (await uow.session.scalars(wanted)).one_or_none()
    if found is None:
        raise NotificationUnknown(_("There is no such notification."))
    if (found.read_at is not None) != read:
        uow.demand_write()
        found.read_at = uow.now if read else None
        tell(uow, [found.user_id])
    return found


async def mark_all(uow: UnitOfWork) -> int:
    """Mark all of the actor's notifications as read; return how many were not."""
    uow.demand_write()
    unread = sa.update(N).where(N.c.user_id == me(uow), N.c.read_at.is_(None), N.c.delivered_at.is_not(None))
    done = await uow.session.execute(unread.values(read_at=uow.now))
    tell(uow, [me(uow)])
    return int(done.rowcount)  # type: ignore[attr-defined]  # a cursor result


def tell(uow: UnitOfWork, users: Iterable[UUID]) -> None:
    """Let the open pages of users show their count anew after the commit."""
    for user in users:
        uow.after_commit(lambda topic=f"user/{user}": uow.kernel.live.publish(Message(topic, "notifications")))
