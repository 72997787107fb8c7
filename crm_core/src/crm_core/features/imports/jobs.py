"""Running an import in the background, with progress."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec

from crm_core.auth.actor import Actor, ActorKind
from crm_core.auth.rights import load_actor
from crm_core.errors import CrmError, Forbidden
from crm_core.features.imports.calls import RunImport
from crm_core.features.imports.reports import told
from crm_core.features.imports.run import Plan, Report, run_import
from crm_core.features.imports.sheets import open_sheet
from crm_core.features.jobs.public import RefreshStatistics
from crm_core.i18n import Strings, show
from crm_core.jobs.context import JobContext

_ = Strings("crm_core")
EVERY = 0.5  # seconds between looks at the progress


async def import_file(context: JobContext, call: RunImport) -> None:
    """Import a file chunk by chunk. It is not tried again: chunks that are in would come in twice."""
    kernel = context.kernel
    actor = await _asker(context, call)
    entity = kernel.registry.entity(call.entity)
    plan = Plan(entity=entity, mapping=call.mapping, mode=call.mode, match=call.match, strict=call.strict,
                day_first=call.day_first, dry_run=call.dry_run)  # fmt: skip
    seen = Report(dry_run=call.dry_run)
    try:
        sheet = await asyncio.to_thread(open_sheet, await kernel.blobs.fetch(call.file))
        work = asyncio.create_task(run_import(kernel, actor, sheet, plan, progress=lambda r: _copy(r, seen)))
        await _watch(context, work, seen)
        result = told(await work, actor.locale)
    except CrmError as problem:
        result = told(seen, actor.locale, show(problem.text, actor.locale))
    async with context.transaction() as uow:
        await uow.enqueue(RefreshStatistics(if_grown=True), key="core.statistics")
        await context.finish(uow, msgspec.to_builtins(result))


async def _asker(context: JobContext, call: RunImport) -> Actor:
    """Return who asked, with today's rights; the scopes of the token it came with bind as they did then."""
    if context.user_id is None:
        raise Forbidden(_("Only users import."))
    actor = await load_actor(context.kernel, context.user_id)
    return replace(actor, kind=ActorKind.token, scopes=frozenset(call.scopes)) if call.scopes else actor


def _copy(report: Report, seen: Report) -> None:
    seen.rows, seen.created, seen.updated, seen.failed = report.rows, report.created, report.updated, report.failed


async def _watch(context: JobContext, work: asyncio.Task[Report], seen: Report) -> None:
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=EVERY)
            await context.progress(seen.rows)
    except BaseException:
        work.cancel()
        raise
