"""A field of every type that an entity can declare: by API and page made, read, changed, filtered, and in files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from crm_core.auth.actor import system
from crm_core.entity import fields as f
from crm_core.features.exports.public import Wanted, export_csv, export_xlsx
from crm_core.kernel import Kernel
from crm_core.testing.people import Somebody
from crm_specimen import plugin as specimen
from openpyxl import load_workbook

SYSTEM = system("test")
SHEETS = "/specimen-sheets"
PDF = ("plan.pdf", b"%PDF-1.7 a plan", "application/pdf")
GIVEN: dict[str, Any] = {
    "name": "Der Große Plan", "story": "Founded in a garage.\nGrew.", "profile": "<p>Fine <b>people</b></p>",
    "seats": 42, "factor": "1.125", "share": "12.5", "budget": "1100.25", "budget_currency": "EUR",
    "due_on": "2026-05-31", "seen_at": "2026-05-31T14:00:00+02:00", "meets_at": "2026-06-01T09:00:00+02:00",
    "meets_zone": "Europe/Berlin", "is_vip": True, "region": "north", "markets": ["south", "west"],
    "billing": "Pay@Example.com", "hotline": "+49 (40) 12-34", "shop": "https://shop.example.com", "tags": ["VIP"],
}  # fmt: skip
SHOWN = GIVEN | {
    "factor": "1.1250", "share": "12.50", "budget": "1100.2500", "budget_base": "1100.2500",
    "seen_at": "2026-05-31T12:00:00Z", "meets_at": "2026-06-01T07:00:00Z",
}  # fmt: skip
LATER: dict[str, Any] = {
    "name": "Plan B", "story": "It failed.", "profile": "<p>Nobody</p>", "seats": 0, "factor": "-2", "share": "0",
    "budget": "7", "budget_currency": "EUR", "due_on": "2027-01-01", "seen_at": "2027-01-01T00:00:00Z",
    "meets_at": "2027-01-02T08:00:00Z", "meets_zone": "Asia/Tokyo", "is_vip": False, "region": "west",
    "markets": ["north"], "billing": "b@example.com", "hotline": "110", "shop": "http://b.example.com/x?y=1",
    "tags": ["Old", "Cold"],
}  # fmt: skip
LATER_SHOWN = LATER | {"factor": "-2.0000", "share": "0.00", "budget": "7.0000", "budget_base": "7.0000"}
WRONG: dict[str, tuple[Any, ...]] = {
    "name": ("", None, "x" * 256), "story": ("x" * 50_001,), "seats": (501, -1), "factor": ("many", "1e40"),
    "share": ("101", "-1"), "budget": ("-1", "1e40"), "budget_currency": ("EURO", 5), "due_on": ("2026-02-30", "soon"),
    "seen_at": ("yesterday", "2026-02-30T00:00:00Z"), "meets_zone": ("Europe/Atlantis",), "region": ("east",),
    "markets": (["east"],), "billing": ("nobody",), "hotline": ("call me",), "shop": ("javascript:alert(1)",),
    "company_id": ("nothing",), "partners": (["nothing"],),
    "about": ("core.deal:0197f3c2-5b7e-7c1a-9d43-2f6a8b1c4e5d", "nothing"),
    "stage_id": ("0197f3c2-5b7e-7c1a-9d43-2f6a8b1c4e5d",), "plan_id": ("0197f3c2-5b7e-7c1a-9d43-2f6a8b1c4e5d",),
}  # fmt: skip
FILTERS: dict[str, list[tuple[str, Any]]] = {
    "name": [("is", "der grosse plan"), ("starts_with", "DER G"), ("has_word", "pla"), ("contains", "sse"),
             ("in", ["der große plan"]), ("lt", "e")],
    "story": [], "profile": [],  # only whether there is one: no folded twin is kept of long texts
    "seats": [("is", 42), ("between", [40, 50]), ("gt", 41), ("in", [42, 43])],
    "factor": [("gt", "1.12"), ("lte", "1.125"), ("is", "1.125")],
    "share": [("is", "12.5"), ("between", ["12", "13"])],
    "budget": [("gte", "1100"), ("lt", "1101"), ("is", "1100.25")],
    "due_on": [("is", "2026-05-31"), ("gt", "2026-05-30"), ("between", ["2026-05-01", "2026-06-01"])],
    "seen_at": [("is", "2026-05-31"), ("gte", "2026-05-31T12:00:00Z")],
    "meets_at": [("lt", "2026-06-01T07:00:01Z"), ("gt", "2026-06-01T06:59:59Z")],
    "is_vip": [("is", True), ("is_not", False)],
    "region": [("is", "north"), ("in", ["north", "west"])],
    "markets": [("has_any", ["north", "west"]), ("has_all", ["south", "west"])],
    "billing": [("is", "pay@example.com"), ("contains", "example")],
    "hotline": [("is", "+494012 34")],
    "shop": [("starts_with", "https://shop")],
    "tags": [("has_any", ["vip", "other"]), ("has_all", ["VIP"])],
}  # fmt: skip
EMPTY = {"is_vip", "name", "stage_id", "pipeline_id", "owner_id"}
"""Fields that no sheet is without."""


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return [("specimen", specimen)]


@pytest_asyncio.fixture(autouse=True)
async def tables(kernel: Kernel) -> None:
    async with kernel.db.write.begin() as connection:
        for model in (specimen.Sheet, specimen.Partner):
            await connection.run_sync(model.__table__.create)  # type: ignore[attr-defined]  # a Table


@pytest_asyncio.fixture
async def admin(as_user: Any) -> Somebody:
    """An administrator, with a pipeline of two stages for sheets."""
    somebody: Somebody = await as_user("admin")
    made = await somebody.api.post("/pipelines", {"name": "Work", "entity": "specimen.sheet", "is_default": True})
    for name in ("Begun", "Done"):
        await somebody.api.post("/stages", {"name": name, "pipeline_id": made["id"]})
    return somebody


async def linked(admin: Somebody) -> dict[str, Any]:
    """Return values of every kind of link: to records, to a file, to a stage."""
    acme, other = [(await admin.api.post("/companies", {"name": n}))["id"] for n in ("Acme", "Other")]
    person = (await admin.api.post("/contacts", {"last_name": "Agent"}))["id"]
    await admin.client.post("/files/attach", data={"of": f"core.company:{acme}"}, files=[("file", PDF)])
    files = (await admin.api.get("/files"))["items"]
    stages = {s["name"]: s["id"] for s in (await admin.api.get("/stages"))["items"] if s["name"] in ("Begun", "Done")}
    return {"company_id": acme, "about": f"core.contact:{person}", "partners": sorted([acme, other]),
            "plan_id": files[0]["id"], "stage_id": stages["Done"]}  # fmt: skip


def some(values: dict[str, Any], keys: Any) -> dict[str, Any]:
    """Return these keys of a record: several links in any order, numbers as such."""
    return {k: plain(k, values[k]) for k in keys}


def plain(key: str, value: Any) -> Any:
    if key in ("factor", "share", "budget", "budget_base") and value is not None:
        return Decimal(value)
    return sorted(value) if key in ("partners", "tags") else value


async def found(admin: Somebody, field: str, op: str, value: Any = None) -> list[str]:
    condition = msgspec.json.encode({"field": field, "op": op, "value": value}).decode()
    page = await admin.api.get(SHEETS, params={"filter": condition, "fields": "name"})
    return sorted(r["name"] for r in page["items"])


def all_kinds(base: type[f.Field] = f.Field) -> Iterator[str]:
    for one in base.__subclasses__():
        yield one.kind
        yield from all_kinds(one)


def test_sheet_has_a_field_of_every_type() -> None:
    assert {x.kind for x in specimen.SHEET.fields} == set(all_kinds())
    assert {x.name for x in specimen.SHEET.fields} - EMPTY == {
        *FILTERS,
        "company_id",
        "about",
        "partners",
        "plan_id",
    } - EMPTY


async def test_every_type_is_made_read_changed_and_emptied_by_api(admin: Somebody) -> None:
    links = await linked(admin)
    made = await admin.api.post(SHEETS, {**GIVEN, **links})
    assert some(made, SHOWN | links) == some(SHOWN | links, SHOWN | links)
    path = f"{SHEETS}/{made['id']}"
    assert some(await admin.api.get(path), made) == some(made, made)
    [listed] = (await admin.api.get(SHEETS))["items"]
    assert some(listed, ("seats", "region", "markets", "meets_zone", "budget")) == some(
        SHOWN, ("seats", "region", "markets", "meets_zone", "budget")
    )
    moved = await admin.api.post(f"{SHEETS}", {"name": "Second"})
    assert moved["stage_id"] != made["stage_id"]  # the pipeline's first
    relinked = {"company_id": links["partners"][0], "about": f"core.company:{links['partners'][1]}", "partners": [],
                "plan_id": None, "stage_id": moved["stage_id"]}  # fmt: skip
    changed = await admin.api.patch(path, {**LATER, **relinked})
    wanted = LATER_SHOWN | relinked | {"tags": sorted(LATER["tags"])}
    assert some(changed, wanted) == some(wanted, wanted)
    assert some(await admin.api.get(path), changed) == some(changed, changed)
    gone = {x.name: [] if x.kind in ("multi_choice", "links", "tags") else None for x in specimen.SHEET.fields
            if x.name not in EMPTY}  # fmt: skip
    emptied = await admin.api.patch(path, gone)
    assert {k: emptied[k] for k in gone} == gone
    assert (emptied["budget_base"], emptied["name"]) == (None, "Plan B")


async def test_every_type_refuses_what_it_cannot_hold_and_names_the_field(admin: Somebody) -> None:
    sheet = await admin.api.post(SHEETS, {"name": "Plan", "budget": "5", "meets_at": "2026-06-01T09:00:00Z"})
    for field, values in WRONG.items():
        for value in values:
            path = f"/api/v1{SHEETS}/{sheet['id']}"
            answer = await admin.client.request("PATCH", path, headers=admin.api.headers, json={field: value})
            assert answer.status_code in (400, 422), (field, str(value)[:80], answer.text)
            named = {n.partition("[")[0] for n in answer.json().get("fields", ())}
            assert field in named, (field, str(value)[:80], answer.text)
    assert (await admin.api.get(f"{SHEETS}/{sheet['id']}"))["version"] == sheet["version"]


async def test_every_type_is_found_by_its_operators(admin: Somebody) -> None:
    links = await linked(admin)
    await admin.api.post(SHEETS, {**GIVEN, **links})
    await admin.api.post(SHEETS, {"name": "Zz", "is_vip": False})
    more = {"company_id": [("is", links["company_id"])], "about": [("is", links["about"])],
            "partners": [("has_any", [links["company_id"]]), ("has_all", links["partners"])],
            "stage_id": [("is", links["stage_id"])], "company.name": [("is", "acme")],
            "partners.name": [("is", "other")], "stage.name": [("is", "done")]}  # fmt: skip
    for field, asked in {**FILTERS, **more}.items():
        for op, value in asked:
            assert await found(admin, field, op, value) == [GIVEN["name"]], (field, op)
    for one in specimen.SHEET.fields:
        if one.name in EMPTY:
            continue
        assert await found(admin, one.name, "not_empty") == [GIVEN["name"]], one.name
        assert await found(admin, one.name, "empty") == ["Zz"], one.name
        unknown = msgspec.json.encode({"field": one.name, "op": "like", "value": 1}).decode()
        await admin.api.get(SHEETS, params={"filter": unknown}, status=422)


async def test_every_type_is_typed_shown_and_changed_on_pages(admin: Somebody) -> None:
    links = await linked(admin)
    form = (await admin.client.get(f"{SHEETS}/new")).text
    for one in specimen.SHEET.fields:
        assert re.search(rf'name="{one.name}["_]', form), one.name
    local = {"seen_at": "2026-05-31T12:00", "meets_at": "2026-06-01T09:00", "budget": "1,100.25"}
    typed = {k: v for k, v in {**GIVEN, **links, **local, "is_vip": "1"}.items() if k != "plan_id"}
    made = await admin.client.post(f"{SHEETS}/new", data=typed, files={"plan_id": PDF})
    assert made.status_code == 303, re.findall(r'id="f-[\w-]+-error"[^>]*>[^<]*', made.text)
    path = made.headers["location"]
    row = await admin.api.get(path)
    same = {k: v for k, v in {**SHOWN, **links}.items() if k != "plan_id"}
    assert some(row, same) == some(same, same)
    page = (await admin.client.get(path)).text
    for words in ("Der Große Plan", "Founded in a garage.", "<b>people</b>", "42", "1.125", "12.5", "1,100.25",
                  "May 31, 2026", "9:00", "North", "South", "West", "Pay@Example.com", "tel:", "https://shop.example.com",
                  "Acme", "Other", "Agent", "VIP", "plan.pdf", "Done"):  # fmt: skip
        assert words in page, words
    assert "Der Große Plan" in (await admin.client.get(SHEETS)).text
    edit = (await admin.client.get(f"{path}/edit")).text
    for words in ('value="42"', 'value="1.125"', 'value="12.5"', 'value="2026-05-31"', 'value="2026-05-31T12:00"',
                  'value="2026-06-01T09:00"', 'value="Pay@Example.com"', "Europe/Berlin", "plan.pdf"):  # fmt: skip
        assert words in edit, words
    later = {**LATER, "seen_at": "2027-01-01T00:00", "meets_at": "2027-01-02T17:00", "plan_id__now": row["plan_id"]}
    later |= {"company_id": links["company_id"], "about": links["about"], "partners": links["partners"][:1]}
    del later["is_vip"]  # a box that is not ticked sends nothing
    saved = await admin.client.post(f"{path}/edit", data=later)
    assert saved.status_code == 303, saved.text[:2000]
    after = await admin.api.get(path)
    wanted = LATER_SHOWN | {"tags": sorted(LATER["tags"]), "partners": links["partners"][:1], "plan_id": row["plan_id"]}
    assert some(after, wanted) == some(wanted, wanted)
    assert after["stage_id"] == row["stage_id"]  # moves go by their own way


async def test_every_type_is_exported_and_comes_back_by_an_import(
    admin: Somebody, kernel: Kernel, tmp_path: Path, jobs: Callable[..., Any]
) -> None:
    links = await linked(admin)
    made = await admin.api.post(SHEETS, {**GIVEN, **links})
    wanted = Wanted(entity=specimen.SHEET)
    text = b"".join([b async for b in export_csv(kernel, SYSTEM, wanted)])
    [row] = csv.DictReader(io.StringIO(text.decode("utf-8-sig")))
    assert {x.name for x in specimen.SHEET.fields} <= row.keys()
    for name, value in (("seats", "42"), ("due_on", "2026-05-31"), ("meets_zone", "Europe/Berlin"), ("region", "north"),
                        ("company_id", "Acme"), ("stage_id", "Done"), ("budget_currency", "EUR")):  # fmt: skip
        assert row[name] == value, (name, row[name])
    book = tmp_path / "sheets.xlsx"
    assert await export_xlsx(kernel, SYSTEM, wanted, book) == 1
    lines = list(load_workbook(book).active.values)  # type: ignore[union-attr]  # a book has a sheet
    assert len(lines) == 2
    assert set(lines[0]) >= {x.name for x in specimen.SHEET.fields}
    await admin.api.delete(f"{SHEETS}/{made['id']}")
    again = [n for n in (*GIVEN, "company_id", "partners", "stage_id") if n in row]
    of = {"entity": "specimen-sheets", "map": [f"{n}={n}" for n in again]}
    started = await admin.api.post("/imports", status=202, params=of, content=text)
    await jobs()
    report = (await admin.api.get(started["href"].removeprefix("/api/v1")))["report"]
    assert (report["created"], report["failed"], report["unknown"]) == (1, 0, []), report
    [back] = (await admin.api.get(SHEETS))["items"]
    back = await admin.api.get(f"{SHEETS}/{back['id']}")
    assert some(back, again) == some(made, again)
