"""Telling people: who may still read it, who wants it how, and the mails that follow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor
from crm_core.auth.people import User
from crm_core.auth.rights import UserUnknown, load_actor
from crm_core.entity import access, query
from crm_core.features.mail import public as mail
from crm_core.features.notifications import queries
from crm_core.features.notifications.actions import tell
from crm_core.features.notifications.kinds import kinds_of
from crm_core.features.notifications.models import Notification
from crm_core.features.notifications.queries import N
from crm_core.features.notifications.settings import PATH, NotificationSettings
from crm_core.features.notifications.texts import kept, words
from crm_core.i18n import Strings
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.features.notifications.schemas import DeliverNotifications
    from crm_core.jobs.context import JobContext
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
SOME = 50
MANY = 10
"""Notifications of one kind and cause beyond which a user gets one for all of them."""


async def deliver(job: JobContext, call: DeliverNotifications) -> None:
    """Deliver what a cause left, some at a time; each is told in the transaction that marks it, so once."""
    while True:
        async with job.transaction() as uow:
            wanted = sa.select(Notification).where(
                Notification.cause == call.cause, Notification.delivered_at.is_(None)
            )
            some = wanted.order_by(Notification.id).limit(SOME).with_for_update(skip_locked=True)
            rows = (await uow.session.scalars(some)).all()
            await _deliver(uow, rows)
            if len(rows) < SOME:
                await job.finish(uow)
                return


async def _deliver(uow: UnitOfWork, rows: Sequence[Notification]) -> None:
    by_user: dict[UUID, list[Notification]] = defaultdict(list)
    for row in rows:
        by_user[row.user_id].append(row)
    wishes = await queries.settings_of(uow, NotificationSettings, by_user)
    kinds = kinds_of(uow.registry)
    for user_id, own in by_user.items():
        try:
            reader = await load_actor(uow.kernel, user_id, session=uow.session)
        except UserUnknown:
            reader = None
        seen = await _readable(uow, reader, own) if reader else set()
        kept_rows = []
        for row in own:
            declared = kinds.get(row.kind)
            channel = wishes[user_id].channels.get(row.kind, declared.default if declared else "app")
            if row.id not in seen or channel == "off":
                await uow.session.delete(row)
                continue
            row.channel, row.delivered_at = channel, uow.now
            kept_rows.append(row)
        if reader is not None and kept_rows:
            await _tell(uow, reader, await _gathered(uow, kept_rows))
            tell(uow, [user_id])


async def _readable(uow: UnitOfWork, reader: Actor, rows: Sequence[Notification]) -> set[UUID]:
    """Return the ids of notifications about nothing, or about what the reader may read now."""
    found = {r.id for r in rows if r.entity is None}
    by_entity: dict[str, list[Notification]] = defaultdict(list)
    for row in rows:
        if row.entity is not None:
            by_entity[row.entity].append(row)
    for name, some in by_entity.items():
        entity = uow.registry.entities.get(name)
        if entity is None:
            continue
        table = access.table_of(entity)
        ids = {r.record_id for r in some}
        visible = access.rows(uow.registry, reader, entity, "read")
        seen = set(await uow.session.scalars(sa.select(table.c.id).where(table.c.id.in_(ids), visible)))
        found |= {r.id for r in some if r.record_id in seen}
    return found


async def _gathered(uow: UnitOfWork, rows: list[Notification]) -> list[Notification]:
    """Return what is told: many of one kind and cause become one that counts them."""
    kinds = kinds_of(uow.registry)
    by_kind: dict[str, list[Notification]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind].append(row)
    told: list[Notification] = []
    for name, some in by_kind.items():
        declared = kinds.get(name)
        key = f"many:{some[0].cause}:{name}"
        before = await _one(uow, some[0].user_id, key) if declared and declared.gathers else None
        if declared is None or not declared.gathers or (before is None and len(some) <= MANY):
            told += some
            continue
        count = len(some) + (int(before.message["params"]["n"]) if before else 0)
        kept_row = before or some[0]
        kept_row.event, kept_row.entity, kept_row.record_id, kept_row.note = key, None, None, ""
        kept_row.path = "/notifications"
        kept_row.message = kept(_("{what}: {n} records", what=declared.label, n=count))
        for row in some:
            if row is not kept_row:
                await uow.session.delete(row)
        told += [] if before else [kept_row]
    return told


async def _one(uow: UnitOfWork, user_id: UUID, event: str) -> Notification | None:
    return await uow.session.scalar(
        sa.select(Notification).where(Notification.user_id == user_id, Notification.event == event)
    )


async def _tell(uow: UnitOfWork, reader: Actor, rows: Sequence[Notification]) -> None:
    """Send the mails of those who want one at once."""
    for row in rows:
        if row.channel == "mail":
            await _send(uow, reader, "core/mail/notification", [row])


async def send_digest(uow: UnitOfWork, reader: Actor, rows: Sequence[Notification]) -> None:
    """Send one mail with all of these, leaving out what the reader may not read any more."""
    seen = await _readable(uow, reader, rows)
    told = [r for r in rows if r.id in seen]
    if told:
        await _send(uow, reader, "core/mail/digest", told)
    for row in rows:
        row.mailed_at = uow.now


async def _send(uow: UnitOfWork, reader: Actor, template: str, rows: Sequence[Notification]) -> None:
    address = await uow.session.scalar(sa.select(User.email).where(User.id == reader.user_id))
    lines = await _lines(uow, reader, rows)
    try:
        await mail.send_template(
            uow, template, to=address or "", kind="transactional", purpose="core.notification", locale=reader.locale,
            name=reader.name, lines=lines, one=lines[0], count=len(lines), settings=PATH,
        )  # fmt: skip
    except (mail.AddressNotValid, mail.HeaderNotValid):
        for row in rows:
            row.channel = "app"  # an address that takes no mail; it stays in the app
        return
    for row in rows:
        row.mailed_at = uow.now


async def _lines(uow: UnitOfWork, reader: Actor, rows: Sequence[Notification]) -> list[dict[str, Any]]:
    """Return what a mail says of each: text, title of the record, who, excerpt and path; the reader may read them."""
    refs = {Ref(r.entity, r.record_id) for r in rows if r.entity and r.record_id}
    people = {Ref("core.user", r.by_id) for r in rows if r.by_id}
    system, uow.actor = uow.actor, reader  # titles as far as this reader may know them
    try:
        titles = await query.labels(uow, refs | people) if refs or people else {}
    finally:
        uow.actor = system
    return [
        {
            "text": words(r.message, reader.locale), "path": queries.href(uow, r),
            "note": r.note if queries.knows(reader, r) else "",
            "title": titles.get(Ref(r.entity or "", r.record_id), "") if r.record_id else "",
            "by": titles.get(Ref("core.user", r.by_id), "") if r.by_id else "",
        }
        for r in rows
    ]  # fmt: skip


def digest_columns() -> list[Any]:
    """Return the conditions on what waits for a daily mail."""
    return [N.c.channel == "digest", N.c.mailed_at.is_(None), N.c.read_at.is_(None)]
