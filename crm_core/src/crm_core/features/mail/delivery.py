"""Handing mails of the ledger to the transport, at most once without a person's word.

queued → (reserve) sending → sent | ambiguous | failed; before `reserve` a failure leaves the row queued and
it is tried later. A job that finds its row in `sending` follows a process that died in between: the outcome
is unknown and stays so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.errors import RetryJob
from crm_core.features.mail import messages, queries
from crm_core.features.mail.actions import body_of
from crm_core.features.mail.entities import suppress
from crm_core.features.mail.events import MailNotSent, MailSent
from crm_core.features.mail.models import MailFile, MailRow
from crm_core.features.mail.schemas import Reason, State
from crm_core.features.mail.server import CATCHER, MailSettings, load
from crm_core.features.mail.transports import NotNow, Outgoing, Refused
from crm_core.features.organisation.public import logo_bytes
from crm_core.plugin import MailTransport, Ref, hookspecs
from crm_core.uow import ValueTaken

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

log = logging.getLogger(__name__)

ACTOR = system("job:core.send_mail")
LOOK_AGAIN = 60.0
"""Seconds until a paused installation's mails are looked at again."""
ATTEMPTS = 9
JOB_ATTEMPTS = 50
"""A job counts the deaths of its process; the ledger counts refusals, and ends sooner."""
YOUNG, MOST_REVIVED = timedelta(minutes=2), 1000
FIRST_WAIT, LONGEST_WAIT = 60.0, 6 * 3600.0


class NotReserved(Exception):
    """Another attempt has the mail, or it may not be sent any more; nothing was handed over."""


async def deliver(kernel: Kernel, mail_id: UUID) -> None:
    """Do so in this process; RetryJob when it is to be tried later."""
    found = await _begin(kernel, mail_id)
    if found is None:
        return
    row, files, settings = found
    attempt = Attempt(kernel, row)
    transport = _transport(kernel, settings)
    if transport is None:
        await attempt.later(NotNow(f"there is no transport {settings.chosen!r}"))
        return
    parts = [messages.Part(f.name, f.media_type, await _bytes(kernel, f.sha256)) for f in files]
    async with kernel.read(ACTOR) as uow:
        logo = await logo_bytes(uow)
    message = messages.built(row, body_of(kernel, row), parts, settings, logo)
    await _hand_over(
        attempt, transport, Outgoing(kernel, settings, row.recipient, message, row.id.hex, attempt.reserve)
    )


async def _hand_over(attempt: Attempt, transport: MailTransport, outgoing: Outgoing) -> None:
    """Give the message to the transport and store what came of it; RetryJob when it is to be tried later."""
    try:
        if not transport.reserves:
            await attempt.reserve()
        await transport.send(outgoing)
    except NotReserved:
        return
    except RetryJob:
        raise
    except NotNow as error:
        await attempt.later(error)
    except Refused as error:
        await attempt.end(State.failed, error=str(error), bounced=error.bounced)
    except Exception as error:  # noqa: BLE001 - a transport may fail in any way; the ledger tells
        if not attempt.reserved:
            await attempt.later(error)
        else:
            log.warning("mail %s: the outcome is unknown: %r", attempt.row.id, error)
            await attempt.end(State.ambiguous, error=f"{type(error).__name__}: {error}")
    else:
        await attempt.end(State.caught if transport.name == CATCHER else State.sent)


async def _begin(kernel: Kernel, mail_id: UUID) -> tuple[MailRow, Sequence[MailFile], MailSettings] | None:
    """Return the mail, its files and the settings when it is to be sent now; None when there is nothing to do."""
    async with kernel.write(ACTOR) as uow:
        row = await uow.session.get(MailRow, mail_id)
        if row is None or row.state not in (State.queued, State.sending):
            return None
        if row.state == State.sending:
            died = "the process that sent it ended before the server's answer was stored"
            await _close(uow, row, State.ambiguous, row.claim, error=died)
            return None
        if await queries.paused(uow):
            raise RetryJob(LOOK_AGAIN)
        if await _stopped(uow, row):
            return None
        files = await queries.files_of(uow, mail_id)
        return row, files, await load(uow)


async def _stopped(uow: UnitOfWork, row: MailRow) -> bool:
    """Close a mail whose address is suppressed for its kind; return whether it was."""
    found = await queries.reasons(uow, row.recipient)
    if stops := queries.stopped_by(row.kind, found):
        await _close(uow, row, State.suppressed, None, error=", ".join(stops), before=State.queued)
    return bool(stops)


class Attempt:
    """One attempt at one mail: reserves the row, and closes what it reserved."""

    def __init__(self, kernel: Kernel, row: MailRow) -> None:
        self.kernel, self.row, self.claim = kernel, row, uuid4()
        self.reserved = False
        self.notice = ""

    async def reserve(self) -> None:
        """Commit that the mail is on its way; NotReserved when it may not be (any more), or another attempt has it."""
        taken = False
        async with self.kernel.write(ACTOR) as uow:
            if await queries.paused(uow):
                raise RetryJob(LOOK_AGAIN)
            hard = sorted(await queries.reasons(uow, self.row.recipient) & queries.HARD)
            if not await _stopped(uow, self.row):
                self.notice = f"sent although the address is suppressed: {', '.join(hard)}" if hard else ""
                values = {"state": State.sending, "claim": self.claim, "attempts": MailRow.attempts + 1}
                mine = (MailRow.id == self.row.id, MailRow.state == State.queued)
                done = await uow.session.execute(
                    sa.update(MailRow).where(*mine).values(**values, error="", due_at=None)
                )
                taken = done.rowcount == 1  # type: ignore[attr-defined]  # a cursor result
        # Only after the commit: a commit that failed leaves the row queued, and it must be tried again.
        self.reserved = taken
        if not taken:
            raise NotReserved

    async def end(self, state: State, *, error: str = "", bounced: bool = False) -> None:
        """Close the mail; a refusal of the recipient suppresses the address."""
        async with self.kernel.write(ACTOR) as uow:
            before = None if self.reserved else State.queued
            closed = await _close(
                uow, self.row, state, self.claim if self.reserved else None, error=error, notice=self.notice,
                before=before,
            )  # fmt: skip
        if closed and bounced:
            # On its own: two refusals at once must not undo each other's end.
            with contextlib.suppress(ValueTaken):
                async with self.kernel.write(ACTOR) as uow:
                    await suppress(uow, self.row.recipient, Reason.bounce, error, mail_id=self.row.id)

    async def later(self, error: Exception) -> None:
        """Put the mail back for a later attempt, further away each time; after the last it has failed."""
        tried = self.row.attempts + 1
        text = str(error) or type(error).__name__
        if tried >= ATTEMPTS:
            await self.end(State.failed, error=text)
            return
        wait = min(FIRST_WAIT * 4.0 ** (tried - 1), LONGEST_WAIT)
        async with self.kernel.write(ACTOR) as uow:
            mine = _mine(self.row, self.claim if self.reserved else None, None if self.reserved else State.queued)
            values = {"state": State.queued, "claim": None, "attempts": tried, "error": text}
            due_at = uow.now + timedelta(seconds=wait)
            await uow.session.execute(sa.update(MailRow).where(*mine).values(**values, due_at=due_at))
        raise RetryJob(wait)


def _mine(row: MailRow, claim: UUID | None, before: State | None) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition under which an attempt may still write: its claim, or the state before any."""
    if before is not None:
        return (MailRow.id == row.id, MailRow.state == before)
    # An attempt that was thought dead may still learn the outcome: its claim is kept in state ambiguous.
    return (MailRow.id == row.id, MailRow.claim == claim, MailRow.state.in_((State.sending, State.ambiguous)))


async def _close(
    uow: UnitOfWork, row: MailRow, state: State, claim: UUID | None, *, error: str = "", notice: str = "",
    before: State | None = None,
) -> bool:  # fmt: skip
    """Write how a mail ended, with its event; False when another attempt has it by now."""
    settings = await load(uow)
    values: dict[str, Any] = {"state": state, "error": error, "notice": notice[:255], "ended_at": uow.now}
    if state is State.sent:
        values["secret_body"] = None  # links and codes are of no use to anybody but the recipient
    done = await uow.session.execute(
        sa.update(MailRow).where(*_mine(row, claim, before)).values(**values, transport=settings.chosen, due_at=None)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]  # a cursor result
        return False
    about = [Ref.parse(text) for text in row.about]
    if state in (State.sent, State.caught):
        await uow.emit(MailSent(mail_id=row.id, purpose=row.purpose, state=state, notice=notice), about=about)
    else:
        await uow.emit(MailNotSent(mail_id=row.id, purpose=row.purpose, state=state), about=about)
    return True


def _transport(kernel: Kernel, settings: MailSettings) -> MailTransport | None:
    known = kernel.registry.gather(hookspecs.crm_mail_transports)
    return next((t for t in known if t.name == settings.chosen), None)


async def _bytes(kernel: Kernel, sha256: str) -> bytes:
    return await asyncio.to_thread((await kernel.blobs.fetch(sha256)).read_bytes)
