"""What a mail is made of, and the call of the job that sends it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

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


class ReviveMails(JobCall, frozen=True, kw_only=True):
    """Enqueue what waits or is on its way without an unfinished job, such as one that died with its process."""


class ServerIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How mail leaves, as typed. An empty password keeps the one there is; it is never given back."""

    transport: str = ""
    host: Annotated[str, Meta(title="SMTP server", description="smtp.example.com; empty: mails are kept here")] = ""
    port: Annotated[int, Meta(title="Port", ge=1, le=65535)] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(title="Encryption", extra={"labels": {"starttls": "STARTTLS", "tls": "TLS", "none": "None"}}),
    ] = "starttls"
    user: Annotated[str, Meta(title="User", max_length=255)] = ""
    password: str = ""
    sender_address: Annotated[str, Meta(title="Sender address", extra={"kind": "email"})] = ""
    sender_name: Annotated[str, Meta(title="Sender name", max_length=100)] = ""


class ServerOut(msgspec.Struct, kw_only=True):
    """How mail leaves. chosen: the transport in use; paused: why nothing is sent at present."""

    transport: str
    host: str
    port: int
    security: str
    user: str
    sender_address: str
    sender_name: str
    password_set: bool
    chosen: str
    paused: str = ""


class MailOut(msgspec.Struct, kw_only=True):
    """A mail of the ledger as listed."""

    id: UUID
    created_at: datetime
    state: str
    kind: str
    purpose: str
    recipient: str
    subject: str
    attempts: int
    error: str
    notice: str
    message_id: str
    due_at: datetime | None
    ended_at: datetime | None


class MailDetail(MailOut, kw_only=True):
    """A mail with its parts; both are empty for what only the recipient may read, and once they were deleted."""

    text: str
    html: str
    about: list[str]
    transport: str


class TestMail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a test mail goes to."""

    to: str


class PauseIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why sending stops; shown to people."""

    reason: str


class ResumeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the mails that wait are given up before sending goes on."""

    discard: bool = False
