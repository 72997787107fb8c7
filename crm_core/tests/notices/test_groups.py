"""A list in groups: counts and sums over all matching records, under the rights of whoever asks."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from crm_core.auth.actor import system
from crm_core.entity import records
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People

SYSTEM = system("test")
Jobs = Callable[..., Awaitable[Any]]


async def asked(api: Api, entity: str, group: str, **params: Any) -> dict[str, Any]:
    """Return the API's groups."""
    plain = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in params.items()}
    found: dict[str, Any] = await api.get("/views/groups", params={"entity": entity, "group": group, **plain})
    return found


def told(found: dict[str, Any]) -> list[tuple[str, int]]:
    return [(g["label"], g["count"]) for g in found["items"]]


@pytest.mark.parametrize("seed", [1, 2])
async def test_counts_and_sums_equal_those_of_the_records(kernel: Kernel, api: Api, seed: int) -> None:
    kernel.db.write_limit = None
    pick = random.Random(seed)
    await api.post("/rates", {"currency": "USD", "valid_from": "2020-01-01", "rate": "0.5"})
    industries = ["software", "finance", None]
    made = []
    async with kernel.write(SYSTEM) as uow:
        for n in range(120):
            values: dict[str, Any] = {
                "name": f"Company {n}", "industry": pick.choice(industries), "employees": pick.choice([None, 1, 2, 30]),
                "revenue": pick.choice([None, "10.50", "200"]), "revenue_currency": pick.choice(["EUR", "USD", "JPY"]),
            }  # fmt: skip
            if values["revenue_currency"] == "JPY" and values["revenue"]:
                values["revenue"] = "300"
            await records.create(uow, uow.registry.entity("core.company"), {k: v for k, v in values.items() if v})
            made.append(values)
    condition = {"field": "employees", "op": "not_empty"}
    found = await asked(api, "core.company", "industry", filter=condition, sum="revenue,employees")
    rates = {"EUR": Decimal(1), "USD": Decimal("0.5")}
    for one in found["items"]:
        mine = [m for m in made if m["industry"] == one["value"] and m["employees"]]
        worths = [Decimal(m["revenue"]) * rates[m["revenue_currency"]] for m in mine
                  if m["revenue"] and m["revenue_currency"] in rates]  # fmt: skip
        assert one["count"] == len(mine)
        assert one["sums"]["employees"] == sum(m["employees"] for m in mine)
        assert Decimal(one["sums"]["revenue"]) == sum(worths)
        both = {"all": [condition, one["filter"]]}
        listed = await api.get("/companies", params={"filter": json.dumps(both), "count": "true", "limit": 1})
        assert listed["count"] == one["count"]  # the group's own filter finds it
    assert [g["value"] for g in found["items"]][-1] is None
    assert found["count"] == sum(g["count"] for g in found["items"]) == len([m for m in made if m["employees"]])
    missing = [m for m in made if m["employees"] and m["revenue"] and m["revenue_currency"] == "JPY"]
    assert found["unrated"] == {"revenue": {"JPY": len(missing)}}


async def test_stages_come_in_their_order_and_links_by_count_with_titles(api: Api) -> None:
    acme, globex = [(await api.post("/companies", {"name": n}))["id"] for n in ("Acme", "Globex")]
    first = await api.post("/deals", {"name": "A", "company_id": acme, "amount": "5", "amount_currency": "EUR"})
    stages = (await api.get("/stages", params={"limit": 100}))["items"]
    mine = sorted((s for s in stages if s["pipeline_id"] == first["pipeline_id"]), key=lambda s: s["position"])
    for name, company, stage in (("B", globex, mine[1]), ("C", globex, mine[1]), ("D", None, mine[0])):
        await api.post("/deals", {"name": name, "company_id": company, "stage_id": stage["id"]})
    by_stage = await asked(api, "core.deal", "stage_id", sum="amount")
    assert told(by_stage) == [(mine[0]["name"], 2), (mine[1]["name"], 2)]
    assert Decimal(by_stage["sums"]["amount"]) == 5
    assert told(await asked(api, "core.deal", "company_id")) == [("Globex", 2), ("Acme", 1), ("(empty)", 1)]


async def test_custom_fields_make_groups_and_sums(api: Api) -> None:
    options = [{"value": v, "label": v.capitalize()} for v in ("south", "north")]
    for name, kind in (("region", "choice"), ("vip", "boolean"), ("budget", "money")):
        more = {"options": options} if kind == "choice" else {}
        await api.post(
            "/custom-fields", {"entity": "core.company", "name": name, "label": name, "kind": kind, **more}
        )  # fmt: skip
    for n, custom in enumerate(({"region": "north", "vip": True, "budget": "1"}, {"region": "south", "budget": "2"},
                                {"region": "north", "vip": False, "budget": "4"}, {})):  # fmt: skip
        await api.post("/companies", {"name": f"N{n}", "custom": custom})
    found = await asked(api, "core.company", "custom.region", sum="custom.budget")
    assert told(found) == [("South", 1), ("North", 2), ("(empty)", 1)]
    assert [g["sums"]["custom.budget"] and Decimal(g["sums"]["custom.budget"]) for g in found["items"]] == [2, 5, None]
    assert told(await asked(api, "core.company", "custom.vip")) == [("Yes", 1), ("No", 3)]


async def test_groups_count_only_what_the_asker_may_read_and_know(kernel: Kernel, as_user: People) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    await admin.api.post("/companies", {"name": "Theirs", "industry": "software"})
    await rep.api.post("/companies", {"name": "Mine", "industry": "finance"})
    mine = await asked(rep.api, "core.company", "industry")
    assert (mine["count"], [g["value"] for g in mine["items"]]) == (1, ["finance"])
    assert (await asked(admin.api, "core.company", "industry"))["count"] == 2
    page = await rep.client.get("/views/groups?of=core.company&group=industry")
    assert page.status_code == 200
    assert "Software" not in page.text


async def test_field_hidden_by_a_role_makes_no_groups_and_no_sums(as_user: People) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    await rep.api.post("/companies", {"name": "Mine", "industry": "finance"})
    role = next(r for r in (await admin.api.get("/roles"))["items"] if r["key"] == "sales")
    rights = await admin.api.get(f"/roles/{role['id']}/rights")
    hidden = {"core.company": {"industry": "hidden", "revenue": "hidden"}}
    bars = {"version": rights["version"], "fields": hidden}
    await admin.api.patch(f"/roles/{role['id']}/rights", bars)
    await rep.api.get("/views/groups", params={"entity": "core.company", "group": "industry"}, status=422)
    params = {"entity": "core.company", "group": "owner_id", "sum": "revenue"}
    await rep.api.get("/views/groups", params=params, status=422)


async def test_what_makes_no_groups_is_refused(api: Api) -> None:
    for group, sums in (("name", ""), ("nonsense", ""), ("", ""), ("industry", "name"), ("industry", "nonsense")):
        await api.get("/views/groups", params={"entity": "core.company", "group": group, "sum": sums}, status=422)
    await api.get("/views/groups", params={"entity": "core.nothing", "group": "industry"}, status=422)


async def test_view_with_a_group_shows_counts_and_sums_on_its_list(as_user: People) -> None:
    someone = await as_user("admin")
    for name, industry, revenue in (("A", "software", "10.50"), ("B", "software", "5.25"), ("C", None, "1")):
        values = {"name": name, "industry": industry, "revenue": revenue, "revenue_currency": "EUR"}
        await someone.api.post("/companies", values)
    at = "group=industry&columns=name&columns=revenue"
    saved = await someone.client.post("/views", data={"of": "core.company", "at": at, "name": "By industry"})
    opened = await someone.client.get(saved.headers["location"])
    assert 'hx-get="/views/groups?of=core.company&amp;' in opened.text
    address = "/views/groups?of=core.company&" + saved.headers["location"].partition("?")[2]
    groups = await someone.client.get(address)  # as a page without JavaScript, as a part of the list with it
    part = await someone.client.get(address, headers={"hx-request": "true"})
    for text in (groups.text, part.text):
        assert "Software" in text
        assert "15.75" in text
        assert "16.75" in text
        assert "f.industry=software" in text
    assert "<html" in groups.text
    assert "<html" not in part.text
    (view,) = (await someone.api.get("/views"))["items"]
    assert (view["state"]["group"], view["missing"]) == ("industry", [])
