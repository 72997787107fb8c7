"""Undoing a large cause in the background."""

from __future__ import annotations

from uuid import UUID

import msgspec

from crm_core.auth.rights import load_actor
from crm_core.errors import Forbidden
from crm_core.features.undo import merges
from crm_core.features.undo.actions import both_values, try_back, why_not
from crm_core.features.undo.queries import count_of, since, steps_of
from crm_core.features.undo.schemas import Left, UndoCause, UndoOut
from crm_core.i18n import Strings, show
from crm_core.jobs.context import JobContext

_ = Strings("crm_core")
CHUNK = 100  # events of one transaction
SHOWN = 100  # refusals kept with the job


async def undo_cause(context: JobContext, call: UndoCause) -> None:
    """Put back what a cause changed, newest first; what has been changed since or is refused is left and counted.

    May run twice: what the first run put back is found to be undone already.
    """
    if context.user_id is None:
        raise Forbidden(_("Only users undo."))
    actor = await load_actor(context.kernel, context.user_id)
    async with context.reading(actor) as reading:
        total = await count_of(reading, call.cause)
    undone, left, shown = 0, 0, list[Left]()
    before: UUID | None = None
    async with context.transaction(actor) as uow:
        moved = await merges.of_cause(uow, call.cause)
        undone += await merges.take_back(uow, moved)
    while True:
        async with context.transaction(actor) as uow:
            steps, before = await steps_of(uow, call.cause, limit=CHUNK, before=before)
            later = await since(uow, steps)
            out = UndoOut(undone=0)
            for step in moved.without(steps):
                reason = why_not(uow, step, later.get((step.entity.name, step.id)))
                if reason is None:
                    await try_back(uow, step, out)
                else:
                    both = both_values(uow, step, later.get((step.entity.name, step.id)))
                    out.left.append(Left(step.entity.name, step.id, "", show(reason, uow.locale), both))
        undone, left = undone + out.undone, left + len(out.left)
        shown += out.left[: SHOWN - len(shown)]
        await context.progress(undone + left, total)
        if before is None:
            break
    async with context.transaction() as uow:
        await context.finish(uow, {"undone": undone, "left": left, "reasons": msgspec.to_builtins(shown)})
