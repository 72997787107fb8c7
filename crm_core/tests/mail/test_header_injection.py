"""T9: nothing anybody types becomes another recipient or another header. N: 5,000 messages, a twentieth in CI."""

from __future__ import annotations

import email
import email.policy
import random
from email.header import decode_header, make_header
from typing import Any

import pytest
from crm_core.auth.actor import system
from crm_core.errors import Invalid
from crm_core.features.mail import public as mail
from crm_core.features.mail import server
from crm_core.kernel import Kernel

BREAKS = (
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\u2028",
    "\u2029",
    "\x85",
    "\x0b",
    "\x0c",
    "\x1c",
    "\r\n ",
    "\n\t",
    "%0d%0a",
    "\\r\\n",
)
PAYLOADS = (
    "Bcc: victim@evil.test", "To: victim@evil.test", "Subject: other", "X-Evil: 1", ".", "", "Content-Type: text/html",
    "=?utf-8?q?=0d=0aBcc:_victim@evil.test?=", "=?utf-8?b?DQpCY2M6IHZpY3RpbUBldmlsLnRlc3Q=?=", "=?us-ascii?q?=0A?=",
    "RCPT TO:<victim@evil.test>", "<victim@evil.test>", ",victim@evil.test", ";victim@evil.test",
)  # fmt: skip
ADDRESSES = (
    "good@example.test", "a.b+c@example.test", '"a b"@example.test', "a@b@example.test", "Group: a@x.test, b@x.test;",
    "Ann <ann@example.test>", "ann@example.test, bob@example.test", "ann@example.test>,<bob@evil.test", "(c)a@x.test",
    "a@[127.0.0.1]", "a@exa mple.test", "a@", "@x.test", f"{'l' * 2000}@example.test", f"a@{'d' * 300}.test",
    "ä@example.test", "a@müller.test", "a@evil.test\u3002good.test", "victim@evil.test\u2028@example.test",
    "=?utf-8?q?a?=@example.test", "a@example.test BODY=8BITMIME", "<a@example.test>", "a@example.test\t", "..@x.test",
)  # fmt: skip
WORDS = (
    "Angebot",
    "Ünïcödé",
    "日本語の件名",
    "😀",
    "plain words",
    "a" * 120,
    '"quoted"',
    "=?not really?=",
    "x: y",
    "ﬀ",
)
TYPES = ("text/plain", "application/pdf", "x", "message/rfc822", "multipart/mixed; boundary=x", "text/html; a=b")
OURS = {
    "content-type", "mime-version", "content-transfer-encoding", "from", "to", "reply-to", "subject", "date",
    "message-id", "auto-submitted", "list-unsubscribe", "list-unsubscribe-post",
}  # fmt: skip


def text(chance: random.Random) -> str:
    """Return what somebody types into a field: words, with or without something nasty in the middle."""
    parts = [chance.choice(WORDS)]
    if chance.random() < 0.15:
        parts += [chance.choice(BREAKS), chance.choice(PAYLOADS)]
    elif chance.random() < 0.7:
        parts += [" ", chance.choice(PAYLOADS)]
    parts += [chance.choice(WORDS)]
    return "".join(parts)


def address(chance: random.Random) -> str:
    found = chance.choice(ADDRESSES)
    if chance.random() < 0.3:
        at = chance.randrange(len(found) + 1)
        found = found[:at] + chance.choice(BREAKS) + chance.choice(PAYLOADS) + found[at:]
    return found


@pytest.mark.counted
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.timeout(1800)
async def test_no_typed_text_becomes_a_recipient_or_a_header(kernel: Kernel, smtp: Any, jobs: Any, full: bool) -> None:
    count = 5000 if full else 250
    chance = random.Random(20261122)
    wanted: dict[str, dict[str, str]] = {}
    refused = 0
    blob = await kernel.blobs.put(_bytes(b"content"))
    for n in range(count):
        async with kernel.write(system("test")) as uow:
            if n % 50 == 0:
                name = text(chance)
                given = server.MailSettings(
                    host="127.0.0.1",
                    port=smtp.port,
                    security="none",
                    sender_address="crm@example.test",
                    sender_name=name,
                )
                try:
                    await server.save(uow, given)
                except Invalid:
                    refused += 1
            to = address(chance) if chance.random() < 0.3 else f"user{n}@example.test"
            reply_to = address(chance) if chance.random() < 0.2 else ""
            subject, file = text(chance), text(chance)
            kind: Any = chance.choice(("transactional", "marketing"))
            written = mail.Mail(
                to=to, subject=subject, text=text(chance), html=text(chance), kind=kind,
                purpose="core.test", reply_to=reply_to,
                attachments=(mail.Attachment(name=file, media_type=chance.choice(TYPES), sha256=blob.sha256, size=7),),
            )  # fmt: skip
            try:
                mail_id = await mail.send(uow, written)
            except Invalid:
                refused += 1
                continue
        wanted[mail_id.hex] = {"subject": subject, "file": file, "to": to, "reply_to": reply_to}
    await jobs()
    faults = [fault for taken in smtp.taken for fault in faults_of(taken, wanted)]
    print(f"T9: N = {count} generated messages: {refused} refused, {len(smtp.taken)} received, {len(faults)} faults")
    assert faults == []
    assert len(smtp.taken) == len(wanted)
    assert refused > count / 4
    assert len(wanted) > count / 4


def faults_of(taken: Any, wanted: dict[str, dict[str, str]]) -> list[str]:
    """Compare what arrived with what was meant, with a parser that decodes nothing by itself."""
    message = email.message_from_bytes(taken.raw, policy=email.policy.compat32)
    meant = wanted[str(message["Message-ID"]).strip("<>").partition("@")[0]]
    local, _at, domain = meant["to"].strip(" ").rpartition("@")
    to = f"{local}@{domain.encode('idna').decode().lower()}"
    faults = []
    if taken.recipients != [to]:
        faults.append(f"recipients {taken.recipients} for {meant['to']!r}")
    names = [name.lower() for name, _value in message.items()]
    if set(names) - OURS or len(names) != len(set(names)):
        faults.append(f"headers {names}")
    if str(message["To"]) != to:
        faults.append(f"To {message['To']!r}")
    if str(make_header(decode_header(message["Subject"]))) != meant["subject"]:
        faults.append(f"Subject {message['Subject']!r} for {meant['subject']!r}")
    if (message["Reply-To"] or "") != meant["reply_to"].strip(" ") and meant["reply_to"].isascii():
        faults.append(f"Reply-To {message['Reply-To']!r}")
    if message.get_all("From", [""])[0].count("crm@example.test") != 1:
        faults.append(f"From {message['From']!r}")
    parts = [part for part in message.walk() if not part.is_multipart()]
    if len(parts) != 3 or {n.lower() for p in parts for n in p} - OURS - {"content-disposition"}:
        faults.append(f"parts {[p.items() for p in parts]}")
    elif parts[2].get_filename() != meant["file"]:
        faults.append(f"file {parts[2].get_filename()!r} for {meant['file']!r}")
    return faults


async def _bytes(data: bytes) -> Any:
    yield data
