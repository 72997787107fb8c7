"""Jobs as an administrator sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.errors import Invalid, NotFound
from crm_core.features.jobs.schemas import STATES, JobDetail, JobOut, JobsPage
from crm_core.i18n import Strings
from crm_core.jobs.rows import JobRow, job
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST = 200
# What a list does not show stays in the database: arguments and results can be large.
HEAVY = ("args", "result", "lease_until")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs: all that are given must match. cause: of the events a job writes or was made with."""

    state: str = ""
    kind: str = ""
    lane: str = ""
    cause: UUID | None = None
    cursor: UUID | None = None
    limit: int = 50


def wanted(given: Mapping[str, Any]) -> Wanted:
    """Read filters from query parameters; Invalid names the wrong one."""
    values = {k: v.strip() for k, v in given.items() if k in Wanted.__struct_fields__ and v.strip()}
    try:
        found = msgspec.convert(values, Wanted, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error
    if found.state and found.state not in STATES:
        raise Invalid(_("The state is one of: {known}.", known=", ".join(STATES)), fields={"state": found.state})
    return found


async def jobs_wanted(uow: UnitOfWork, given: Wanted) -> JobsPage:
    """Return jobs, newest first."""
    limit = max(1, min(given.limit, MOST))
    light = [column for column in job if column.name not in HEAVY]
    query = sa.select(*light).order_by(job.id.desc()).limit(limit + 1).where(*_conditions(uow, given))
    rows = (await uow.session.execute(query)).all()
    more = len(rows) > limit
    return JobsPage(items=[_job(uow, r) for r in rows[:limit]], next=str(rows[limit - 1].id) if more else None)


def _conditions(uow: UnitOfWork, given: Wanted) -> list[sa.ColumnElement[bool]]:
    known = job.kind.in_(tuple(uow.registry.jobs_by_name))
    found: list[sa.ColumnElement[bool]] = []
    if given.state == "parked":
        found.append(sa.or_(job.state == "parked", sa.and_(job.state == "pending", ~known)))
    elif given.state:
        # The word itself, not a parameter: only so planners see that a partial index serves.
        found.append(job.state == sa.literal_column(f"'{given.state}'"))
        found += [known] if given.state == "pending" else []
    found += [job.kind == given.kind] if given.kind else []
    found += [job.lane == given.lane] if given.lane else []
    found += [job.cause == given.cause] if given.cause else []
    return [*found, job.id < given.cursor] if given.cursor else found


async def job_of(uow: UnitOfWork, job_id: UUID) -> JobDetail:
    """Return one job; NotFound when its row is gone."""
    row = await uow.session.get(JobRow, job_id, populate_existing=True)
    if row is None:
        raise NotFound(_("There is no such job."))
    values = msgspec.structs.asdict(_job(uow, row))
    return JobDetail(**{**values, "error": row.error}, **{name: getattr(row, name) for name in HEAVY})


def _job(uow: UnitOfWork, row: Any) -> JobOut:
    missing = "" if row.kind in uow.registry.jobs_by_name else row.kind.partition(".")[0]
    state = "parked" if missing and row.state == "pending" else row.state
    lines = (row.error or "").strip().splitlines()
    made = ("state", "missing", "error")
    direct = {name: getattr(row, name) for name in JobOut.__struct_fields__ if name not in made}
    return JobOut(**direct, state=state, missing=missing, error=lines[-1][:500] if lines else None)
