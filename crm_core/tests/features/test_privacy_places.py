"""Places that other engines write to, each with a marker of its own: views, reminders, notices, logs, reports, PDF."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.db.types import new_id, utcnow
from crm_core.features.mail import public as mail
from crm_core.features.privacy import walk
from crm_core.features.privacy.looking import holds
from crm_core.kernel import Kernel
from crm_core.plugin import Ref
from pypdf import PdfReader
from reportlab.pdfgen.canvas import Canvas

PLACES = (
    "view", "reminder", "notification", "webhook", "form", "report", "attachment", "pdf", "ticket", "filter",
)  # fmt: skip
MARKS = {place: f"mk{place}qz" for place in PLACES}


def address(place: str) -> str:
    return f"{MARKS[place]}@example.test"


def pdf(text: str) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pageCompression=1)
    canvas.drawString(72, 700, text)
    canvas.save()
    return out.getvalue()


async def stored(kernel: Kernel, content: bytes) -> Any:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return await kernel.blobs.put(chunks())


async def plant(kernel: Kernel, api: Any, jobs: Any) -> str:
    """Return the contact whose addresses are in all these places."""
    person = await api.post("/contacts", {
        "first_name": "Ada", "last_name": "Kingsley", "emails": [{"address": address(p)} for p in PLACES],
    })  # fmt: skip
    key, about = UUID(person["id"]), f"core.contact:{person['id']}"
    wanted = {"field": "emails.address", "op": "is", "value": address("filter")}
    await api.post("/views", {"name": f"Of {address('view')}", "entity": "core.contact", "state": {"filter": wanted}})
    await api.post("/reminders", {"about": about, "at": "2031-01-01T09:00:00Z", "note": MARKS["reminder"]})
    rows = f"last_name,email,company\nOther,{address('report')},No such company\n".encode()
    await api.post("/imports", status=202, params={"entity": "deals", "map": "email=amount"}, content=rows)
    await jobs()
    deal = await api.post("/deals", {"name": "Pumps"})
    upload = {"file": ("offer.pdf", pdf(f"For {address('pdf')}"), "application/pdf")}
    await api.send("POST", "/files/upload", 201, files=upload, data={"parent": f"core.deal:{deal['id']}"})
    webhook = await api.post("/webhooks", {"name": "Out", "url": "https://example.com/", "events": "core.contact.*"})
    form = await api.post("/web-forms", {
        "name": "Ask", "target": "core.contact", "allowed_hosts": "www.example.com",
        "fields": [{"field": "last_name", "is_required": True}],
    })  # fmt: skip
    blob = await stored(kernel, f"Dear {MARKS['attachment']}".encode())
    async with kernel.write(system("test")) as uow:
        tables, me = metadata.tables, uow.session
        user = await me.scalar(sa.select(tables["core_user"].c.id).limit(1))
        await me.execute(sa.insert(tables["core_notification"]).values(
            user_id=user, event="x", cause=new_id(), kind="core.mention", strength=1, entity="core.contact",
            record_id=key, message={"text": f"about {MARKS['notification']}"}, delivered_at=utcnow(),
        ))  # fmt: skip
        await me.execute(sa.insert(tables["core_webhook_delivery"]).values(
            webhook_id=UUID(webhook["id"]), message_id="m", type="core.contact.updated", entity="core.contact",
            record_id=key, state="failed", response=f"unknown: {MARKS['webhook']}", error="422",
        ))  # fmt: skip
        await me.execute(sa.insert(tables["core_web_form_submission"]).values(
            form_id=UUID(form["id"]), subject=MARKS["form"], answers=f"I am {MARKS['form']}",
            record_entity="core.contact", record_id=key,
        ))  # fmt: skip
        await me.execute(sa.update(tables["core_job"]).values(note=f"to {address('ticket')}"))
        kept = mail.Attachment(name="a.txt", media_type="text/plain", sha256=blob.sha256, size=blob.size)
        await mail.send(uow, mail.Mail(
            to=address("view"), subject="Hello", text="Hello", kind="transactional", purpose="test",
            attachments=(kept,), about=(Ref.parse(about),),
        ))  # fmt: skip
    await jobs()
    return about


async def left(kernel: Kernel) -> dict[str, set[str]]:
    """Return which markers are where: a table, or "files" (PDF unpacked)."""
    found: dict[str, set[str]] = {}
    async with kernel.db.read.connect() as connection:
        for table in await walk.tables(kernel):
            text = str([tuple(r) for r in (await connection.execute(sa.select(table))).all()]).lower()
            for place, mark in MARKS.items():
                if mark in text:
                    found.setdefault(place, set()).add(table.name)
    for path in (p for p in kernel.config.files.rglob("*") if p.is_file()):
        content = path.read_bytes()
        text = content.decode("latin-1")
        if content.startswith(b"%PDF"):
            text += "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
        for place, mark in MARKS.items():
            if mark in text:
                found.setdefault(place, set()).add("files")
    return found


async def test_no_marker_is_left_where_other_engines_write(kernel: Kernel, api: Any, jobs: Any) -> None:
    about = await plant(kernel, api, jobs)
    before = await left(kernel)
    expected = {
        "view": "core_view", "filter": "core_view", "reminder": "core_reminder", "notification": "core_notification",
        "webhook": "core_webhook_delivery", "form": "core_web_form_submission", "report": "core_job",
        "attachment": "files", "pdf": "files", "ticket": "core_job",
    }  # fmt: skip
    assert {p for p, where in expected.items() if where not in before.get(p, ())} == set()
    await api.post(f"/contacts/{about.partition(':')[2]}/erase", {"reason": "asked"}, status=200)
    await jobs()
    assert await left(kernel) == {"pdf": {"files"}}  # another record's: it stays until somebody has looked at it
    receipt = (await api.get("/privacy/erasures"))["items"][0]
    assert receipt["kept"]["core_file"]["ids"] == [(await api.get("/files"))["items"][0]["id"]]
    print(f"\nN = {len(MARKS)} markers, 0 left but the one in a deal's file, which the receipt names")


async def test_words_in_a_packed_pdf_are_found(kernel: Kernel) -> None:
    blob = await stored(kernel, pdf("For Ada Kingsley"))
    assert await holds(kernel.blobs.path(blob.sha256), ["Ada Kingsley"])
