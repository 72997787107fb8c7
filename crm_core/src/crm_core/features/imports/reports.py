"""The report of an import: as it is kept and answered, and its problems as a file."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm_core.entity.cells import shielded
from crm_core.errors import NotFound
from crm_core.features.imports.plan import Report
from crm_core.features.imports.schemas import ImportOut, ProblemOut, ReportOut, UnknownOut
from crm_core.i18n import Strings, show
from crm_core.jobs.rows import JobRow
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
KIND = "core.run_import"


def told(report: Report, locale: str, error: str = "") -> ReportOut:
    """Return a report in words of a language."""
    return ReportOut(
        rows=report.rows, created=report.created, updated=report.updated, unchanged=report.unchanged,
        failed=report.failed, warnings=report.warnings, dry_run=report.dry_run, cause=report.cause, error=error,
        duplicates=report.duplicates,
        problems=[ProblemOut(p.row, p.column, p.value, show(p.text, locale), p.failed) for p in report.problems],
        unknown=[
            UnknownOut(column, value, count, report.suggestions.get((column, value)))
            for (column, value), count in report.unknown.most_common()
        ],
    )  # fmt: skip


def report_of(job: JobRow) -> ReportOut | None:
    """Return the report in a job's result, None while there is none."""
    return msgspec.convert(job.result, ReportOut) if job.result else None


async def import_job(uow: UnitOfWork, job_id: UUID) -> JobRow:
    """Return the job of an import; NotFound unless the actor asked for it or looks after jobs."""
    job = await uow.session.get(JobRow, job_id, populate_existing=True)
    mine = job is not None and uow.actor.user_id is not None and job.user_id == uow.actor.user_id
    if job is None or job.kind != KIND or not (mine or uow.actor.may("core.jobs.manage")):
        raise NotFound(_("There is no such import."))
    return job


def import_out(job_id: UUID, entity: str, at: datetime) -> ImportOut:
    """Return an import that was asked for just now, as the API answers it; its row is written with the commit."""
    href = f"/api/v1/imports/{job_id}"
    return ImportOut(
        id=job_id, state="pending", entity=entity, href=href, errors=f"{href}/errors", rows=0, created_at=at,
        finished_at=None, report=None,
    )  # fmt: skip


def imported(job: JobRow) -> ImportOut:
    """Return an import as it stands, as the API answers it."""
    found, report = import_out(job.id, str(job.args["entity"]), job.created_at), report_of(job)
    found.state, found.finished_at, found.report = job.state, job.finished_at, report
    found.rows = report.rows if report else job.progress or 0
    return found


def problems_csv(report: ReportOut | None) -> bytes:
    """Return the problems as a CSV file that spreadsheets open as text."""
    rows: list[tuple[Any, ...]] = [("row", "column", "value", "problem", "imported")]
    rows += [
        (p.row, shielded(p.column), shielded(p.value), p.text, "no" if p.failed else "yes")
        for p in (report.problems if report else ())
    ]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8-sig", "replace")
