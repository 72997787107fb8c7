"""Moving a user's things in short transactions of one cause."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from crm_core.auth.actor import Actor
from crm_core.auth.rights import load_actor
from crm_core.errors import Forbidden
from crm_core.features.handover import actions, queries
from crm_core.features.handover.schemas import HandOver, UndoHandOver
from crm_core.i18n import Strings
from crm_core.jobs.context import JobContext
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
CHUNK = 50  # records of one transaction: with what hangs on them it stays well under the write limit


async def _actor(context: JobContext) -> Actor:
    """Return who began it, with today's rights."""
    if context.user_id is None:
        raise Forbidden(_("You lack the right {permission}.", permission=actions.RIGHT))
    actor = await load_actor(context.kernel, context.user_id)
    if not actor.may(actions.RIGHT):
        raise Forbidden(_("You lack the right {permission}.", permission=actions.RIGHT))
    return actor


@asynccontextmanager
async def _step(context: JobContext, actor: Actor, cause: UUID) -> AsyncGenerator[UnitOfWork]:
    """Open one transaction of the hand-over's own cause."""
    async with context.kernel.write(actor, cause=cause) as uow:
        yield uow


async def hand_over(context: JobContext, call: HandOver) -> None:
    """Move everything chosen. May run twice: what is moved is the user's no longer, and found by nobody."""
    actor = await _actor(context)
    registry = context.kernel.registry
    entities = [e for e in queries.owned(registry) if e.name in call.to]
    async with context.reading(actor) as uow:
        total = 0
        for entity in entities:
            total += await queries.count_of(uow, entity, call.user_id, closed=call.closed)
    done = 0
    for entity in entities:
        to = call.to[entity.name]
        while True:
            async with _step(context, actor, call.cause) as uow:
                count = await actions.move_records(
                    uow, entity, call.user_id, to, closed=call.closed, limit=CHUNK
                )  # fmt: skip
            if not count:
                break
            done += count
            await context.progress(done, max(total, done))
    for kind in queries.resources(registry):
        if kind.name in call.to:
            async with _step(context, actor, call.cause) as uow:
                done += await actions.move_things(uow, kind, call.user_id, call.to[kind.name])
    await context.progress(done, done)
    async with context.transaction(actor) as uow:
        await context.finish(uow, {"moved": done})


async def undo_hand_over(context: JobContext, call: UndoHandOver) -> None:
    """Give everything back. May run twice: what is back is not where the hand-over put it."""
    actor = await _actor(context)
    count, after = 0, None
    while True:
        async with context.transaction(actor) as uow:
            moved = await queries.moved_records(uow, call.cause, after, CHUNK)
            count += await actions.records_back(uow, moved)
        if not moved:
            break
        after = moved[-1][0]
        await context.progress(count)
    async with context.transaction(actor) as uow:
        count += await actions.things_back(uow, call.user_id, call.cause)
        await actions.tell_undone(uow, call.user_id, call.cause, count)
        await context.finish(uow, {"given back": count})
