"""Custom fields of every type through the API: stored, shown, found, sorted, searched, told, undone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from crm_core.testing.people import Api

Events = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]

GIVEN: dict[str, Any] = {
    "nickname": "Der Große Ölhändler",
    "story": "Founded in a garage.\nGrew quickly.",
    "profile": "<p>Fine <b>people</b></p>",
    "seats": 42,
    "factor": "1.125",
    "share": "12.5",
    "budget": "1100.25",
    "due_on": "2026-05-31",
    "seen_at": "2026-05-31T14:00:00+02:00",
    "meets_at": "2026-06-01T09:00:00+02:00",
    "meets_at_zone": "Europe/Berlin",
    "vip": True,
    "region": "north",
    "markets": ["south", "west"],
    "billing": "Pay@Example.com",
    "hotline": "+49 (40) 12-34",
    "shop": "https://shop.example.com",
    "number": "C-1",
}
TODAY = datetime.now(UTC).date().isoformat()
SHOWN = GIVEN | {
    "share": "12.50", "budget": "1100.2500", "budget_currency": "EUR", "budget_base": "1100.2500",
    "budget_rate": "1", "budget_rate_on": TODAY, "seen_at": "2026-05-31T12:00:00Z", "meets_at": "2026-06-01T07:00:00Z",
}  # fmt: skip


async def found(api: Api, field: str, op: str, value: Any = None, path: str = "/companies") -> list[str]:
    """Return the names of records that a filter lets through, sorted."""
    condition = msgspec.json.encode({"field": field, "op": op, "value": value}).decode()
    page = await api.get(path, params={"filter": condition, "fields": "name"})
    return sorted(r["name"] for r in page["items"])


@pytest.mark.usefixtures("fields")
async def test_every_type_is_stored_and_shown(api: Api) -> None:
    contact = await api.post("/contacts", {"last_name": "Agent"})
    other = await api.post("/companies", {"name": "Other"})
    links = {"agent": contact["id"], "partners": [other["id"]]}
    made = await api.post("/companies", {"name": "Acme", "custom": {**GIVEN, **links}})
    assert made["custom"] == {**SHOWN, **links}
    one = await api.get(f"/companies/{made['id']}")
    assert one["custom"] == made["custom"]
    listed = await api.get("/companies", params={"q": "acme"})
    long = ("story", "profile")
    assert listed["items"][0]["custom"] == {k: v for k, v in one["custom"].items() if k not in long}
    some = await api.get("/companies", params={"fields": "name,custom.region,custom.seats", "q": "acme"})
    assert some["items"][0]["custom"] == {"region": "north", "seats": 42}
    along = await api.get("/companies", params={"expand": "custom.agent", "q": "acme"})
    assert along["items"][0]["custom.agent"]["last_name"] == "Agent"
    emptied = await api.patch(f"/companies/{made['id']}", {"custom": {"seats": None, "vip": False, "budget": None}})
    assert not {"seats", "vip", "budget", "budget_currency", "budget_base"} & set(emptied["custom"])
    assert emptied["custom"]["region"] == "north"


FILTERS: list[tuple[str, str, Any]] = [
    ("nickname", "is", "der grosse ölhändler"),
    ("nickname", "starts_with", "DER G"),
    ("nickname", "has_word", "ölh"),
    ("nickname", "contains", "sse"),
    ("nickname", "not_empty", None),
    ("story", "not_empty", None),
    ("seats", "is", 42),
    ("seats", "between", [40, 50]),
    ("factor", "gt", "1.12"),
    ("factor", "lte", "1.125"),
    ("share", "is", "12.5"),
    ("budget", "gte", 1100),
    ("budget_currency", "is", "EUR"),
    ("due_on", "is", "2026-05-31"),
    ("due_on", "gt", "2026-05-30"),
    ("seen_at", "is", "2026-05-31"),
    ("meets_at", "lt", "2026-06-01T07:00:01Z"),
    ("vip", "is", True),
    ("region", "in", ["north", "west"]),
    ("region", "is_not", "south"),
    ("markets", "has_any", ["north", "west"]),
    ("markets", "has_all", ["south", "west"]),
    ("billing", "is", "pay@example.com"),
    ("hotline", "is", "+494012 34"),
    ("shop", "starts_with", "https://shop"),
    ("number", "in", ["C-1", "C-7"]),
]


@pytest.mark.usefixtures("fields")
async def test_filters_find_every_type_and_leave_the_others(api: Api) -> None:
    contact = await api.post("/contacts", {"last_name": "Agent"})
    partner = await api.post("/companies", {"name": "Partner"})
    links = {"agent": contact["id"], "partners": [partner["id"]]}
    await api.post("/companies", {"name": "Acme", "custom": {**GIVEN, **links}})
    await api.post("/companies", {"name": "South", "custom": {"region": "south"}})
    more = [("agent", "is", contact["id"]), ("partners", "has_any", [partner["id"]])]
    more += [("agent.last_name", "is", "agent")]
    for field, op, value in [*FILTERS, *more]:
        expected = ["Acme", "Partner"] if op == "is_not" else ["Acme"]
        assert await found(api, f"custom.{field}", op, value) == expected, (field, op)
    opposite = {"in": "not_in", "not_empty": "empty", "has_any": "has_none"}
    for field, op, value in FILTERS:
        if op in opposite and field != "region":
            assert await found(api, f"custom.{field}", opposite[op], value) == ["Partner", "South"], (field, op)
    assert await found(api, "custom.vip", "is", False) == ["Partner", "South"]
    assert await found(api, "custom.partners.name", "is", "partner") == ["Acme"]
    reverse = msgspec.json.encode({"field": "custom.company_agent.name", "op": "is", "value": "acme"}).decode()
    people = await api.get("/contacts", params={"filter": reverse})
    assert [p["last_name"] for p in people["items"]] == ["Agent"]


@pytest.mark.usefixtures("fields")
async def test_filters_reach_custom_fields_of_linked_records(api: Api) -> None:
    company = await api.post("/companies", {"name": "Acme", "custom": {"region": "north"}})
    await api.post("/deals", {"name": "Big", "company_id": company["id"]})
    await api.post("/deals", {"name": "Small"})
    assert await found(api, "company.custom.region", "is", "north", "/deals") == ["Big"]


SORTED = {
    "nickname": ["Alpha", "beta", "Ömega", "zeta"],
    "seats": [-3, 0, 5, 1000],
    "factor": ["-1.5", "0.001", "0.01", "12"],
    "budget": ["-5", "0.01", "3", "1000000"],
    "due_on": ["1999-12-31", "2026-01-01", "2026-01-02", "2031-05-05"],
    "seen_at": ["1999-12-31T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2031-05-05T00:00:00Z"],
}


@pytest.mark.usefixtures("fields")
async def test_lists_are_sorted_by_custom_fields_page_by_page_empty_ones_last(api: Api) -> None:
    for number in (2, 0, 3, 1):
        values = {k: v[number] for k, v in SORTED.items()}
        await api.post("/companies", {"name": f"N{number}", "custom": values})
    for number in (4, 5):
        await api.post("/companies", {"name": f"N{number}"})
    for field in SORTED:
        for down in ("", "-"):
            names: list[str] = []
            params = {"sort": f"{down}custom.{field}", "limit": "2", "fields": "name"}
            while True:
                page = await api.get("/companies", params=params)
                names += [r["name"] for r in page["items"]]
                if page["next"] is None:
                    break
                params["cursor"] = page["next"]
            wanted = ["N3", "N2", "N1", "N0", "N5", "N4"] if down else ["N0", "N1", "N2", "N3", "N4", "N5"]
            assert names == wanted, (field, down)


@pytest.mark.usefixtures("fields")
async def test_words_of_searched_fields_find_the_record(api: Api) -> None:
    made = await api.post("/companies", {"name": "Acme", "custom": {"nickname": "Zwiebelfisch", "number": "Q-77"}})
    hits = (await api.get("/search", params={"q": "zwiebel"}))["items"]
    assert [h["id"] for h in hits] == [made["id"]]
    assert [r["name"] for r in (await api.get("/companies", params={"q": "zwiebelf"}))["items"]] == ["Acme"]
    assert (await api.get("/companies", params={"q": "77"}))["items"] == []  # not a searched field
    await api.patch(f"/companies/{made['id']}", {"custom": {"nickname": "Lachs"}})
    assert (await api.get("/companies", params={"q": "zwiebel"}))["items"] == []
    assert len((await api.get("/companies", params={"q": "lachs"}))["items"]) == 1


@pytest.mark.usefixtures("fields")
async def test_events_tell_custom_fields_by_name_and_undo_restores_them(api: Api, events: Events) -> None:
    made = await api.post("/companies", {"name": "Acme", "custom": {"region": "north", "seats": 1}})
    path = f"/companies/{made['id']}"
    await api.patch(path, {"custom": {"region": "south", "budget": "5"}})
    created, updated = [p for _kind, p in await events("core.company.")]
    assert created["after"]["custom.region"] == "north"
    assert "custom" not in created["after"]
    parts = ("", "_base", "_currency", "_rate", "_rate_on")
    assert updated["before"] == dict.fromkeys(f"custom.budget{part}" for part in parts) | {"custom.region": "north"}
    assert updated["after"]["custom.region"] == "south"
    assert "custom.seats" not in updated["after"]
    log = await api.get("/admin/events", params={"record": f"core.company:{made['id']}"})
    cause = log["items"][0]["cause"]
    await api.post("/undo", {"cause": cause}, status=200)
    assert (await api.get(path))["custom"] == {"region": "north", "seats": 1}
    assert await found(api, "custom.region", "is", "north") == ["Acme"]
    assert await found(api, "custom.budget", "not_empty") == []


@pytest.mark.usefixtures("fields")
async def test_different_custom_fields_merge_and_the_same_one_is_a_conflict(api: Api) -> None:
    made = await api.post("/companies", {"name": "Acme", "custom": {"region": "north"}})
    path = f"/companies/{made['id']}"
    old = {"headers": {"if-match": '"1"'}}
    await api.patch(path, {"custom": {"region": "south"}}, **old)
    merged = await api.patch(path, {"custom": {"seats": 3}}, **old)
    assert merged["custom"] == {"region": "south", "seats": 3}
    clash = await api.patch(path, {"custom": {"region": "west"}}, status=409, **old)
    assert clash["conflicts"] == {"custom.region": {"yours": "west", "theirs": "south"}}


@pytest.mark.usefixtures("fields")
async def test_bulk_calls_set_custom_fields(api: Api) -> None:
    ids = [(await api.post("/companies", {"name": f"N{i}"}))["id"] for i in range(3)]
    body = {"ids": ids, "action": "update", "values": {"custom": {"region": "west", "seats": 4}}}
    results = (await api.post("/companies/bulk", body, status=200))["results"]
    assert [r["status"] for r in results] == [200] * 3, results
    assert await found(api, "custom.region", "is", "west") == ["N0", "N1", "N2"]
    assert await found(api, "custom.seats", "is", 4) == ["N0", "N1", "N2"]


@pytest.mark.usefixtures("fields")
async def test_filters_that_most_records_meet_find_the_same_row_by_row(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.post("/companies", {"name": "Acme", "custom": GIVEN})
    await api.post("/companies", {"name": "South", "custom": {"region": "south"}})
    monkeypatch.setattr("crm_core.entity.asking.COMMON", 0)  # any value counts as common
    for field, op, value in FILTERS:
        expected = ["Acme"]
        assert await found(api, f"custom.{field}", op, value) == expected, (field, op)
    both = {
        "all": [{"field": "custom.vip", "op": "is", "value": True}, {"field": "custom.seats", "op": "gt", "value": 1}]
    }
    page = await api.get("/companies", params={"filter": msgspec.json.encode(both).decode(), "sort": "custom.seats"})
    assert [r["name"] for r in page["items"]] == ["Acme"]
