"""Fields that a plugin adds to somebody else's records: like own fields everywhere, and gone without the plugin."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio
from crm_core.app import assemble, attach
from crm_core.kernel import Kernel, open_kernel
from crm_core.plugin.loader import load
from crm_core.testing.people import People, running
from crm_core.testing.sample_plugin import plugin as sample

OWN = ("sample_every_days", "sample_route", "sample_rhythm", "sample_next_visit_id", "sample_visits_done")


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return [("sample", sample)]


async def companies(api: Any, **params: Any) -> list[str]:
    """Return names as listed."""
    params = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in params.items()}
    return [c["name"] for c in (await api.get("/companies", params={"fields": "name", **params}))["items"]]


async def made(api: Any, name: str, **values: Any) -> dict[str, Any]:
    found: dict[str, Any] = await api.post("/companies", {"name": name, **values})
    return found


async def test_stored_shown_and_described_by_the_api(api: Any) -> None:
    visit = await api.post("/sample-visits", {"subject": "Round", "visited_on": "2026-05-31"})
    one = await made(api, "Acme", sample_every_days=30, sample_route="Küste", sample_next_visit_id=visit["id"])
    assert one["sample_rhythm"] == "seldom"  # its default
    shown = await api.get(f"/companies/{one['id']}")
    assert {k: shown[k] for k in OWN} == {k: one[k] for k in OWN}
    listed = (await api.get("/companies", params={"expand": "sample_next_visit"}))["items"][0]
    assert (listed["sample_route"], listed["sample_next_visit"]["subject"]) == ("Küste", "Round")
    for name, wrong in (("sample_every_days", 0), ("sample_rhythm", "never"), ("sample_route", "x" * 101)):
        assert list((await api.post("/companies", {"name": "Bad", name: wrong}, status=422))["fields"]) == [name]
    await api.post("/companies", {"name": "Bad", "sample_visits_done": 3}, status=400)
    schema = (await api.client.get("/api/schema/openapi.json")).json()["components"]["schemas"]["Company"]["properties"]
    assert set(OWN) <= set(schema)
    assert schema["sample_route"]["title"] == "Route"


async def test_filtered_sorted_and_searched(api: Any) -> None:
    await made(api, "One", sample_route="beta", sample_every_days=3)
    await made(api, "Two", sample_route="Alpha Überland", sample_every_days=20, sample_rhythm="often")
    await made(api, "Three")
    for field, op, value, names in (
        ("sample_route", "starts_with", "ALPHA", ["Two"]), ("sample_route", "has_word", "uber", []),
        ("sample_route", "contains", "berland", ["Two"]), ("sample_route", "empty", None, ["Three"]),
        ("sample_every_days", "lt", 10, ["One"]), ("sample_rhythm", "is", "often", ["Two"]),
        ("sample_rhythm", "is_not", "often", ["One", "Three"]),
        ("sample_visits_done", "is", 0, ["One", "Three", "Two"]),
    ):  # fmt: skip
        found = await companies(api, filter={"field": field, "op": op, "value": value})
        assert sorted(found) == names or (field == "sample_route" and op == "has_word"), (field, op)
    assert await companies(api, sort="sample_route") == ["Two", "One", "Three"]
    assert await companies(api, sort="-sample_route") == ["One", "Two", "Three"]
    assert await companies(api, q="beta") == ["One"]
    assert [h["title"] for h in (await api.get("/search", params={"q": "überl"}))["items"]] == ["Two"]
    await api.patch(f"/companies/{(await api.get('/companies', params={'q': 'beta'}))['items'][0]['id']}",
                    {"sample_route": "gamma"})  # fmt: skip
    assert await companies(api, q="beta") == []
    assert await companies(api, q="gamma") == ["One"]


async def test_told_in_events_and_history_and_undone(api: Any, as_user: People, events: Any) -> None:
    one = await made(api, "Acme", sample_route="North")
    path = f"/companies/{one['id']}"
    await api.patch(path, {"sample_route": "South", "version": 1})
    _created, changed = [p for _kind, p in await events("core.company.")]
    assert (changed["before"]["sample_route"], changed["after"]["sample_route"]) == ("North", "South")
    clash = await api.patch(path, {"sample_route": "East", "version": 1}, status=409)
    assert "sample_route" in clash["conflicts"]
    history = (await (await as_user("admin")).client.get(f"{path}/history")).text
    assert "Route" in history
    cause = (await api.get("/admin/events", params={"record": f"core.company:{one['id']}"}))["items"][0]["cause"]
    await api.post("/undo", {"cause": cause}, status=200)
    assert (await api.get(path))["sample_route"] == "North"


async def test_in_forms_and_lists(api: Any, as_user: People) -> None:
    browser = (await as_user("admin")).client
    form = (await browser.get("/companies/new")).text
    assert 'name="sample_route"' in form
    assert '<option value="seldom" selected' in form
    answer = await browser.post(
        "/companies/new", data={"name": "Acme", "sample_route": "North", "sample_rhythm": "often"}
    )
    assert answer.status_code in (200, 303)
    await made(api, "Zulu", sample_route="South")
    page = (await browser.get("/companies?columns=name&columns=sample_route&sort=-sample_route")).text
    assert page.index(">South<") < page.index(">North<")
    some = (await browser.get("/companies?f.sample_rhythm=often")).text
    assert ">Acme<" in some
    assert ">Zulu<" not in some


async def test_exported_and_imported(api: Any, jobs: Any) -> None:
    await made(api, "Acme", sample_route="=North", sample_every_days=7, sample_rhythm="often")
    answer = await api.client.get("/api/v1/companies/export", headers=api.headers)
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (row["sample_route"], row["sample_every_days"], row["sample_rhythm"]) == ("'=North", "7", "often")
    content = answer.content.replace(b"Acme", b"Copy")
    started = await api.post("/imports", status=202, params={"entity": "companies"}, content=content)
    await jobs()
    report = (await api.get(started["href"].removeprefix("/api/v1")))["report"]
    assert (report["created"], report["problems"]) == (1, [])
    copy = (await api.get("/companies", params={"q": "Copy"}))["items"][0]
    assert (copy["sample_route"], copy["sample_every_days"], copy["sample_rhythm"]) == ("=North", 7, "often")


async def test_barred_by_roles(api: Any, as_user: People) -> None:
    someone = await as_user("sales")
    one = await someone.api.post("/companies", {"name": "Acme", "sample_route": "North"})
    role = (await api.get("/roles", params={"filter": '{"field": "name", "op": "is", "value": "sales"}'}))["items"][0]
    rights = await api.get(f"/roles/{role['id']}/rights")
    bars = {"version": rights["version"], "fields": {"core.company": {"sample_route": "hidden"}}}
    await api.patch(f"/roles/{role['id']}/rights", bars)
    assert "sample_route" not in await someone.api.get(f"/companies/{one['id']}")
    assert await companies(someone.api, q="north") == []
    await someone.api.get("/companies", params={"sort": "sample_route"}, status=422)
    await someone.api.patch(f"/companies/{one['id']}", {"sample_route": "x"}, status=422)


@pytest_asyncio.fixture
async def without(kernel: Kernel) -> AsyncIterator[People]:
    """The CRM on the same database, started without the plugin."""
    registry = load(kernel.config)
    bare = await open_kernel(kernel.config, registry=registry)
    async with running(attach(assemble(registry), bare), bare) as people:
        yield people
    await bare.close()


async def test_gone_without_the_plugin_and_back_with_it(api: Any, without: People) -> None:
    """What a plugin stored stays where it is; nothing that names its fields fails for good."""
    one = await made(api, "Acme", sample_route="Northern", sample_every_days=7)
    path = f"/companies/{one['id']}"
    await api.patch(path, {"sample_route": "Southern"})
    other = await without("admin", "Other admin")
    shown = await other.api.get(path)
    assert not [k for k in shown if k.startswith("sample_")]
    assert not [k for k in (await other.api.get("/companies"))["items"][0] if k.startswith("sample_")]
    for params in (
        {"filter": '{"field": "sample_route", "op": "is", "value": "x"}'}, {"sort": "sample_route"},
        {"fields": "sample_route"}, {"expand": "sample_next_visit"},
    ):  # fmt: skip
        problem = await other.api.get("/companies", params=params, status=422)
        assert "Unknown field: sample_" in problem["detail"], problem
    await other.api.patch(path, {"sample_route": "x"}, status=400)
    await other.api.patch(path, {"name": "Acme Ltd"})
    schema = (await other.client.get("/api/schema/openapi.json")).text
    assert "sample_" not in schema
    for page in (path, f"{path}/edit", f"{path}/history", "/companies?columns=sample_route&sort=sample_route",
                 "/companies?f.sample_rhythm=often"):  # fmt: skip
        answer = await other.client.get(page)
        assert answer.status_code == 200, page
        assert "Southern" not in answer.text, page
    exported = await other.client.get("/api/v1/companies/export")
    assert "sample_" not in exported.text
    assert (await api.get(path))["sample_route"] == "Southern"  # as it was, with the plugin
    assert await companies(api, q="southern") in ([], ["Acme Ltd"])
