"""Ending a look through another user's eyes by the clock."""

from __future__ import annotations

from crm_core.auth import viewing
from crm_core.auth.actor import Actor
from crm_core.auth.events import ViewingEnded
from crm_core.auth.rights import UserUnknown, load_actor
from crm_core.features.users.schemas import EndViewing
from crm_core.jobs.context import JobContext
from crm_core.plugin import Ref


async def end_viewing(context: JobContext, call: EndViewing) -> None:
    """Write down that half an hour is over; requests have been the viewer's own since then anyway."""
    actor: Actor | None
    try:
        actor = await load_actor(context.kernel, context.user_id) if context.user_id else None
    except UserUnknown:
        actor = None  # switched off meanwhile: our own code ends it
    async with context.transaction(actor) as uow:
        user_id = await viewing.end(uow, call.session_id, until=call.until)
        if user_id is not None:
            await uow.emit(ViewingEnded(user_id=user_id, reason="time"), about=[Ref("core.user", user_id)])
