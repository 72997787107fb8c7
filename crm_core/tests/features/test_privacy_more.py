"""Places beyond the person's own record, each with a marker of its own, and what must not be taken from others."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.features.mail import public as mail
from crm_core.features.privacy import places, walk
from crm_core.features.privacy.looking import holds
from crm_core.features.privacy.stores import remembered
from crm_core.features.web_forms.models import WebFormSubmission
from crm_core.kernel import Kernel


async def erased(kernel: Kernel, api: Any, jobs: Any, path: str) -> dict[str, Any]:
    await api.post(f"{path}/erase", {"reason": "asked to by letter"}, status=200)
    await jobs()
    receipt: dict[str, Any] = (await api.get("/privacy/erasures"))["items"][0]
    assert receipt["ended_at"] is not None
    return receipt


async def left_over(kernel: Kernel, marks: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    async with kernel.db.read.connect() as connection:
        for table in await walk.tables(kernel):
            text = str([tuple(r) for r in (await connection.execute(sa.select(table))).all()]).lower()
            if hits := {m for m in marks if m in text}:
                found[table.name] = hits
    files = [kernel.config.folder]
    if kernel.config.sqlite:
        files.append(kernel.config.database_file)
    for path in (p for f in files for p in ([f] if f.is_file() else f.rglob("*")) if p.is_file()):
        if hits := {m for m in marks if m.encode() in path.read_bytes().lower()}:
            found[path.name] = hits
    return found


async def test_nothing_is_left_in_the_places_beyond_the_record(kernel: Kernel, api: Any, jobs: Any) -> None:
    marks = {
        n: f"mk{n}qz"
        for n in ("oldmail", "reply", "filename", "filebytes", "mailto", "approval", "tag", "participant", "lead")
    }
    person = await api.post("/contacts", {
        "first_name": "Ada", "last_name": "Kingsley", "tags": [marks["tag"]],
        "emails": [{"address": f"{marks['oldmail']}@example.test"}, {"address": "ada@example.test"}],
    })  # fmt: skip
    path, about = f"/contacts/{person['id']}", f"core.contact:{person['id']}"
    comment = await api.post("/comments", {"body": "See the file", "parent": about})
    upload = {"file": (f"{marks['filename']}.txt", marks["filebytes"].encode(), "text/plain")}
    await api.send("POST", "/files/upload", 201, files=upload, data={"parent": f"core.comment:{comment['id']}"})
    task = await api.post("/activities", {"kind": "note", "subject": "Call", "parent": about})
    await api.post("/comments", {"body": marks["reply"], "parent": f"core.activity:{task['id']}"})
    stage = (await api.get("/stages"))["items"][0]["id"]
    deal = await api.post("/deals", {"name": "Pumps", "stage_id": stage})
    await api.post("/comments", {
        "body": f"Ask {marks['oldmail']}@example.test, or Kingsley, Ada", "parent": f"core.deal:{deal['id']}",
    }, headers={"Idempotency-Key": f"{marks['oldmail']}@example.test"})  # fmt: skip
    await api.post("/activities", {
        "kind": "meeting", "subject": "Plan", "parent": f"core.deal:{deal['id']}",
        "participants": [{"contact_id": person["id"], "name": marks["participant"]}],
    })  # fmt: skip
    changed = await api.get(path)
    await api.patch(
        path, {"emails": [{"address": "ada@example.test"}]}, headers={"If-Match": f'"{changed["version"]}"'}
    )
    lead = await api.post("/leads", {"name": "Ada Kingsley", "description": marks["lead"]})
    async with kernel.write(system("test")) as uow:
        leads = metadata.tables["core_lead"]
        await uow.session.execute(
            sa.update(leads).where(leads.c.id == UUID(lead["id"])).values(contact_id=UUID(person["id"]))
        )
        await mail.send(uow, mail.Mail(
            to="ada@example.test", subject="Hello", text=marks["mailto"], kind="transactional", purpose="test",
        ))  # fmt: skip
        approvals = metadata.tables["core_approval"]
        await uow.session.execute(sa.insert(approvals).values(
            entity="core.contact", record_id=UUID(person["id"]), title="Discount", reason=marks["approval"], fields=[],
        ))  # fmt: skip
    await jobs()
    used = list(marks.values())
    before = await left_over(kernel, used)
    assert set(used) - set.union(*before.values()) == set()
    await erased(kernel, api, jobs, path)
    assert await left_over(kernel, used) == {}
    assert (await api.get(f"/deals/{deal['id']}"))["name"] == "Pumps"
    assert {str(r) for r in remembered(kernel.config.folder)[0][0]} == {about, f"core.lead:{lead['id']}"}
    print(f"\nN = {len(used)} markers, 0 left")


async def test_a_namesake_and_a_user_with_the_same_address_keep_theirs(kernel: Kernel, api: Any, jobs: Any) -> None:
    body = {"first_name": "Ada", "last_name": "Kingsley"}
    one = await api.post("/contacts", {**body, "emails": [{"address": "info@acme.test"}]})
    other = await api.post("/contacts", {**body, "emails": [{"address": "info@acme.test"}]})
    receipt = await erased(kernel, api, jobs, f"/contacts/{one['id']}")
    found = await api.get(f"/contacts/{other['id']}")
    assert (found["name"], found["emails"][0]["address"]) == ("Ada Kingsley", "info@acme.test")
    assert receipt["kept"]["shared"]["ids"] == [f"core.contact:{other['id']}"]


async def test_a_submission_is_erased_with_who_sent_it_and_not_with_a_namesake_of_the_mailbox(
    kernel: Kernel, api: Any, jobs: Any
) -> None:
    people = [{"last_name": n, "emails": [{"address": "info@acme.test"}]} for n in ("Kingsley", "Miller")]
    one, other = [await api.post("/contacts", p) for p in people]
    fields = [{"field": "name", "is_required": True}, {"field": "email"}]
    form = await api.post("/web-forms", {"name": "Contact", "fields": fields})
    sent = {"form_id": UUID(form["id"]), "email": "info@acme.test", "email_f": "info@acme.test"}
    async with kernel.write(system("test")) as uow:
        of_other = {"record_entity": "core.contact", "record_id": UUID(other["id"])}
        rows = [WebFormSubmission(**sent, answers="mkopenqz"),
                WebFormSubmission(**sent, **of_other, answers="mkotherqz")]  # fmt: skip
        uow.session.add_all(rows)
    await erased(kernel, api, jobs, f"/contacts/{one['id']}")
    left = await left_over(kernel, ["mkopenqz", "mkotherqz"])
    assert left["core_web_form_submission"] == {"mkotherqz"}


async def test_every_column_that_can_hold_words_is_decided(kernel: Kernel) -> None:
    assert places.undecided(kernel.registry, await walk.tables(kernel)) == []
    assert places.stale() == []


def test_a_new_column_waits_for_a_decision(kernel: Kernel) -> None:
    table = sa.Table("core_new", sa.MetaData(), sa.Column("remark", sa.Text), sa.Column("n", sa.Integer))
    assert places.undecided(kernel.registry, [table]) == ["core_new.remark"]


async def test_a_damaged_archive_is_for_somebody_to_look_at(tmp_path: Path) -> None:
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "nothing of interest " * 500)
    whole = bytearray(path.read_bytes())
    whole[35:60] = b"\xff" * 25
    path.write_bytes(whole)
    assert await holds(path, ["Morgenstern"]) is None
