"""However a filter on custom fields is asked - value first, row by row, by the few without - it finds the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from crm_core.auth.actor import system
from crm_core.entity import custom_fields, custom_values, query, records
from crm_core.kernel import Kernel
from crm_core.testing.people import Api

SYSTEM = system("test")
ROWS, FILTERS = 60, 40
OPTIONS = [{"value": v, "label": v} for v in ("north", "south", "west")]
KINDS: dict[str, dict[str, Any]] = {
    "note": {"kind": "text"}, "seats": {"kind": "integer"}, "vip": {"kind": "boolean"},
    "area": {"kind": "choice", "options": OPTIONS}, "areas": {"kind": "multi_choice", "options": OPTIONS},
    "price": {"kind": "money"}, "due": {"kind": "date"},
}  # fmt: skip
Test = tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]


def a_record(pick: random.Random) -> dict[str, Any]:
    """Return custom values; `note` is nearly always there, `due` nearly never."""
    days = [f"2026-0{n}-01" for n in range(1, 10)]
    given = {
        "note": pick.choice("abc") if pick.random() < 0.95 else None, "seats": pick.choice([None, *range(6)]),
        "vip": pick.random() < 0.9, "area": pick.choice(["north", "north", "north", "south", None]),
        "areas": pick.sample(["north", "south", "west"], pick.randrange(3)),
        "price": pick.choice([None, "10", "20"]), "due": pick.choice(days) if pick.random() < 0.1 else None,
    }  # fmt: skip
    return {k: v for k, v in given.items() if v not in (None, [], False)}


def a_test(pick: random.Random) -> Test:
    """Return a test as the API takes it, and what it means for a record's custom values."""
    tests: list[Test] = [
        (_test("note", "empty"), lambda r: "note" not in r),
        (_test("note", "not_empty"), lambda r: "note" in r),
        (_test("note", "is", "a"), lambda r: r.get("note") == "a"),
        (_test("note", "is_not", "a"), lambda r: r.get("note") != "a"),
        (_test("seats", "empty"), lambda r: "seats" not in r),
        (_test("seats", "gt", 1), lambda r: r.get("seats", -1) > 1),
        (_test("vip", "is", True), lambda r: r.get("vip", False)),
        (_test("vip", "is", False), lambda r: not r.get("vip", False)),
        (_test("area", "is_not", "north"), lambda r: r.get("area") != "north"),
        (_test("area", "in", ["north", "south"]), lambda r: r.get("area") in ("north", "south")),
        (_test("areas", "has_any", ["west"]), lambda r: "west" in r.get("areas", ())),
        (_test("areas", "has_none", ["north"]), lambda r: "north" not in r.get("areas", ())),
        (_test("areas", "empty"), lambda r: "areas" not in r),
        (_test("price", "empty"), lambda r: "price" not in r),
        (_test("due", "not_empty"), lambda r: "due" in r),
        (_test("due", "lt", "2026-05-01"), lambda r: r.get("due", "9") < "2026-05-01"),
    ]
    return pick.choice(tests)


def _test(name: str, op: str, *value: Any) -> dict[str, Any]:
    return {"field": f"custom.{name}", "op": op, **({"value": value[0]} if value else {})}


async def filled(kernel: Kernel, api: Api, pick: random.Random) -> dict[str, dict[str, Any]]:
    """Define the fields and make records; return custom values by name."""
    for name, values in KINDS.items():
        await api.post("/custom-fields", {"entity": "core.company", "name": name, "label": name, **values})
    made = {f"Company {n:02}": a_record(pick) for n in range(ROWS)}
    async with kernel.write(SYSTEM) as uow:
        for name, custom in made.items():
            values = {"name": name, **{f"custom.{k}": v for k, v in custom.items()}}
            await records.create(uow, uow.registry.entity("core.company"), values)
    return made


@pytest.mark.parametrize(("common", "few"), [(3000, 1000), (0, -1), (0, 3), (20, 5), (20, 1000)])
async def test_random_filters_find_the_same_in_whatever_way_they_are_asked(
    kernel: Kernel, api: Api, monkeypatch: pytest.MonkeyPatch, common: int, few: int
) -> None:
    kernel.db.write_limit = None
    pick = random.Random(common * 7 + few)
    made = await filled(kernel, api, pick)
    monkeypatch.setattr("crm_core.entity.asking.COMMON", common)
    monkeypatch.setattr("crm_core.entity.asking.FEW", few)
    for number in range(FILTERS):
        tests = [a_test(pick) for _ in range(pick.randrange(1, 4))]
        asked = {"all": [t for t, _meaning in tests]}
        expected = sorted(n for n, custom in made.items() if all(meaning(custom) for _t, meaning in tests))
        async with kernel.read(SYSTEM) as uow:
            entity = uow.registry.entity("core.company")
            sort = pick.choice(["name", "-name", "custom.seats", "custom.note"])
            found, cursor = [], None
            while True:
                params = query.ListParams(filter=asked, sort=sort, fields=("name",), limit=7, cursor=cursor)
                page = await query.list_records(uow, entity, params)
                found += [item.name for item in page.items]
                if (cursor := page.next_cursor) is None:
                    break
            assert sorted(found) == expected, (number, msgspec.json.encode(asked), sort)
            assert await query.count(uow, entity, query.ListParams(filter=asked)) == len(expected), asked
            assert (await query.totals(uow, entity, query.ListParams(filter=asked), ()))["count"] == len(expected)


async def test_records_that_come_to_lack_a_value_are_found_by_the_same_filter(kernel: Kernel, api: Api) -> None:
    """How a filter is asked is part of what decides its statement."""
    await api.post("/custom-fields", {"entity": "core.company", "name": "note", "label": "note", "kind": "text"})
    asked = {"filter": msgspec.json.encode({"field": "custom.note", "op": "empty"}).decode(), "count": "true"}
    for number in range(6):  # none, one, two, four ids in the statement
        assert (await api.get("/companies", params=asked))["count"] == number
        await api.post("/companies", {"name": f"Filled {number}", "custom": {"note": "x"}})
        await api.post("/companies", {"name": f"Empty {number}"})
        listed = [c["name"] for c in (await api.get("/companies", params={**asked, "sort": "name"}))["items"]]
        assert listed == [f"Empty {n}" for n in range(number + 1)]


async def test_empty_field_has_no_row_of_values(kernel: Kernel, api: Api) -> None:
    """`empty` asks only whether there is a row: each row says something."""
    await filled(kernel, api, random.Random(5))
    async with kernel.read(SYSTEM) as uow:
        on = {one.id: one for one in uow.registry.custom["core.company"]}
        rows = (await uow.session.execute(custom_values.TABLE.select())).mappings().all()
    assert {on[r["field_id"]].key for r in rows} == set(KINDS)
    for row in rows:
        assert any(row[c] is not None for c in ("folded", "number", "moment", "ref")), row
    assert custom_fields.SEVERAL == ("multi_choice", "links")
