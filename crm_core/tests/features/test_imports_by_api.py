"""Import and export through REST."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.tokens import create_token
from crm_core.entity.event_rows import EventRow
from crm_core.jobs.rows import job
from crm_core.kernel import Kernel
from crm_core.testing.people import People

CONTENT = b"Name,Sector,Employees\nA,technolgy,5\nB,Medical,x\n"
OF = {"entity": "companies"}
Run = Callable[..., Awaitable[Any]]


async def test_file_is_previewed_and_imported_by_api(api: Any, jobs: Run) -> None:
    seen = await api.post("/imports/preview", status=200, params=OF, content=CONTENT)
    assert seen["guess"] == {"Name": "name", "Sector": "industry", "Employees": "employees"}
    assert [bool(r["problems"]) for r in seen["rows"]] == [True, True]
    started = await api.post("/imports", status=202, params=OF, content=CONTENT)
    assert (started["state"], started["report"], started["entity"]) == ("pending", None, "core.company")
    await jobs()
    ended = await api.get(started["href"].removeprefix("/api/v1"))
    assert ended.keys() == started.keys()
    report = ended["report"]
    assert (ended["state"], ended["rows"], report["created"], report["failed"]) == ("done", 2, 1, 1)
    assert report["unknown"] == [{"column": "Sector", "value": "technolgy", "count": 1, "suggestion": "technology"}]
    assert (await api.get("/companies", params={"count": "true"}))["count"] == 1


async def test_what_is_wrong_with_the_whole_file_is_said_at_once(api: Any) -> None:
    await api.post("/imports", status=404, params={"entity": "nothing"}, content=CONTENT)
    await api.post("/imports", status=422, params={**OF, "map": "Nme=name"}, content=CONTENT)
    await api.post("/imports", status=422, params={**OF, "mode": "odd"}, content=CONTENT)
    await api.post("/imports", status=422, params=OF, content=b"")
    assert (await api.get("/admin/jobs"))["items"] == []


async def test_problems_of_an_import_are_a_file_without_formulas(api: Any, jobs: Run) -> None:
    content = b"Name,Employees\nA,=1+1\nB,5\n"
    started = await api.post("/imports", status=202, params=OF, content=content)
    await jobs()
    answer = await api.client.get(started["errors"], headers=api.headers)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["row", "column", "value", "problem", "imported"]
    assert [(r[0], r[1], r[2], r[4]) for r in rows[1:]] == [("2", "Employees", "'=1+1", "no")]


async def test_waiting_import_is_cancelled(api: Any, jobs: Run) -> None:
    started = await api.post("/imports", status=202, params=OF, content=CONTENT)
    path = started["href"].removeprefix("/api/v1")
    assert (await api.post(f"{path}/cancel", status=200))["state"] == "cancelled"
    await jobs()
    assert (await api.get("/companies", params={"count": "true"}))["count"] == 0
    await api.post(f"{path}/cancel", status=409)


async def test_import_of_somebody_else_is_not_found(as_user: People) -> None:
    one, other, admin = await as_user("manager"), await as_user("manager", "other"), await as_user("admin")
    started = await one.api.post("/imports", status=202, params=OF, content=CONTENT)
    path = started["href"].removeprefix("/api/v1")
    for address in (path, f"{path}/errors"):
        await other.api.get(address, status=404)
    await other.api.post(f"{path}/cancel", status=404)
    await admin.api.get(path)


async def test_import_sent_twice_with_one_key_runs_once(api: Any, jobs: Run) -> None:
    key = {"idempotency-key": "a"}
    first = await api.post("/imports", status=202, params=OF, content=CONTENT, headers=key)
    again = await api.post("/imports", status=202, params=OF, content=CONTENT, headers=key)
    assert again["id"] == first["id"]
    await api.post("/imports", status=422, params=OF, content=b"Name\nOther\n", headers=key)
    await jobs()
    assert (await api.get("/companies", params={"count": "true"}))["count"] == 1


async def test_scopes_of_the_token_bind_the_job(kernel: Kernel, as_user: People, jobs: Run) -> None:
    admin = await as_user("admin")
    async with kernel.write(system("test")) as uow:
        _row, token = await create_token(uow, admin.id, "narrow", scopes=["core.company"])
    headers = {"authorization": f"Bearer {token}"}
    refused = await admin.client.post(
        "/api/v1/imports", params={"entity": "contacts"}, content=b"Last name\nA\n", headers=headers
    )
    assert refused.status_code == 403
    started = await admin.client.post("/api/v1/imports", params=OF, content=b"Name,Owner\nA,\n", headers=headers)
    assert started.status_code == 202, started.text
    assert started.headers["location"] == started.json()["href"]
    async with kernel.read(system("test")) as uow:
        args = await uow.session.scalar(sa.select(job.args))
    assert args["scopes"] == ["core.company"]
    await jobs()
    async with kernel.read(system("test")) as uow:
        made = sa.select(EventRow.actor).where(EventRow.type == "core.company.created")
        assert await uow.session.scalar(made) == f"token:{admin.id}"


async def test_spreadsheet_is_taken_with_its_own_type(api: Any, jobs: Run) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Name"])
    book.active.append(["Acme"])
    file = io.BytesIO()
    book.save(file)
    kind = {"content-type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
    await api.post("/imports", status=202, params=OF, content=file.getvalue(), headers=kind)
    await jobs()
    assert [c["name"] for c in (await api.get("/companies"))["items"]] == ["Acme"]


async def test_who_may_not_import_is_refused_before_the_file_is_read(as_user: People) -> None:
    reader = await as_user("readonly")
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50_000_000:
            sent += 65536
            yield b"x" * 65536

    for path in ("/api/v1/imports", "/api/v1/imports/preview"):
        answer = await reader.client.post(path, params=OF, content=endless(), headers=reader.api.headers)
        assert (answer.status_code, sent) == (403, 0)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_list_is_exported_by_api(api: Any, kind: str) -> None:
    await api.post("/companies", {"name": "=Acme"})
    params = {"format": kind, "fields": "name", "filter": '{"field":"name","op":"is","value":"=acme"}'}
    answer = await api.client.get("/api/v1/companies/export", params=params, headers=api.headers)
    assert answer.status_code == 200
    assert f"companies.{kind}" in answer.headers["content-disposition"]
    if kind == "csv":
        assert answer.content.decode("utf-8-sig").split() == ["name", "'=Acme"]
    else:
        book = openpyxl.load_workbook(io.BytesIO(answer.content))
        assert [c.value for c in list(book.active.iter_rows())[1]] == ["=Acme"]  # type: ignore[union-attr]
    for wrong in ({"format": "pdf"}, {"fields": "nothing"}, {"filter": "{"}):
        assert (await api.client.get("/api/v1/companies/export", params=wrong, headers=api.headers)).status_code == 422
