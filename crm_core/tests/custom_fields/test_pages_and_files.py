"""Custom fields in forms, lists, record pages and history; in exported and imported files."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from crm_core.testing.people import Api, People

Define = Callable[..., Awaitable[dict[str, Any]]]
Jobs = Callable[..., Awaitable[Any]]
FORM = {
    "name": "Acme", "custom.nickname": "Oil", "custom.story": "Long", "custom.seats": "42", "custom.factor": "1.5",
    "custom.share": "10", "custom.budget": "1,200.50", "custom.budget_currency": "EUR", "custom.due_on": "2026-05-31",
    "custom.seen_at": "2026-05-31T14:00", "custom.meets_at": "2026-06-01T09:00",
    "custom.meets_at_zone": "Europe/London", "custom.vip": "1", "custom.region": "north",
    "custom.markets": ["south", "west"], "custom.billing": "a@example.com",
    "custom.hotline": "+49 40 1234", "custom.shop": "https://shop.example.com",
}  # fmt: skip


@pytest.mark.usefixtures("fields")
async def test_forms_take_every_type_and_show_it_again(api: Api, as_user: People) -> None:
    browser = (await as_user("admin")).client
    empty = await browser.get("/companies/new")
    for label in ("Nickname", "Region", "Markets", "Custom fields"):
        assert label in empty.text
    made = await browser.post("/companies/new", data=FORM)
    assert made.status_code in (200, 303), made.text
    record = (await api.get("/companies", params={"fields": "custom"}))["items"][0]
    assert record["custom"]["budget"] == "1200.5000"
    assert record["custom"]["meets_at"] == "2026-06-01T08:00:00Z"
    assert record["custom"]["markets"] == ["south", "west"]
    assert record["custom"]["vip"] is True
    shown = await browser.get(f"/companies/{record['id']}")
    for text in ("Oil", "North", "42", "€1,200.50", "10%", "a@example.com"):
        assert text in shown.text, text
    edit = await browser.get(f"/companies/{record['id']}/edit")
    assert 'value="2026-06-01T09:00"' in edit.text
    version = (await api.get(f"/companies/{record['id']}"))["version"]
    sent = {**FORM, "version": version, "owner_id": str((await as_user("admin")).id)}
    bad = await browser.post(f"/companies/{record['id']}/edit", data={**sent, "custom.seats": "x"})
    assert bad.status_code == 422
    assert "This must be a whole number." in bad.text
    again = await browser.post(f"/companies/{record['id']}/edit", data=sent)
    assert again.status_code in (200, 303)
    after = await api.get(f"/companies/{record['id']}")
    assert after["version"] == version  # a form sent back as it was changes nothing
    history = await browser.get(f"/companies/{record['id']}/history")
    assert "Nickname" in history.text


@pytest.mark.usefixtures("fields")
async def test_form_with_an_archived_option_keeps_it_and_offers_it_to_nobody_else(api: Api, as_user: People) -> None:
    browser = (await as_user("admin")).client
    made = await api.post("/companies", {"name": "Acme", "custom": {"region": "north"}})
    listed = await api.get("/custom-fields", params={"filter": '{"field": "label", "op": "is", "value": "region"}'})
    field = await api.get(f"/custom-fields/{listed['items'][0]['id']}")
    options = [{**o, "is_archived": o["value"] == "north"} for o in field["options"]]
    await api.patch(f"/custom-fields/{field['id']}", {"options": options})
    assert '<option value="north" selected' in (await browser.get(f"/companies/{made['id']}/edit")).text
    new = (await browser.get("/companies/new")).text
    start = new.index('name="custom.region"')
    assert 'value="north"' not in new[start : new.index("</select>", start)]
    sent = {"name": "Acme Ltd", "custom.region": "north", "version": "1"}
    assert (await browser.post(f"/companies/{made['id']}/edit", data=sent)).status_code in (200, 303)
    assert (await api.get(f"/companies/{made['id']}"))["custom"] == {"region": "north"}


@pytest.mark.usefixtures("fields")
async def test_lists_have_columns_filters_and_sorts(api: Api, as_user: People) -> None:
    browser = (await as_user("admin")).client
    for name, region, seats in (("One", "north", 3), ("Two", "south", 1), ("Three", "north", 2)):
        custom = {"region": region, "seats": seats, "nickname": f"Nick {name}"}
        await api.post("/companies", {"name": name, "custom": custom})
    page = (await browser.get("/companies")).text
    assert "Nick Two" in page  # listed by its definition
    address = "/companies?f.custom.region=north&sort=-custom.seats&columns=name&columns=custom.seats"
    north = (await browser.get(address)).text
    assert north.index(">One<") < north.index(">Three<")
    assert ">Two<" not in north
    few = (await browser.get("/companies?f.custom.seats.from=2&f.custom.seats.to=2")).text
    assert ">Three<" in few
    assert ">One<" not in few
    gone = await browser.get("/companies?f.custom.nothing=1&sort=custom.nothing&columns=custom.nothing")
    assert gone.status_code == 200


@pytest.mark.usefixtures("fields")
async def test_export_and_import_carry_every_type(api: Api, jobs: Jobs) -> None:
    custom = {
        "nickname": "=1+1", "seats": 42, "factor": "1.125", "share": "12.50", "budget": "1100.2500",
        "budget_currency": "EUR", "budget_base": "1100.2500", "due_on": "2026-05-31", "seen_at": "2026-05-31T12:00:00Z",
        "vip": True, "region": "north", "markets": ["south", "west"], "billing": "a@example.com",
        "hotline": "+49 40 1234", "shop": "https://shop.example.com", "number": "C-1",
    }  # fmt: skip
    contact = await api.post("/contacts", {"last_name": "Agent"})
    given = {k: v for k, v in custom.items() if k != "budget_base"} | {"agent": contact["id"]}
    custom |= {"budget_rate": "1", "budget_rate_on": datetime.now(UTC).date().isoformat()}
    made = await api.post("/companies", {"name": "Acme", "custom": given})
    answer = await api.client.get("/api/v1/companies/export", headers=api.headers)
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0]["custom.nickname"] == "'=1+1"
    assert (rows[0]["custom.seats"], rows[0]["custom.budget"], rows[0]["custom.vip"]) == ("42", "1100.25", "yes")
    assert (rows[0]["custom.markets"], rows[0]["custom.agent"]) == ("south; west", "Agent")
    sheet = await api.client.get("/api/v1/companies/export?format=xlsx", headers=api.headers)
    book = openpyxl.load_workbook(io.BytesIO(sheet.content))
    titles, cells = [[c.value for c in row] for row in book.worksheets[0].iter_rows()]
    assert cells[titles.index("custom.seats")] == 42
    await api.patch(f"/companies/{made['id']}", {"custom": {"number": None}})
    started = await api.post("/imports", status=202, params={"entity": "companies"}, content=answer.content)
    await jobs()
    report = (await api.get(started["href"].removeprefix("/api/v1")))["report"]
    assert (report["created"], report["failed"], report["problems"]) == (1, 0, [])
    names = {r["id"]: r for r in (await api.get("/companies", params={"fields": "name,custom"}))["items"]}
    del names[made["id"]]
    (copy,) = names.values()
    assert copy["custom"] == {**custom, "agent": contact["id"]}
    found = await api.get("/companies", params={"filter": '{"field": "custom.seats", "op": "is", "value": 42}'})
    assert len(found["items"]) == 2


async def test_import_names_bad_values_and_unknown_options(api: Api, define: Define, jobs: Jobs) -> None:
    await define("region", kind="choice", options=[{"value": "north", "label": "North"}])
    await define("seats", kind="integer", label="Seats")
    content = b"Name,Region,Seats\nA,Nort,1\nB,North,x\nC,north,3\n"
    started = await api.post("/imports", status=202, params={"entity": "companies"}, content=content)
    await jobs()
    report = (await api.get(started["href"].removeprefix("/api/v1")))["report"]
    assert (report["created"], report["failed"]) == (2, 1)
    assert report["unknown"] == [{"column": "Region", "value": "Nort", "count": 1, "suggestion": "north"}]
    shown = {r["name"]: r["custom"] for r in (await api.get("/companies"))["items"]}
    assert shown == {"A": {"seats": 1}, "C": {"region": "north", "seats": 3}}


@pytest.mark.usefixtures("fields")
async def test_a_thousand_imported_rows_need_few_statements(api: Api, jobs: Jobs, count_queries: Any) -> None:
    lines = "".join(f"N{i},north,{i}\n" for i in range(300))
    content = f"Name,custom.region,custom.seats\n{lines}".encode()
    await api.post("/imports", status=202, params={"entity": "companies"}, content=content)
    with count_queries() as seen:
        await jobs()
    values = [s for s in seen if "core_field_value" in s]
    assert len(values) <= 6, values


@pytest.mark.usefixtures("fields")
async def test_words_are_in_the_readers_language(api: Api, as_user: People) -> None:
    someone = await as_user("admin")
    page = (await someone.client.get("/companies/new", headers={"accept-language": "de"})).text
    if "Spitzname" not in page:  # the language is the user's own
        await api.patch(f"/users/{someone.id}", {"locale": "de"})
        page = (await someone.client.get("/companies/new")).text
    assert "Spitzname" in page
    assert "Norden" in page


async def test_page_of_all_fields_offers_new_ones(as_user: People, define: Define) -> None:
    await define("region", kind="text")
    browser = (await as_user("admin")).client
    page = (await browser.get("/admin/fields")).text
    assert "<code>custom.region</code>" in page
    assert "/custom-fields/new?entity=core.deal" in page
    form = (await browser.get("/custom-fields/new?entity=core.deal")).text
    assert 'value="core.deal"' in form
    sent = {
        "label": "Rounds", "entity": "core.deal", "name": "rounds", "kind": "choice", "position": "1",
        "options-row": "0", "options-0-value": "one", "options-0-label": "One", "options-0-colour": "grey",
    }  # fmt: skip
    made = await browser.post("/custom-fields/new", data=sent)
    assert made.status_code in (200, 303), made.text
    assert "Rounds" in (await browser.get("/deals/new")).text
