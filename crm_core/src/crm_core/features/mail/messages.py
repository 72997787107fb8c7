"""From a ledger row to the bytes that travel. Headers are encoded here, word by word, by the older `email` API.

The newer one decodes encoded words inside values it is given: a subject with `=?utf-8?q?=0aBcc:…?=` would
become a line break in memory. Here whatever looks so, and whatever is not ASCII, is encoded once more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import encoders, policy
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime

from crm_core.db.types import utcnow
from crm_core.features.mail.models import MailRow
from crm_core.features.mail.server import MailSettings

# Lines are folded in `words` only: the generator would put a long link on a line of its own, below an empty one.
POLICY = policy.compat32.clone(linesep="\r\n", max_line_length=0)
FOLD = 76
LOGO = "cid:crm-logo"
MEDIA_TYPE = re.compile(r"(application|audio|font|image|text|video)/[A-Za-z0-9.+-]{1,100}")


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment with its bytes."""

    name: str
    media_type: str
    data: bytes


def built(
    row: MailRow, body: tuple[str, str], parts: Sequence[Part], settings: MailSettings, logo: bytes = b""
) -> bytes:
    """Return the message with CRLF line ends: text, HTML beside it, attachments after them.

    logo: the PNG that HTML names as `cid:crm-logo`; b"" for none.
    """
    text, html = body
    message: MIMEMultipart | MIMEText = MIMEText(text, "plain", "utf-8")
    if html:
        both = MIMEMultipart("alternative")
        both.attach(message)
        both.attach(
            _with_logo(MIMEText(html, "html", "utf-8"), logo) if LOGO in html else MIMEText(html, "html", "utf-8")
        )
        message = both
    if parts:
        mixed = MIMEMultipart("mixed")
        mixed.attach(message)
        for part in parts:
            mixed.attach(_attached(part))
        message = mixed
    message["From"] = mailbox(settings.sender_name, settings.sender_address)
    message["To"] = row.recipient
    if row.reply_to:
        message["Reply-To"] = row.reply_to
    message["Subject"] = words(row.subject, "Subject")
    message["Date"] = format_datetime(utcnow())
    message["Message-ID"] = row.message_id
    if row.kind != "marketing":
        message["Auto-Submitted"] = "auto-generated"
    for name, value in row.headers.items():
        message[name] = value
    return message.as_bytes(policy=POLICY)


def words(text: str, name: str) -> str:
    """Return free text as a header's value: plain ASCII as it is, everything else in folded encoded words."""
    if text.isascii() and "=?" not in text:
        return text
    return Header(text, "utf-8", header_name=name).encode(maxlinelen=FOLD, linesep="\r\n")


def mailbox(name: str, address: str) -> str:
    """Return `name <address>` with the name quoted or encoded; both were checked before."""
    if not name:
        return address
    if name.isascii() and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{words(name, 'From')}\r\n <{address}>"


def _with_logo(html: MIMEText, logo: bytes) -> MIMEText | MIMEMultipart:
    """Return HTML and its picture as one part; nothing is fetched when the mail is read."""
    if not logo:
        return html  # taken away since: the name stands in its place
    both, picture = MIMEMultipart("related"), MIMEBase("image", "png")
    picture.set_payload(logo)
    encoders.encode_base64(picture)
    picture.add_header("Content-ID", f"<{LOGO.removeprefix('cid:')}>")
    picture.add_header("Content-Disposition", "inline", filename="logo.png")
    both.attach(html)
    both.attach(picture)
    return both


def _attached(part: Part) -> MIMEBase:
    known = part.media_type if MEDIA_TYPE.fullmatch(part.media_type) else "application/octet-stream"
    main, _slash, sub = known.partition("/")
    made = MIMEBase(main, sub)
    made.set_payload(part.data)
    encoders.encode_base64(made)
    plain = part.name.isascii() and part.name.replace(" ", "").replace(".", "").replace("-", "").isalnum()
    made.add_header("Content-Disposition", "attachment", filename=part.name if plain else ("utf-8", "", part.name))
    return made
