"""Questions about notifications, and the settings of several users at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import Actor
from crm_core.db.tables import Setting
from crm_core.entity import query
from crm_core.errors import Forbidden
from crm_core.features.notifications.kinds import kinds_of
from crm_core.features.notifications.models import Notification
from crm_core.features.notifications.schemas import NotificationOut, NotificationPage
from crm_core.features.notifications.texts import words
from crm_core.i18n import Strings
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
N: Any = Notification.__table__
S = TypeVar("S", bound=msgspec.Struct)
PAGE = 30
MOST = 200


def me(uow: UnitOfWork) -> UUID:
    """Return the actor's user id; Forbidden for an actor who is nobody."""
    if uow.actor.user_id is None:
        raise Forbidden(_("Only users have this."))
    return uow.actor.user_id


async def settings_of(uow: UnitOfWork, group: type[S], users: Iterable[UUID]) -> dict[UUID, S]:
    """Return the typed settings of a user-scoped group for several users, its defaults for those without."""
    wanted = set(users)
    name = uow.kernel.settings_group(group).name
    stored = sa.select(Setting.user_id, Setting.value).where(
        Setting.scope == "user", Setting.name == name, Setting.user_id.in_(wanted)
    )
    found: dict[UUID, Any] = {}
    if wanted:
        found = {row[0]: row[1] for row in await uow.session.execute(stored)}
    return {u: msgspec.convert(found.get(u) or {}, group, strict=False) for u in wanted}


async def unread(uow: UnitOfWork) -> int:
    """Return how many notifications the actor has not read."""
    mine = (N.c.user_id == me(uow), N.c.read_at.is_(None), N.c.delivered_at.is_not(None))
    return int(await uow.session.scalar(sa.select(sa.func.count()).select_from(N).where(*mine)) or 0)


async def listing(
    uow: UnitOfWork, *, only_unread: bool = False, kind: str = "", before: UUID | None = None, limit: int = PAGE
) -> NotificationPage:
    """Return the actor's notifications, newest first."""
    wanted = sa.select(Notification).where(Notification.user_id == me(uow), Notification.delivered_at.is_not(None))
    if only_unread:
        wanted = wanted.where(Notification.read_at.is_(None))
    if kind:
        wanted = wanted.where(Notification.kind == kind)
    if before is not None:
        wanted = wanted.where(Notification.id < before)
    limit = max(1, min(limit, MOST))
    found = (await uow.session.scalars(wanted.order_by(Notification.id.desc()).limit(limit + 1))).all()
    rows = found[:limit]
    return NotificationPage(
        items=await shown(uow, rows), before=rows[-1].id if len(found) > limit else None, unread=await unread(uow)
    )


async def shown(uow: UnitOfWork, rows: Sequence[Notification]) -> list[NotificationOut]:
    """Return notifications in the reader's language; what the reader may not read (any more) stays unsaid."""
    people = {Ref("core.user", r.by_id) for r in rows if r.by_id}
    about = {r.id: Ref(r.entity, r.record_id) for r in rows if r.entity and r.record_id}
    titles = await query.labels(uow, {*people, *about.values()}) if people or about else {}
    kinds = kinds_of(uow.registry)
    found = []
    for row in rows:
        ref = about.get(row.id)
        seen = ref is None or ref in titles
        note = row.note if seen and knows(uow.actor, row) else ""
        declared = kinds.get(row.kind)
        found.append(
            NotificationOut(
                id=row.id, kind=row.kind, text=words(row.message, uow.locale), note=note,
                about=str(ref) if ref and seen else None, title=titles.get(ref, "") if ref else "",
                href=href(uow, row) if seen else "", by_id=row.by_id, late=row.late, at=row.created_at,
                by=titles.get(Ref("core.user", row.by_id), "") if row.by_id else "", read_at=row.read_at,
                icon=declared.icon if declared else "bell",
            )
        )  # fmt: skip
    return found


def knows(reader: Actor, row: Notification) -> bool:
    """Return whether the reader may know the field whose value the note is."""
    field = str(row.message.get("field") or "")
    return not field or not row.entity or reader.may_see(row.entity, field)


def href(uow: UnitOfWork, row: Notification) -> str:
    """Return where a notification leads: its own path, or the record's page."""
    entity = uow.registry.entities.get(row.entity or "")
    return row.path or (f"/{entity.path}/{row.record_id}" if entity is not None else "/notifications")
