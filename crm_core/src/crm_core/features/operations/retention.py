"""What core keeps for a time: ended jobs, mails, sign-in attempts, the trash, events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from crm_core.auth.attempts import Attempt
from crm_core.db.model import metadata
from crm_core.db.tables import Idempotency
from crm_core.entity.event_rows import EventPosition, EventRow
from crm_core.features.mail.models import MailRow
from crm_core.features.mail.schemas import State
from crm_core.features.trash.public import remove
from crm_core.jobs.tables import JOBS
from crm_core.plugin import Entity, Retention, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
Old = Callable[[datetime], list[Any]]
"""The conditions on rows that are older than an instant."""


def count_of(table: sa.Table, old: Old) -> Callable[[UnitOfWork, datetime], Awaitable[int]]:
    """Return what counts the old rows of a table."""

    async def count(uow: UnitOfWork, before: datetime) -> int:
        return await uow.session.scalar(sa.select(sa.func.count()).select_from(table).where(*old(before))) or 0

    return count


def delete_of(table: sa.Table, key: Any, old: Old) -> Callable[[UnitOfWork, datetime, int], Awaitable[int]]:
    """Return what deletes at most so many old rows of a table."""

    async def delete(uow: UnitOfWork, before: datetime, limit: int) -> int:
        some = sa.select(key).where(*old(before)).limit(limit)
        done = await uow.session.execute(
            sa.delete(table).where(key.in_(some)), execution_options={"synchronize_session": False}
        )
        return int(done.rowcount)  # type: ignore[attr-defined]  # a cursor result

    return delete


def rows(name: str, label: Any, days: int, table: Any, key: Any, old: Old) -> Retention:
    """Return the retention of a table's rows."""
    return Retention(name=name, label=label, days=days, count=count_of(table, old), delete=delete_of(table, key, old))


def _ended(state: tuple[str, ...]) -> Old:
    return lambda before: [JOBS.c.state.in_(state), JOBS.c.finished_at < before, JOBS.c.held_key.is_(None)]


MAIL, EVENT, ATTEMPT, ANSWER = MailRow.__table__, EventRow.__table__, Attempt.__table__, Idempotency.__table__


def _mails(before: datetime) -> list[Any]:
    return [MAIL.c.created_at < before, MAIL.c.state.not_in((State.queued, State.sending))]


def _events(before: datetime) -> list[Any]:
    # SQLite would give the numbers of a table's last rows again; sinks would take new events for old ones.
    place: Any = EventPosition.__table__
    newest = sa.select(place.c.event_id).order_by(place.c.position.desc()).limit(1).scalar_subquery()
    return [EVENT.c.at < before, sa.or_(newest.is_(None), EVENT.c.id != newest)]


async def count_trash(uow: UnitOfWork, before: datetime) -> int:
    """Return how many records lie in the trash since before an instant."""
    found = 0
    for entity in _trashed(uow):
        table = entity.model.__table__
        found += await uow.session.scalar(sa.select(sa.func.count()).where(table.c.deleted_at < before)) or 0
    return found


async def empty_trash(uow: UnitOfWork, before: datetime, limit: int) -> int:
    """Remove at most `limit` records for good, with what hangs on them; one that others need stays."""
    removed = 0
    for entity in _trashed(uow):
        table = entity.model.__table__
        ids = list(await uow.session.scalars(sa.select(table.c.id).where(table.c.deleted_at < before).limit(limit)))
        for key in ids[: limit - removed]:
            try:
                async with uow.savepoint():
                    await remove(uow, entity, key)
            except IntegrityError:
                continue  # a stage that deals are in, say: it goes when they do
            removed += 1
        if removed >= limit:
            break
    return removed


def _trashed(uow: UnitOfWork) -> list[Entity]:
    """Return the entities with a trash, those that depend on others first."""
    found = [e for e in uow.registry.entities.values() if "deleted_at" in e.model.__table__.c]
    order = {table: place for place, table in enumerate(metadata.sorted_tables)}
    return sorted(found, key=lambda e: -order[e.model.__table__])


KINDS = (
    rows("core.jobs", _("Jobs that are done"), 14, JOBS, JOBS.c.id, _ended(("done", "cancelled"))),
    rows("core.dead_jobs", _("Dead jobs"), 140, JOBS, JOBS.c.id, _ended(("dead",))),
    rows("core.mails", _("Sent mails"), 730, MAIL, MAIL.c.id, _mails),
    rows("core.attempts", _("Sign-in attempts"), 90, ATTEMPT, ATTEMPT.c.id, lambda b: [ATTEMPT.c.at < b]),
    rows("core.answers", _("Answers kept for repeated requests"), 3, ANSWER, ANSWER.c.key, lambda b: [ANSWER.c.at < b]),
    Retention(name="core.trash", label=_("Records in the trash"), days=90, count=count_trash, delete=empty_trash),
    rows("core.events", _("Events and history"), 0, EVENT, EVENT.c.id, _events),
)
