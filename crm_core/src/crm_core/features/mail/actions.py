"""Writing a mail into the ledger, suppressing addresses, pausing and resuming all sending."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core import secrets
from crm_core.auth.links import create_link
from crm_core.db.tables import NOBODY, Setting
from crm_core.db.types import new_id
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.features.mail import addresses, queries, render
from crm_core.features.mail.events import OutgoingPaused, OutgoingResumed
from crm_core.features.mail.models import MailFile, MailRow
from crm_core.features.mail.schemas import Mail, SendMail, State
from crm_core.features.organisation.public import imprint
from crm_core.i18n import Strings
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

BODY = "core.mail.body"
UNSUBSCRIBE = "core.unsubscribe"
LARGEST_BODY = 1_000_000
"""Characters of text and HTML together."""
RETRYABLE = (State.queued, State.ambiguous, State.failed, State.suppressed)


class MailNotValid(Invalid):
    """A mail without a text or a purpose, or one that is too large."""


class MailUnknown(NotFound):
    """No such mail in the ledger."""


class MailNotRetryable(Conflict):
    """The mail was sent, is being sent, or its text was deleted."""


async def send(uow: UnitOfWork, mail: Mail) -> UUID:
    """Write a mail into the ledger and enqueue its sending after the commit; return its id.

    AddressNotValid, HeaderNotValid or MailNotValid for what could become another recipient or header.
    Whether the address is suppressed is decided when the mail is sent.
    """
    recipient = addresses.address(mail.to)
    reply_to = addresses.address(mail.reply_to, "reply_to") if mail.reply_to else ""
    subject = addresses.header(mail.subject, "subject")
    if not mail.text.strip() or not mail.purpose or len(mail.text) + len(mail.html) > LARGEST_BODY:
        raise MailNotValid(_("A mail needs a text and a purpose, and not more than a million characters."))
    for file in mail.attachments:
        addresses.header(file.name, "attachments", 255)
        addresses.header(file.media_type, "attachments", 127)
    mail_id, locale = new_id(), mail.locale or uow.locale
    body = msgspec.structs.replace(mail, text=_without_nul(mail.text), html=_without_nul(mail.html))
    headers: dict[str, str] = {}
    if mail.kind == "marketing":
        body, headers = await _with_way_out(uow, body, recipient, locale)
    is_secret = mail.kind == "security"
    uow.session.add(
        MailRow(
            id=mail_id, created_at=uow.now, kind=mail.kind, purpose=mail.purpose, recipient=recipient,
            reply_to=reply_to, subject=subject, headers=headers, about=[str(ref) for ref in mail.about],
            text="" if is_secret else body.text, html="" if is_secret else body.html,
            secret_body=_sealed(uow.kernel, body) if is_secret else None, locale=locale,
            message_id=f"<{mail_id.hex}@{_domain(uow.kernel)}>", actor=uow.actor.label, user_id=uow.actor.user_id,
            due_at=uow.now,
        )
    )  # fmt: skip
    if mail.attachments:
        await uow.session.flush()  # the files' foreign key needs the row
    for position, file in enumerate(mail.attachments):
        uow.session.add(
            MailFile(
                mail_id=mail_id, position=position, name=file.name, media_type=file.media_type, size=file.size,
                sha256=file.sha256,
            )
        )  # fmt: skip
    await uow.enqueue(SendMail(mail_id=mail_id), key=job_key(mail_id))
    return mail_id


async def send_template(
    uow: UnitOfWork,
    template: str,
    *,
    to: str,
    kind: str,
    purpose: str,
    locale: str = "",
    about: tuple[Ref, ...] = (),
    reply_to: str = "",
    **data: Any,
) -> UUID:
    """Send a mail made from `<template>.txt` and `.html`, e.g. "core/mail/password_reset", in a language.

    The first line of the text template is `Subject: …`. Links are made with `url("/path")`, which begins
    with the configured base_url. A missing variable is an error.
    """
    language = locale or uow.locale
    subject, text, html = render.rendered(
        uow.registry, uow.kernel.config, template, language, {"imprint": await imprint(uow), **data}
    )
    mail = Mail(
        to=to, subject=subject, text=text, html=html, kind=kind, purpose=purpose, about=about,  # type: ignore[arg-type]
        reply_to=reply_to, locale=language,
    )  # fmt: skip
    return await send(uow, mail)


def job_key(mail_id: UUID) -> str:
    """Return the key under which a mail has one unfinished job."""
    return f"core.mail:{mail_id}"


def _domain(kernel: Kernel) -> str:
    return urlsplit(kernel.config.url).hostname or "localhost"


def _without_nul(text: str) -> str:
    return text.replace("\0", "")


def _sealed(kernel: Kernel, mail: Mail) -> str:
    return secrets.seal(kernel, BODY, msgspec.json.encode([mail.text, mail.html]).decode())


def body_of(kernel: Kernel, row: MailRow) -> tuple[str, str]:
    """Return text and HTML of a mail, ("", "") once they were deleted."""
    if row.secret_body:
        text, html = msgspec.json.decode(secrets.unseal(kernel, BODY, row.secret_body))
        return text, html
    return row.text, row.html


async def _with_way_out(uow: UnitOfWork, mail: Mail, recipient: str, locale: str) -> tuple[Mail, dict[str, str]]:
    """Give a marketing mail its unsubscribe link: visible in both parts, and as one-click headers (RFC 8058)."""
    token = await create_link(uow, UNSUBSCRIBE, data={"address": recipient})
    url = f"{uow.kernel.config.url}/public/mail/unsubscribe/{token}"
    words = _("Unsubscribe").to(locale)
    text = f"{mail.text.rstrip()}\n\n-- \n{words}: {url}\n"
    html = mail.html
    if html:
        line = f'<p style="font-size:12px"><a href="{url}">{words}</a></p>'
        head, body_end, tail = html.rpartition("</body>")
        html = f"{head}{line}{body_end}{tail}" if body_end else f"{html}{line}"
    headers = {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return msgspec.structs.replace(mail, text=text, html=html), headers


def may_read(row: MailRow) -> bool:
    """Return whether those who look after mail may read its text: not what signs somebody in, unless it was caught.

    Who reads another's password link could take their account; a catcher is for trying things out.
    """
    return row.kind != "security" or row.state == State.caught


async def send_test(uow: UnitOfWork, to: str) -> UUID:
    """Send a test mail that says when and by whom it was asked for."""
    return await send_template(
        uow, "core/mail/test", to=to, kind="transactional", purpose="core.mail_test", who=uow.actor.name or "CRM",
        when=uow.now,
    )  # fmt: skip


async def get(uow: UnitOfWork, mail_id: UUID) -> MailRow:
    """Return a mail of the ledger; MailUnknown when there is none."""
    row = await uow.session.get(MailRow, mail_id)
    if row is None:
        raise MailUnknown(_("There is no such mail."))
    return row


async def delete_bodies(uow: UnitOfWork, days: int, limit: int = 1000) -> int:
    """Empty text and HTML of up to `limit` ended mails older than `days`; return how many, 0 when all are done."""
    old = (
        sa.select(MailRow.id)
        .where(
            MailRow.created_at < uow.now - timedelta(days=days),
            MailRow.state.not_in((State.queued, State.sending)),
            sa.or_(MailRow.text != "", MailRow.html != "", MailRow.secret_body.is_not(None)),
        )
        .limit(limit)
    )
    done = await uow.session.execute(
        sa.update(MailRow).where(MailRow.id.in_(old)).values(text="", html="", secret_body=None, headers={}),
        execution_options={"synchronize_session": False},
    )
    return done.rowcount  # type: ignore[attr-defined,no-any-return]  # a cursor result


async def retry(uow: UnitOfWork, mail_id: UUID) -> None:
    """Send a mail (again) that failed, was suppressed, waits, or whose outcome is unknown; a person decides that.

    The Message-ID stays, so that a second copy of an ambiguous mail can be told as one.
    """
    row = await uow.session.get(MailRow, mail_id, with_for_update=True)
    if row is None:
        raise MailUnknown(_("There is no such mail."))
    if row.state not in RETRYABLE or not (row.text or row.secret_body):
        raise MailNotRetryable(_("This mail cannot be sent again."))
    row.state, row.claim, row.attempts, row.error = State.queued, None, 0, ""
    row.due_at, row.ended_at = uow.now, None
    await uow.cancel(job_key(mail_id))
    await uow.enqueue(SendMail(mail_id=mail_id), key=job_key(mail_id))


async def pause(uow: UnitOfWork, reason: str) -> None:
    """Stop all sending until `resume`; what is enqueued waits. `reason` is shown to people."""
    value = msgspec.to_builtins(queries.Pause(reason=reason, since=uow.now))
    await _clear_pause(uow)
    uow.session.add(Setting(scope="system", user_id=NOBODY, name=queries.PAUSE, value=value))
    await uow.emit(OutgoingPaused(reason=reason))


async def resume(uow: UnitOfWork, *, discard: bool = False) -> int:
    """Let sending go on; with `discard` what waits is given up first. Return how many mails those were."""
    if await queries.paused(uow) is None:
        return 0
    await _clear_pause(uow)
    discarded = 0
    if discard:
        given_up = {"state": State.failed, "error": "discarded when sending was resumed", "ended_at": uow.now}
        done = await uow.session.execute(
            sa.update(MailRow).where(MailRow.state == State.queued).values(due_at=None, **given_up)
        )
        discarded = done.rowcount  # type: ignore[attr-defined]  # a cursor result
    await uow.emit(OutgoingResumed(discarded=discarded, everything=discard))
    return discarded


async def _clear_pause(uow: UnitOfWork) -> None:
    mine = (Setting.scope == "system", Setting.user_id == NOBODY, Setting.name == queries.PAUSE)
    await uow.session.execute(sa.delete(Setting).where(*mine))
