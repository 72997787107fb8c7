"""Files and pools of web forms: what is checked and stored when, who gets the record, what nobody may lose."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from crm_assignment import SYSTEM, a_pool
from crm_core.features.assignment.models import Assignment
from crm_core.features.files.models import File
from crm_core.features.leads.models import Lead
from crm_core.features.mail.models import MailRow
from crm_core.features.notifications.models import Notification
from crm_core.features.web_forms.models import WebForm, WebFormSubmission
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People

SITE = {"origin": "https://www.example.com"}
GOOD = {"name": "Ada Lovelace", "email": "ada@example.org"}
FIELDS = [
    {"field": "name", "is_required": True}, {"field": "email", "is_required": True},
    {"field": "file_1", "label": "Your plan", "is_required": True}, {"field": "file_2", "label": "A photo"},
]  # fmt: skip
PDF = ("plan.pdf", b"%PDF-1.7 plan", "application/pdf")


@pytest.fixture(autouse=True)
def patient(kernel: Kernel) -> None:
    """Every request counts in a minute of its own."""
    clock = itertools.count(1_000_000, 60)
    kernel.limits.clock = lambda: float(next(clock))
    kernel.db.write_limit = None  # a busy machine is no fault of the forms


async def a_form(kernel: Kernel, api: Api, **values: Any) -> str:
    form = await api.post(
        "/web-forms", {"name": "Plans", "allowed_hosts": "www.example.com", "fields": FIELDS, **values}
    )
    async with kernel.read(SYSTEM) as uow:
        token = await uow.session.scalar(sa.select(WebForm.token).where(WebForm.name == form["name"]))
    return f"/public/forms/{token}"


async def rows(kernel: Kernel, model: Any) -> list[Any]:
    async with kernel.read(SYSTEM) as uow:
        return list(await uow.session.scalars(sa.select(model).order_by(model.id)))


def stored(kernel: Kernel) -> list[str]:
    """Return the names of all stored bytes."""
    folder = kernel.config.folder / "files"
    return [p.name for p in folder.rglob("*") if p.is_file()] if folder.exists() else []


async def test_files_are_checked_stored_and_hang_on_the_lead(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    admin = await as_user("admin")
    path = await a_form(kernel, admin.api)
    page = (await client.get(path + "/")).text
    assert f'action="{path}/files" enctype="multipart/form-data"' in page
    assert page.count('type="file"') == 2
    sent = await client.post(f"{path}/files", data=GOOD, files={"file_1": PDF}, headers=SITE)
    assert sent.status_code == 200, sent.text
    (lead,) = await rows(kernel, Lead)
    (file,) = await rows(kernel, File)
    assert stored(kernel) == [file.sha256.hex() if isinstance(file.sha256, bytes) else file.sha256]
    assert (file.name, file.media_type, file.parent_entity, file.parent_id) == (
        "plan.pdf", "application/pdf", "core.lead", lead.id,
    )  # fmt: skip
    assert (await admin.client.get(f"/api/v1/files/{file.id}/content")).content == PDF[1]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (None, "This is required."),
        (("plan.pdf", b"", "application/pdf"), "plan.pdf is empty."),
        (("page.html", b"<script>alert(1)</script>", "application/pdf"), "page.html is not one of: PDF"),
        (("virus.exe", b"MZ\x90\x00", "application/pdf"), "virus.exe is not one of: PDF"),
        (("plan.pdf", b"MZ\x90\x00 no pdf", "application/pdf"), "plan.pdf is not one of: PDF"),
        (
            ("plan.pdf", b"%PDF-" + b"x" * (10 * 2**20), "application/pdf"),
            "plan.pdf is too large: 10 MB",
        ),
    ],
    ids=["missing", "empty", "html", "program", "disguised", "large"],
)
async def test_files_that_a_form_does_not_take_come_back_and_are_not_stored(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient, file: Any, words: str
) -> None:
    path = await a_form(kernel, (await as_user("admin")).api)
    given = {"file_1": file} if file else {"file_2": PDF}
    answer = await client.post(f"{path}/files", data=GOOD, files=given, headers=SITE)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Ada Lovelace"' in answer.text
    assert (await rows(kernel, Lead), await rows(kernel, File), stored(kernel)) == ([], [], [])


async def test_large_bodies_are_taken_by_forms_with_files_only(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await a_form(kernel, (await as_user("admin")).api, fields=FIELDS[:2])
    assert (await client.post(f"{path}/files", data=GOOD, files={"file_1": PDF}, headers=SITE)).status_code == 404
    large = await client.post(path + "/", data={**GOOD, "x": "y" * 300_000}, headers=SITE)
    assert large.status_code == 413
    assert await rows(kernel, Lead) == []


async def test_with_confirmation_nothing_is_stored_before_it_and_files_are_asked_for_there(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await a_form(kernel, (await as_user("admin")).api, is_double_opt_in=True)
    page = (await client.get(path + "/")).text
    assert 'type="file"' not in page
    assert "You can add files once you have confirmed your address." in page
    sent = await client.post(path + "/", data=GOOD, files={"file_1": PDF}, headers=SITE)
    assert sent.status_code == 200, sent.text
    assert (await rows(kernel, Lead), await rows(kernel, File), stored(kernel)) == ([], [], [])
    (mail,) = await rows(kernel, MailRow)
    link = re.search(r"/public/form-confirm/[\w-]+", str(mail.__dict__))
    assert link is not None
    asked = (await client.get(link[0])).text
    assert asked.count('type="file"') == 2
    refused = await client.post(link[0], files={"file_1": ("x.exe", b"MZ\x90", "application/pdf")})
    assert (refused.status_code, "x.exe is not one of" in refused.text) == (422, True)
    assert stored(kernel) == []
    done = await client.post(link[0], files={"file_1": PDF})
    assert done.status_code == 200, done.text
    (lead,) = await rows(kernel, Lead)
    assert [(x.name, x.parent_id) for x in await rows(kernel, File)] == [("plan.pdf", lead.id)]


async def test_record_that_cannot_be_made_keeps_its_files_until_somebody_accepts_it(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    admin = await as_user("admin")
    path = await a_form(kernel, admin.api, is_double_opt_in=True)
    await client.post(path + "/", data=GOOD, headers=SITE)
    (mail,) = await rows(kernel, MailRow)
    link = re.search(r"/public/form-confirm/[\w-]+", str(mail.__dict__))
    assert link is not None
    field = await admin.api.post(
        "/custom-fields",
        {"entity": "core.lead", "name": "region", "label": "Region", "kind": "text", "is_required": True},
    )
    await client.post(link[0], files={"file_1": PDF})
    (row,) = await rows(kernel, WebFormSubmission)
    (file,) = await rows(kernel, File)
    assert (row.state, file.parent_entity, file.parent_id) == ("failed", "core.web_form_submission", row.id)
    await admin.api.delete(f"/custom-fields/{field['id']}")
    await admin.api.post(f"/web-form-submissions/{row.id}/accept", status=200)
    (lead,) = await rows(kernel, Lead)
    (file,) = await rows(kernel, File)
    assert (file.parent_entity, file.parent_id) == ("core.lead", lead.id)


async def test_plain_code_of_a_form_with_files_sends_them(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    import html

    admin = await as_user("admin")
    await a_form(kernel, admin.api)
    (form,) = await rows(kernel, WebForm)
    shown = html.unescape((await admin.client.get(f"/web-forms/{form.id}/embed")).text)
    action = re.search(r'<form action="([^"]+)" enctype|<form action="([^"]+)" (?:enctype|method)', shown)
    assert action is not None
    assert '<input type="file" name="file_1" accept="application/pdf,' in shown
    address = (action[1] or action[2]).split('"')[0]
    assert address.endswith("/files")
    assert (await client.post(address, data=GOOD, files={"file_1": PDF}, headers=SITE)).status_code == 200


async def test_form_gives_its_records_out_by_a_pool_and_keeps_them_when_it_does_not_take_them(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    admin, ann, bob = await as_user("admin"), await as_user("sales", "ann"), await as_user("sales", "bob")
    only = json.dumps({"field": "name", "op": "starts_with", "value": "Ada"})
    pool = await a_pool(kernel, [{"user_id": ann.id}], where=only, owner_id=admin.id)
    await a_pool(kernel, [{"user_id": bob.id}], name="All new ones", is_automatic=True)
    path = await a_form(kernel, admin.api, fields=FIELDS[:2], pool_id=str(pool), assign_to_id=str(bob.id))
    for name in ("Ada", "Bea"):
        assert (await client.post(path + "/", data={**GOOD, "name": name}, headers=SITE)).status_code == 200
    await admin.api.patch(f"/pools/{pool}", {"is_active": False})
    assert (await client.post(path + "/", data={**GOOD, "name": "Ada II"}, headers=SITE)).status_code == 200
    assert [(x.name, x.owner_id) for x in await rows(kernel, Lead)] == [
        ("Ada", ann.id), ("Bea", bob.id), ("Ada II", bob.id),
    ]  # fmt: skip
    assert [(x.pool_name, x.outcome) for x in await rows(kernel, Assignment)] == [
        ("Inbound", "assigned"), ("Inbound", "left_out"), ("Inbound", "switched_off"),
    ]  # fmt: skip
    assert [x.user_id for x in await rows(kernel, Notification) if x.kind == "core.pool_was_empty"] == [admin.id]
    assert {x.state for x in await rows(kernel, WebFormSubmission)} == {"accepted"}


async def test_pool_of_a_form_is_of_its_records_and_is_not_deleted(kernel: Kernel, as_user: People) -> None:
    admin = await as_user("admin")
    deals, pool = await a_pool(kernel, [], entity="core.deal"), await a_pool(kernel, [], name="Leads")
    path = "/web-forms"
    body = {"name": "Plans", "fields": FIELDS}
    assert "pool_id" in str(await admin.api.post(path, {**body, "pool_id": str(deals)}, status=422))
    form = await admin.api.post(path, {**body, "pool_id": str(pool)})
    problem = await admin.api.delete(f"/pools/{pool}", status=409)
    assert "1 Web forms" in str(problem)
    await admin.api.patch(f"{path}/{form['id']}", {"pool_id": None})
    await admin.api.delete(f"/pools/{pool}")


async def test_submission_shows_what_was_sent_under_the_names_of_the_form(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    admin, seller = await as_user("admin"), await as_user("sales")
    fields = [{"field": "description", "label": "How can we <help>?"}, *FIELDS[:2]]
    path = await a_form(kernel, admin.api, fields=fields)
    await client.post(path + "/", data={**GOOD, "description": "A <b>roof</b>"}, headers=SITE)
    (row,) = await rows(kernel, WebFormSubmission)
    panel = (await admin.client.get(f"/web-form-submissions/{row.id}/answers")).text
    shown = re.findall(r"<dt>(.*?)</dt><dd class=\"prose\">(.*?)</dd>", panel)
    assert shown == [
        ("How can we &lt;help&gt;?", "A &lt;b&gt;roof&lt;/b&gt;"), ("Name", "Ada Lovelace"),
        ("E-mail", "ada@example.org"),
    ]  # fmt: skip
    assert (await seller.client.get(f"/web-form-submissions/{row.id}/answers")).status_code in (403, 404)
