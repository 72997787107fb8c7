"""Import in the browser: upload, columns, preview, run, report."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

CSV = b"Company name;City;Wrong\nGlobex;Berlin;x\nInitech;Hamburg;y\n"


async def upload(client: Any, content: bytes = CSV) -> Any:
    return await client.post(
        "/import", data={"entity": "core.company"}, files={"file": ("companies.csv", content, "text/csv")}
    )


async def test_file_is_uploaded_mapped_previewed_and_imported(
    as_user: Any, jobs: Callable[..., Awaitable[Any]]
) -> None:
    client = (await as_user("admin")).client
    sent = await upload(client)
    assert sent.status_code == 303, sent.text[:1000]
    page = await client.get(sent.headers["location"])
    assert page.status_code == 200, page.text[:1000]
    assert "Globex" in page.text
    chosen = re.findall(r'name="column-(\d)".*?value="(\w*)" selected', page.text)
    assert ("1", "city") in chosen
    action = re.search(r'action="(/import/[^"]+)"', page.text)
    assert action
    data = {"entity": "core.company", "column-0": "name", "column-1": "city", "mode": "create"}
    run = await client.post(action[1], data=data)
    assert run.status_code == 303, run.text[:1000]
    assert "Importing" in (await client.get(run.headers["location"])).text
    await jobs()
    done = await client.get(run.headers["location"])
    assert "The import is done." in done.text
    assert "Initech" in (await client.get("/companies")).text


async def test_page_hints_at_duplicates_and_at_columns_that_are_not_imported(as_user: Any, jobs: Any) -> None:
    someone = await as_user("admin")
    await someone.api.post("/companies", {"name": "Globex", "domain": "globex.example"})
    content = b"name,domain,created_at\nOther,globex.example,2026-01-01\nNew,new.example,2026-01-01\n"
    text = (await someone.client.get((await upload(someone.client, content)).headers["location"])).text
    assert text.count("This field cannot be imported") == 1
    assert text.count("May be <a") == 1
    assert "same domain globex.example" in text
    preview = await someone.api.post("/imports/preview", status=200, params={"entity": "companies"}, content=content)
    assert preview["left_out"] == ["created_at"]
    assert preview["guess"] == {"name": "name", "domain": "domain"}
    assert [[d["title"] for d in row["duplicates"]] for row in preview["rows"]] == [["Globex"], []]
    params = {"entity": "companies", "dry_run": "true"}
    started = await someone.api.post("/imports", status=202, params=params, content=content)
    await jobs()
    report = (await someone.api.get(started["href"].removeprefix("/api/v1")))["report"]
    assert [(h["row"], [c["title"] for c in h["candidates"]]) for h in report["duplicates"]] == [(2, ["Globex"])]
    assert "Globex" in (await someone.client.get(f"/import/runs/{started['id']}")).text
    assert len((await someone.api.get("/companies"))["items"]) == 1


async def test_what_is_no_table_is_refused(as_user: Any) -> None:
    client = (await as_user("admin")).client
    assert (await upload(client, b"")).status_code == 422
    assert (await upload(client, b"\x00\x01\x02\x03" * 50)).status_code == 422


async def test_somebody_elses_upload_and_run_are_not_found(as_user: Any) -> None:
    client, other = (await as_user("admin")).client, (await as_user("admin", "another")).client
    address = (await upload(client)).headers["location"]
    assert (await other.get(address, headers={"accept": "text/html"})).status_code == 404


async def test_reader_may_not_import(as_user: Any) -> None:
    reader = (await as_user("readonly")).client
    assert (await upload(reader)).status_code == 404
