"""Fetching calendar files: through the checked client, read in a process of its own, stored as a whole."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import sqlalchemy as sa

from crm_core import net
from crm_core.errors import CrmError
from crm_core.features.worktime import feed, queries
from crm_core.features.worktime.models import FeedDay, WorkCalendar
from crm_core.features.worktime.schemas import FetchFeed, FetchFeeds
from crm_core.i18n import Strings, Text
from crm_core.isolate import IsolatedFailure, run_in_process

if TYPE_CHECKING:
    from crm_core.jobs.context import JobContext
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
SECONDS, MEGABYTES = 10.0, 256
BACK, AHEAD = timedelta(days=400), timedelta(days=1200)


class FeedNotRead(CrmError):
    """The file cannot be reached, is too large, or is no calendar."""


async def fetch_all(job: JobContext, _call: FetchFeeds) -> None:
    """Enqueue a job for each calendar with a file."""
    wanted = sa.select(WorkCalendar.id).where(WorkCalendar.feed_url.is_not(None), WorkCalendar.deleted_at.is_(None))
    async with job.transaction() as uow:
        for calendar_id in (await uow.session.scalars(wanted)).all():
            await uow.enqueue(FetchFeed(calendar_id=calendar_id), key=f"core.feed:{calendar_id}")


async def fetch(job: JobContext, call: FetchFeed) -> None:
    """Fetch one file; a problem is shown at the calendar, whose days stay as they were."""
    async with job.transaction() as uow:
        url, today = await _url(uow, call), uow.now.date()
    if url is None:
        return
    try:
        days = await _days(job, url, today)
    except FeedNotRead as error:
        async with job.transaction() as uow:
            await _note(uow, call, str(error)[:255])
            await job.finish(uow)
        return
    async with job.transaction() as uow:
        if await _url(uow, call) == url:  # not changed meanwhile
            await uow.session.execute(sa.delete(FeedDay).where(FeedDay.calendar_id == call.calendar_id))
            rows = [{"calendar_id": call.calendar_id, "day": d, "label": label} for d, label in days]
            if rows:
                await uow.session.execute(sa.insert(FeedDay), rows)
            await _note(uow, call, "")
            await uow.raise_epoch(queries.EPOCH)
        await job.finish(uow)


async def _url(uow: UnitOfWork, call: FetchFeed) -> str | None:
    wanted = sa.select(WorkCalendar.feed_url).where(
        WorkCalendar.id == call.calendar_id, WorkCalendar.deleted_at.is_(None)
    )
    return await uow.session.scalar(wanted) or None


async def _note(uow: UnitOfWork, call: FetchFeed, problem: str) -> None:
    """Say when the file was read or why not. Derived, so without version and event."""
    values = {"feed_problem": problem} if problem else {"feed_problem": "", "feed_at": uow.now}
    table: Any = WorkCalendar.__table__
    await uow.session.execute(sa.update(table).where(table.c.id == call.calendar_id).values(values))


async def _days(job: JobContext, url: str, today: date) -> list[tuple[date, str]]:
    body = await _body(job, url)
    data = {"body": body, "first": (today - BACK).isoformat(), "last": (today + AHEAD).isoformat()}
    try:
        found = await run_in_process(feed.read, data, SECONDS, MEGABYTES)
    except IsolatedFailure as error:
        raise _problem(_("The file is no calendar.")) from error
    return [(date.fromisoformat(day), label) for day, label in found]


async def _body(job: JobContext, url: str) -> bytes:
    body = b""
    try:
        async with (
            net.client(job.kernel.config, follow_redirects=True, max_redirects=3) as client,
            client.stream("GET", url) as answer,
        ):
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > feed.LARGEST:
                    raise _problem(_("The file is too large."))
    except (httpx2.HTTPError, httpx2.InvalidURL, net.Unreachable) as error:
        raise _problem(_("This address cannot be reached.")) from error
    return body


def _problem(text: Text) -> FeedNotRead:
    return FeedNotRead(text)
