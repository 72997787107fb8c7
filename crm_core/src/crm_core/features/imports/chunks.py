"""One chunk of an import: links resolved, existing records found, records made and changed, one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Scope
from crm_core.auth.people import TeamMember
from crm_core.db.session import WriteHeldTooLong
from crm_core.entity import access, records
from crm_core.entity import fields as f
from crm_core.entity.folding import fold
from crm_core.entity.money import Rates
from crm_core.entity.stages import default_pipeline
from crm_core.errors import Conflict, CrmError, Forbidden, Invalid, NotFound, Unavailable
from crm_core.features.imports.links import matching
from crm_core.features.imports.run import SLICE, Draft, Import
from crm_core.features.imports.sheets import Row
from crm_core.features.imports.standing import Standing, standing, stands
from crm_core.i18n import Strings

if TYPE_CHECKING:
    from crm_core.features.imports.columns import Column
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
TRIES = 3
SMALLEST = 20  # rows below which a chunk is not divided


class _DryRun(Exception):
    """Ends a chunk's transaction without a trace."""


async def import_chunk(job: Import, rows: list[Row]) -> None:
    """Import some rows. If the database refuses the chunk, its rows are tried one by one to name the culprit."""
    drafts = []
    for number, row in enumerate(rows):
        if number % SLICE == SLICE - 1:
            await asyncio.sleep(0)
        job.report.rows += 1
        draft = job.draft(row)
        if not draft.failed:
            drafts.append(draft)
    try:
        await _transaction(job, drafts)
    except Conflict as error:
        if len(drafts) == 1:
            job.fail(drafts[0], "", "", error.text)
            return
        for draft in drafts:
            if not draft.failed:
                await _alone(job, draft)


async def _alone(job: Import, draft: Draft) -> None:
    try:
        await _transaction(job, [draft])
    except CrmError as error:
        job.fail(draft, "", "", error.text)


async def _transaction(job: Import, drafts: list[Draft]) -> None:
    """Write some rows; in halves when that held the writer too long, again when the database was busy.

    Counts and new names are kept only of what was committed.
    """
    for attempt in range(TRIES):
        made = Made()
        try:
            with contextlib.suppress(_DryRun):
                async with job.kernel.write(job.actor, cause=job.report.cause) as uow:
                    await _write(job, uow, drafts, made)
                    if job.plan.dry_run:
                        await uow.settle()
                        raise _DryRun
        except WriteHeldTooLong:
            if len(drafts) < SMALLEST:
                raise
            half = len(drafts) // 2
            await _transaction(job, drafts[:half])
            await _transaction(job, drafts[half:])
            return
        except Unavailable:
            if attempt == TRIES - 1:
                raise
            await asyncio.sleep(0.5 * (attempt + 1))
            continue
        made.keep(job)
        return


class Made:
    """What a chunk did, kept aside until it is committed."""

    def __init__(self) -> None:
        self.created = self.updated = self.unchanged = 0
        self.titles: list[tuple[str, UUID]] = []
        self.later: list[tuple[int, UUID, Column, str]] = []

    def keep(self, job: Import) -> None:
        """Add to the report of the import."""
        job.report.created += self.created
        job.report.updated += self.updated
        job.report.unchanged += self.unchanged
        job.later += self.later
        for name, key in self.titles:
            job.titles.setdefault(name, key)


async def _write(job: Import, uow: UnitOfWork, drafts: list[Draft], made: Made) -> None:
    await _learn(job, uow, drafts)
    existing = {}
    if job.plan.match and job.plan.mode != "create":
        existing = await matching(uow, job.entity, job.plan.match, (d.match for d in drafts))
    there = await standing(uow, job.entity, {key for key in existing.values() if isinstance(key, UUID)})
    for number, draft in enumerate(drafts):
        if number % SLICE == SLICE - 1:
            await asyncio.sleep(0)
        if draft.failed:
            continue
        values, later = _resolve(job, draft)
        if draft.failed:
            continue
        try:
            await _one(job, uow, draft, values, later, existing.get(fold(draft.match)), there, made)
        except CrmError as error:
            if isinstance(error, Conflict | Unavailable):
                raise
            _refuse(job, draft, error)


async def _one(
    job: Import, uow: UnitOfWork, draft: Draft, values: dict[str, Any], later: list[tuple[Column, str]],
    found: UUID | bool | None, there: Standing, made: Made,
) -> None:  # fmt: skip
    if found is False:
        raise Invalid(_("Several records have this value: {value}.", value=draft.match))
    if isinstance(found, UUID):
        record, row = there.pop(found, (None, {}))  # once: a second row of the same record may find it changed
        if record is not None and stands(row, values):
            made.unchanged += 1
        else:
            record = await _update(job, uow, values, found, made)
    elif job.plan.mode == "update":
        raise NotFound(_("There is no record with: {value}.", value=draft.match))
    else:
        record = await _create(job, uow, values)
        made.created += 1
    made.later += [(draft.row.number, record.id, column, name) for column, name in later]
    if job.has_self_link:
        made.titles.append((fold(str(getattr(record, job.entity.title))), record.id))


async def _create(job: Import, uow: UnitOfWork, values: dict[str, Any]) -> Any:
    """Create a record, of somebody whom the right to import reaches."""
    scope = access.scope_of(uow.registry, uow.actor, job.entity, "import")
    if scope is Scope.all:
        return await records.create(uow, job.entity, values)
    async with uow.savepoint():  # whose it is shows only when it is made
        record = await records.create(uow, job.entity, values)
        if not access.within(uow.actor, scope, record.owner_id, record.team_id):
            raise Forbidden(_("You may not import a record of this person."))
    return record


async def _update(job: Import, uow: UnitOfWork, values: dict[str, Any], key: UUID, made: Made) -> Any:
    async with uow.savepoint():  # a row that is refused half-way leaves nothing of itself
        record = await access.get(uow, job.entity, key, "edit", also=("import",))
        version, stamp = record.version, dict(record.__dict__)
        await records.update(uow, job.entity, record, values)
    same = record.version == version and all(stamp.get(k) == v for k, v in record.__dict__.items() if k in stamp)
    if same and not uow.session.new:
        made.unchanged += 1
    else:
        made.updated += 1
    return record


def _refuse(job: Import, draft: Draft, error: CrmError) -> None:
    titles = {c.target.key: c.title for c in job.columns}
    for name, text in error.fields.items():
        column = titles.get(name, name)
        job.fail(draft, column, draft.values.get(name, ""), text)
        return
    job.fail(draft, "", "", error.text)


async def _learn(job: Import, uow: UnitOfWork, drafts: list[Draft]) -> None:
    """Look up all names of the chunk, a query per kind of record, and the owners' teams."""
    registry = uow.registry
    wanted: dict[str, set[str]] = {}
    for draft in drafts:
        for column, name in draft.names.values():
            wanted.setdefault(_target(column.target.field), set()).add(name)
    for target in sorted(wanted):
        if target != "core.stage" and target in registry.entities:
            await job.names.learn(uow, registry.entities[target], wanted[target])
    if "core.stage" in wanted:
        group = await _pipeline(job, uow, drafts)
        for pipeline in group:
            await job.names.learn(uow, registry.entities["core.stage"], wanted["core.stage"], pipeline)
    remembered = uow.session.sync_session.info
    remembered["stages"] = {}
    if any(x.kind == "money" for x in registry.fields(job.entity)):
        remembered["rates"] = await Rates.load(uow)
    teams = remembered.setdefault("teams", {})
    query = sa.select(TeamMember.user_id, TeamMember.team_id).where(TeamMember.is_primary)
    if "core.user" in wanted:
        teams.update((user, team) for user, team in await uow.session.execute(query))


def _target(field: f.Field) -> str:
    return field.target if isinstance(field, f.Link) else "core.stage"


async def _pipeline(job: Import, uow: UnitOfWork, drafts: list[Draft]) -> set[UUID | None]:
    found: set[UUID | None] = set()
    for draft in drafts:
        for column, _name in draft.names.values():
            if isinstance(column.target.field, f.Stage):
                found.add(_group(job, draft, column.target.field))
    if None in found:
        pipeline = await default_pipeline(uow, job.entity.name)
        job.names.pipeline = pipeline.id if pipeline else None
        found = (found - {None}) | {job.names.pipeline}
    return found


def _group(job: Import, draft: Draft, stage: f.Stage) -> UUID | None:
    """Return the pipeline a row names, the default one if it names none."""
    named = draft.names.get(stage.group_field)
    if named is None:
        return job.names.pipeline
    found = job.names.find(job.kernel.registry.entity("core.pipeline"), named[1])
    return found if isinstance(found, UUID) else None


def _resolve(job: Import, draft: Draft) -> tuple[dict[str, Any], list[tuple[Column, str]]]:
    """Return values with the ids of links, and the links to rows that come later in the file."""
    values, later = dict(draft.values), []
    for key, (column, name) in draft.names.items():
        field = column.target.field
        group = _group(job, draft, field) if isinstance(field, f.Stage) else None
        found = job.names.find(job.kernel.registry.entity(_target(field)), name, group)
        if isinstance(found, UUID):
            values[key] = found
        elif job.links_to_self(column):
            later.append((column, name))
        elif field.required or isinstance(field, f.Stage):
            job.fail(draft, column.title, name, _reason(found))
        else:
            job.miss(draft, column.title, name, _reason(found))
    return values, later


def _reason(found: UUID | bool | None) -> Any:
    return (
        _("Several records have this name; left empty.") if found is False else _("Nothing has this name; left empty.")
    )


async def link_later(job: Import) -> None:
    """Set links to records of the same file, now that all of them are there."""
    waiting, job.later = job.later, []
    for start in range(0, len(waiting), 100):
        part = waiting[start : start + 100]
        found = [(number, key, column, name, job.titles.get(fold(name))) for number, key, column, name in part]
        for number, _key, column, name, target in found:
            if target is None:
                draft = Draft(Row(number, []))
                job.miss(draft, column.title, name, _("Nothing has this name; left empty."))
        if job.plan.dry_run:
            continue
        async with job.kernel.write(job.actor, cause=job.report.cause) as uow:
            for _number, key, column, _name, target in found:
                if target is not None and target != key:
                    record = await access.get(uow, job.entity, key, "edit")
                    await records.update(uow, job.entity, record, {column.target.key: target})
