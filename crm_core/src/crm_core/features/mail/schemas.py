"""What a mail is made of, and the call of the job that sends it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal
from uuid import UUID

import msgspec

from crm_core.plugin import JobCall, Ref

Kind = Literal["transactional", "marketing", "security"]


class State(StrEnum):
    """Where a mail stands. `ambiguous`: the server may have it or not, and it is never sent again by itself."""

    queued = "queued"
    sending = "sending"
    sent = "sent"
    ambiguous = "ambiguous"
    failed = "failed"
    suppressed = "suppressed"
    caught = "caught"


class Reason(StrEnum):
    """Why an address is suppressed."""

    unsubscribe = "unsubscribe"
    bounce = "bounce"
    complaint = "complaint"


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the blob store: `await kernel.blobs.put(…)` before the transaction gives hash and size in bytes."""

    name: str
    media_type: str
    sha256: str
    size: int


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail to one address.

    kind: "security" are sign-in, password and signing codes: they reach suppressed addresses too, and their
    text is kept sealed, and only until it was sent. purpose: what it is for, "core.password_reset".
    about: records it belongs to, the first being its main one; it shows on their timelines.
    locale: language of what we add ourselves; empty: that of the unit of work.
    """

    to: str
    subject: str
    text: str
    kind: Kind
    purpose: str
    html: str = ""
    about: tuple[Ref, ...] = ()
    reply_to: str = ""
    attachments: tuple[Attachment, ...] = ()
    locale: str = ""


class SendMail(JobCall, frozen=True, kw_only=True):
    """Hand a mail of the ledger to the transport."""

    mail_id: UUID
