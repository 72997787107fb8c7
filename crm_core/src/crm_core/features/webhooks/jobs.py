"""Sending deliveries: signed, only to addresses that `net` allows, tried again over about a day."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import httpx2
import msgspec
import sqlalchemy as sa

from crm_core import net, secrets
from crm_core.auth.actor import system
from crm_core.auth.rights import UserUnknown, load_actor
from crm_core.errors import CrmError, NotFound, RetryJob
from crm_core.features.mail import public as mail
from crm_core.features.webhooks.actions import stop
from crm_core.features.webhooks.message import message
from crm_core.features.webhooks.models import PURPOSE, Webhook, WebhookDelivery
from crm_core.features.webhooks.schemas import DeliverWebhook
from crm_core.web import webhooks

if TYPE_CHECKING:
    from crm_core.jobs.context import JobContext
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

ACTOR = system("webhooks")
WAITS = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0)
"""Seconds before the second and each later try: eight tries in about 18 hours."""
LOOK_AGAIN = 60.0
SECONDS = 15.0
EXCERPT = 1000
READ = 4096
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
GIVE_UP = timedelta(days=5)
GONE = 410


@dataclass(frozen=True, slots=True)
class Ready:
    """A delivery that is to be sent now."""

    webhook: Webhook
    row: WebhookDelivery
    body: bytes
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try. status: None when there was no answer."""

    status: int | None
    response: str
    error: str
    duration_ms: int

    @property
    def arrived(self) -> bool:
        """Return whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


async def deliver(job: JobContext, call: DeliverWebhook) -> None:
    """Try one delivery; RetryJob until it has arrived or was tried for the last time."""
    ready = await _prepared(job, call)
    if ready is None:
        return
    outcome = await post(job.kernel, ready)
    async with job.transaction(ACTOR) as uow:
        wait = await _close(uow, ready, outcome)
        if wait is None:
            await job.finish(uow)
    if wait is not None:
        raise RetryJob(wait)


async def _prepared(job: JobContext, call: DeliverWebhook) -> Ready | None:
    """Return what is to be sent; None when there is nothing to do (any more)."""
    async with job.reading(ACTOR) as uow:
        row = await uow.session.get(WebhookDelivery, call.delivery_id)
        webhook = await uow.session.get(Webhook, row.webhook_id) if row is not None else None
        if row is None or webhook is None or row.state != "waiting":
            return None
        if await mail.paused(uow):
            raise RetryJob(LOOK_AGAIN)
        if webhook.retry_at is not None and webhook.retry_at > uow.now:
            raise RetryJob((webhook.retry_at - uow.now).total_seconds() + 0.5)
    state, error, body = await _message(job, webhook, row)
    if body is None:
        await _ended(job, row, state, error)
        return None
    return Ready(webhook, row, body, _keys(job.kernel, webhook))


async def _message(job: JobContext, webhook: Webhook, row: WebhookDelivery) -> tuple[str, str, bytes | None]:
    """Return what is to be sent; without a body the state and the reason with which the delivery ends."""
    if not webhook.is_active or webhook.deleted_at is not None:
        return "failed", "the webhook is switched off", None
    try:
        return "skipped", "", await _body(job, webhook, row)
    except UserUnknown:
        async with job.transaction(ACTOR) as uow:
            await stop(uow, webhook.id, "its owner is switched off")
        return "failed", "the webhook's owner is switched off", None
    except NotFound:
        return "failed", "the event is not in the log any more", None


async def _body(job: JobContext, webhook: Webhook, row: WebhookDelivery) -> bytes | None:
    if webhook.owner_id is None:
        raise UserUnknown("a webhook without owner")
    owner = await load_actor(job.kernel, webhook.owner_id)  # today's rights, not those of when it was made
    if row.event_id is None:
        told = {"type": row.type, "id": row.message_id, "at": row.created_at, "data": {"webhook_id": webhook.id}}
        return msgspec.json.encode(told)
    async with job.reading(owner) as uow:
        return await message(uow, webhook, row.event_id)


def _keys(kernel: Kernel, webhook: Webhook) -> tuple[str, ...]:
    found = [secrets.unseal(kernel, PURPOSE, webhook.secret)]
    if webhook.old_secret and webhook.old_secret_until and webhook.old_secret_until.timestamp() > time.time():
        found.append(secrets.unseal(kernel, PURPOSE, webhook.old_secret))
    return tuple(found)


async def _ended(job: JobContext, row: WebhookDelivery, state: str, error: str) -> None:
    async with job.transaction(ACTOR) as uow:
        found = await uow.session.get(WebhookDelivery, row.id)
        if found is not None:
            found.state, found.error, found.due_at, found.ended_at = state, error, None, uow.now
        await job.finish(uow)


async def post(kernel: Kernel, ready: Ready) -> Outcome:
    """Send a message. Every failure to connect reads alike, so that nobody maps a network by it."""
    began = time.monotonic()
    given = {
        "content-type": "application/json", "accept-encoding": "identity",
        "user-agent": f"crm-core/{version('crm-core')}",
        **webhooks.headers(ready.keys, ready.row.message_id, ready.body),
    }  # fmt: skip
    status, text, error = None, "", ""
    try:
        async with (
            asyncio.timeout(SECONDS),
            net.client(kernel.config) as http,
            http.stream("POST", ready.webhook.url, content=ready.body, headers=given) as answer,
        ):
            status, text = answer.status_code, await _excerpt(answer)
    except TimeoutError:
        error = "no answer in time" if status is None else ""
    except (CrmError, httpx2.HTTPError, httpx2.InvalidURL, UnicodeError, ValueError):
        error = "this address cannot be reached" if status is None else ""
    if status is not None and not 200 <= status < 300:
        error = "redirects are not followed" if 300 <= status < 400 else f"answered {status}"
    return Outcome(status, text, error, round((time.monotonic() - began) * 1000))


async def _excerpt(answer: httpx2.Response) -> str:
    """Return the beginning of an answer; the rest is not read."""
    read = b""
    async for chunk in answer.aiter_raw():
        read += chunk[: READ - len(read)]
        if len(read) >= READ:
            break
    return read.decode("utf-8", "replace").replace("\0", "")[:EXCERPT]


async def _close(uow: UnitOfWork, ready: Ready, outcome: Outcome) -> float | None:
    """Store what came of a try; return seconds until the next, None when there is none."""
    row = await uow.session.get(WebhookDelivery, ready.row.id)
    webhook = await uow.session.get(Webhook, ready.webhook.id)
    if row is None or webhook is None:
        return None
    row.attempts += 1
    row.status, row.response, row.error = outcome.status, outcome.response, outcome.error
    row.duration_ms, row.tried_at = outcome.duration_ms, uow.now
    wait = None
    if outcome.arrived:
        row.state, row.due_at, row.ended_at = "delivered", None, uow.now
        if webhook.failures:
            await _health(uow, webhook, failures=0, failing_since=None, retry_at=None)
        return None
    if row.attempts > len(WAITS) or outcome.status == GONE:
        row.state, row.due_at, row.ended_at = "failed", None, uow.now
    else:
        wait = WAITS[row.attempts - 1]
        row.due_at = uow.now + timedelta(seconds=wait)
    await _failed(uow, webhook, outcome)
    return wait


async def _failed(uow: UnitOfWork, webhook: Webhook, outcome: Outcome) -> None:
    """Rest a failing address for a while; after days, or when it says that it is gone, switch the webhook off."""
    since = webhook.failing_since or uow.now
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(webhook.failures, 20))
    retry_at = uow.now + timedelta(seconds=pause) if webhook.failures else None  # one failure alone rests nobody
    await _health(uow, webhook, failures=webhook.failures + 1, failing_since=since, retry_at=retry_at)
    if outcome.status == GONE:
        await stop(uow, webhook.id, "the address says that it is gone (410)")
    elif uow.now - since > GIVE_UP:
        await stop(uow, webhook.id, f"the address has failed for {GIVE_UP.days} days: {outcome.error}")


async def _health(uow: UnitOfWork, webhook: Webhook, **values: Any) -> None:
    """Write beside the record: its health is no change of the record."""
    await uow.session.execute(
        sa.update(Webhook).where(Webhook.id == webhook.id).values(**values),
        execution_options={"synchronize_session": False},
    )
