"""What an administrator does with a job; each is written to the event log."""

from __future__ import annotations

from uuid import UUID

from crm_core.features.jobs.events import JobCancelled, JobDeleted, JobRetried
from crm_core.features.jobs.queries import job_of
from crm_core.jobs import rows
from crm_core.uow import UnitOfWork


async def retry(uow: UnitOfWork, job_id: UUID) -> None:
    """Give a dead, parked or cancelled job all its attempts again; raises as `rows.revive`."""
    kind = (await job_of(uow, job_id)).kind
    await rows.revive(uow, job_id)
    await uow.emit(JobRetried(job_id=job_id, kind=kind))


async def cancel(uow: UnitOfWork, job_id: UUID) -> None:
    """End a waiting job, ask a running one to stop; JobEnded for any other."""
    kind = (await job_of(uow, job_id)).kind
    await rows.cancel_job(uow, job_id)
    await uow.emit(JobCancelled(job_id=job_id, kind=kind))


async def delete(uow: UnitOfWork, job_id: UUID) -> None:
    """Delete a dead, parked or cancelled job; raises as `rows.discard`."""
    kind = (await job_of(uow, job_id)).kind
    await rows.discard(uow, job_id)
    await uow.emit(JobDeleted(job_id=job_id, kind=kind))
