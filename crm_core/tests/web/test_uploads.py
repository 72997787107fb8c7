"""Files in forms and on records, as people meet them without scripts: multipart forms."""

from __future__ import annotations

import re
from typing import Any

import pytest
from crm_core.testing.sample_plugin import plugin as sample

PDF = ("plan.pdf", b"%PDF-1.7 a plan", "application/pdf")
PNG = ("photo.png", b"\x89PNG\r\n\x1a\n a photo", "image/png")
VISIT = {"subject": "Globex", "visited_on": "2026-05-05", "outcome": "planned"}


@pytest.fixture
def plugins() -> Any:
    return (("sample", sample),)


@pytest.fixture
async def admin(as_user: Any) -> Any:
    return await as_user("admin")


async def visit(admin: Any, data: dict[str, str] | None = None, **files: Any) -> Any:
    return await admin.client.post("/sample-visits/new", data=VISIT | (data or {}), files=files or {"x": ("", b"")})


async def content(admin: Any, file: str) -> bytes:
    answer = await admin.client.get(f"/api/v1/files/{file}/content")
    return bytes(answer.content)


async def test_form_takes_a_file_and_hangs_it_on_the_record(admin: Any) -> None:
    form = (await admin.client.get("/sample-visits/new")).text
    assert 'enctype="multipart/form-data"' in form
    assert "PDF, PNG, CSV · 1 MB" in form
    answer = await visit(admin, report_id=PDF)
    assert answer.status_code == 303, answer.text[-3000:]
    path = answer.headers["location"]
    row = await admin.api.get(path)
    file = await admin.api.get(f"/files/{row['report_id']}")
    assert (file["name"], file["media_type"]) == ("plan.pdf", "application/pdf")
    assert file["parent"] == f"sample.visit:{row['id']}"
    assert await content(admin, row["report_id"]) == PDF[1]
    page = (await admin.client.get(path)).text
    assert "plan.pdf" in page


async def test_form_without_a_new_file_keeps_the_old_one_and_a_tick_removes_it(admin: Any) -> None:
    path = (await visit(admin, report_id=PDF)).headers["location"]
    before = (await admin.api.get(path))["report_id"]
    edit = await admin.client.post(f"{path}/edit", data=VISIT | {"subject": "Other", "report_id__now": before})
    assert edit.status_code == 303
    row = await admin.api.get(path)
    assert (row["subject"], row["report_id"]) == ("Other", before)
    await admin.client.post(f"{path}/edit", data=VISIT, files={"report_id": PNG})
    replaced = (await admin.api.get(path))["report_id"]
    assert replaced != before
    assert await content(admin, replaced) == PNG[1]
    await admin.client.post(f"{path}/edit", data=VISIT | {"report_id__remove": "1"})
    assert (await admin.api.get(path))["report_id"] is None


async def test_bad_form_keeps_the_old_file_and_the_new_one_need_not_be_chosen_again(admin: Any) -> None:
    path = (await visit(admin, report_id=PDF)).headers["location"]
    before = (await admin.api.get(path))["report_id"]
    bad = await admin.client.post(f"{path}/edit", data=VISIT | {"subject": "", "report_id__now": before},
                                  files={"report_id": PNG})  # fmt: skip
    assert bad.status_code == 422
    assert "photo.png" in bad.text
    assert (await admin.api.get(path))["report_id"] == before
    note = re.search(r'name="report_id__kept" value="([^"]+)"', bad.text)
    assert note
    good = await admin.client.post(f"{path}/edit", data=VISIT | {"report_id__kept": note[1]})
    assert good.status_code == 303
    assert await content(admin, (await admin.api.get(path))["report_id"]) == PNG[1]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (("big.pdf", b"%PDF-" + b"x" * 2**20, "application/pdf"), "big.pdf is too large: 1.0 MB, at most 1 MB."),
        (("page.html", b"<script>", "application/pdf"), "page.html is not one of: PDF, PNG, CSV."),
        (("fake.pdf", b"MZ not a PDF", "application/pdf"), "fake.pdf"),
        (("empty.csv", b"", "text/csv"), "empty.csv is empty."),
    ],
)
async def test_file_that_does_not_fit_is_refused_at_its_field(admin: Any, file: Any, text: str) -> None:
    answer = await visit(admin, report_id=file)
    assert answer.status_code == 422
    assert text in answer.text
    assert 'id="f-report_id-error"' in answer.text
    assert 'value="Globex"' in answer.text
    assert (await admin.api.get("/sample-visits"))["items"] == []


async def test_note_of_a_stored_file_is_of_no_use_to_others_or_when_changed(admin: Any, as_user: Any) -> None:
    made = await admin.client.post("/files/stage", files={"file": PDF})
    note = made.json()["note"]
    assert (made.json()["name"], made.json()["size"]) == ("plan.pdf", "15 B")
    forged = note[:-1] + ("0" if note[-1] != "0" else "1")
    assert "choose the file again" in (await visit(admin, {"report_id__kept": forged})).text
    other = await as_user("admin", "grace")
    assert "choose the file again" in (await visit(other, {"report_id__kept": note})).text
    assert (await visit(admin, {"report_id__kept": "nonsense"})).status_code == 422
    assert (await visit(admin, {"report_id__kept": note})).status_code == 303


async def test_note_is_checked_against_its_field(admin: Any) -> None:
    made = await admin.client.post("/files/stage", files={"file": ("a.gif", b"GIF89a", "image/gif")})
    answer = await visit(admin, {"report_id__kept": made.json()["note"]})
    assert answer.status_code == 422
    assert "a.gif is not one of" in answer.text


async def test_files_are_attached_to_a_record_and_removed_with_a_way_back(admin: Any) -> None:
    deal = await admin.api.post("/deals", {"name": "Globex"})
    of = f"core.deal:{deal['id']}"
    answer = await admin.client.post("/files/attach", data={"of": of}, files=[("file", PDF), ("file", PNG)])
    assert answer.headers["location"] == f"/deals/{deal['id']}"
    for path in (f"/files/panel?of={of}", f"/files/on?of={of}"):
        page = (await admin.client.get(path)).text
        assert "plan.pdf" in page, path
        assert "photo.png" in page, path
    more = await admin.client.post(
        "/files/attach", data={"of": of}, files=[("file", ("third.pdf", PDF[1]))], headers={"hx-request": "true"}
    )
    assert "third.pdf" in more.text
    assert "<html" not in more.text
    file = (await admin.api.get("/files"))["items"][0]["id"]
    gone = await admin.client.post(f"/files/{file}/remove", data={"then": "files"})
    assert gone.headers["location"].startswith("/files/on?of=core.deal")
    page = (await admin.client.get(gone.headers["location"])).text
    undo = re.search(r'action="(/undo/[0-9a-f-]{36})"', page)
    assert undo
    assert (await admin.client.post(undo[1])).status_code == 303
    assert (await admin.api.get(f"/files/{file}"))["parent"] == of


async def test_files_need_the_record_to_be_visible(admin: Any, as_user: Any) -> None:
    deal = await admin.api.post("/deals", {"name": "Globex"})
    of = f"core.deal:{deal['id']}"
    sales = await as_user("sales")
    assert (await sales.client.get(f"/files/panel?of={of}")).status_code == 404
    assert (await sales.client.post("/files/attach", data={"of": of}, files=[("file", PDF)])).status_code == 404
    assert (await admin.client.post("/files/attach", data={"of": "nonsense"}, files=[("file", PDF)])).status_code == 404
    assert (await admin.api.get("/files"))["items"] == []
