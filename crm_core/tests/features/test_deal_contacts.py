"""Deals: contacts with roles, reasons for losing, opening again, the weighted amount."""

from __future__ import annotations

import json
import random
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity import query
from crm_core.features.deals.models import Deal
from crm_core.kernel import Kernel

SYSTEM = system("test")


async def person(api: Any, name: str) -> str:
    return str((await api.post("/contacts", {"last_name": name}))["id"])


async def role(api: Any, name: str) -> str:
    found = await api.get("/deal-roles", params={"filter": json.dumps({"field": "name", "op": "is", "value": name})})
    return str(found["items"][0]["id"])


def primary(deal: dict[str, Any]) -> list[str]:
    return [r["contact_id"] for r in deal["contacts"] if r["is_primary"]]


async def test_main_contact_and_contacts_are_kept_in_step_both_ways(api: Any) -> None:
    ada, bob = await person(api, "Ada"), await person(api, "Bob")
    deal = await api.post("/deals", {"name": "Roof", "contact_id": ada})
    path = f"/deals/{deal['id']}"
    assert (deal["contact_id"], primary(deal)) == (ada, [ada])
    deal = await api.patch(path, {"contact_id": bob})
    assert (primary(deal), len(deal["contacts"])) == ([bob], 2)
    lines = [{**r, "is_primary": r["contact_id"] == ada} for r in deal["contacts"]]
    deal = await api.patch(path, {"contacts": lines})
    assert (deal["contact_id"], primary(deal)) == (ada, [ada])
    deal = await api.patch(path, {"contact_id": None})
    assert (deal["contact_id"], primary(deal), len(deal["contacts"])) == (None, [], 2)
    deal = await api.patch(path, {"contacts": []})
    assert (deal["contact_id"], deal["contacts"]) == (None, [])
    deal = await api.patch(path, {"contacts": [{"contact_id": bob, "role_id": await role(api, "Champion")}]})
    assert (deal["contact_id"], primary(deal)) == (bob, [bob])


async def test_change_of_main_contact_is_one_event_and_is_undone_whole(api: Any, kernel: Kernel) -> None:
    from crm_core.entity.event_rows import EventRow

    ada, bob = await person(api, "Ada"), await person(api, "Bob")
    deal = await api.post("/deals", {"name": "Roof", "contact_id": ada})
    await api.patch(f"/deals/{deal['id']}", {"contact_id": bob})
    async with kernel.read(SYSTEM) as uow:
        wanted = sa.select(EventRow).where(EventRow.record_id == UUID(deal["id"])).order_by(EventRow.id)
        events = list(await uow.session.scalars(wanted))
    assert [e.type for e in events] == ["core.deal.created", "core.deal.updated"]
    await api.post("/undo", {"cause": str(events[-1].cause)}, status=200)
    back = await api.get(f"/deals/{deal['id']}")
    assert (back["contact_id"], primary(back), len(back["contacts"])) == (ada, [ada], 1)


async def test_person_named_twice_and_roles_that_are_not_offered_are_refused(api: Any) -> None:
    ada = await person(api, "Ada")
    champion = await role(api, "Champion")
    body = {"name": "Roof", "contacts": [{"contact_id": ada}, {"contact_id": ada}]}
    assert "contacts" in (await api.post("/deals", body, status=422))["fields"]
    deal = await api.post("/deals", {"name": "Roof", "contacts": [{"contact_id": ada, "role_id": champion}]})
    await api.patch(f"/deal-roles/{champion}", {"is_archived": True})
    bad = {"name": "Other", "contacts": [{"contact_id": ada, "role_id": champion}]}
    assert "contacts" in (await api.post("/deals", bad, status=422))["fields"]
    kept = await api.patch(f"/deals/{deal['id']}", {"name": "Roof 2", "contacts": deal["contacts"]})
    assert kept["contacts"][0]["role_id"] == champion


async def test_deals_are_found_by_any_contact_and_role_and_the_contact_page_names_them(api: Any, as_user: Any) -> None:
    ada, bob = await person(api, "Ada"), await person(api, "Bob")
    champion = await role(api, "Champion")
    lines = [{"contact_id": ada, "is_primary": True}, {"contact_id": bob, "role_id": champion}]
    await api.post("/deals", {"name": "Roof", "contacts": lines})
    await api.post("/deals", {"name": "Wall", "contact_id": ada})
    for field, value, names in (
        ("contacts.contact_id", bob, ["Roof"]), ("contacts.contact_id", ada, ["Roof", "Wall"]),
        ("contacts.role.name", "Champion", ["Roof"]),
    ):  # fmt: skip
        condition = json.dumps({"field": field, "op": "is", "value": value})
        items = (await api.get("/deals", params={"filter": condition}))["items"]
        assert sorted(d["name"] for d in items) == names
    shown = (await (await as_user("admin")).client.get(f"/deal-parts?contact={bob}")).text
    assert "Roof" in shown
    assert "Champion" in shown
    assert "Wall" not in shown


async def test_losing_needs_a_reason_and_takes_a_text_that_names_one_for_it(api: Any) -> None:
    price = next(r for r in (await api.get("/lost-reasons"))["items"] if r["name"] == "Price")
    deal = await api.post("/deals", {"name": "Roof"})
    path = f"/deals/{deal['id']}"
    answer = await api.post(f"{path}/lose", {}, status=422)
    assert set(answer["fields"]) == {"lost_reason_id"}
    lost_stage = next(s for s in (await api.get("/stages"))["items"] if s["name"] == "Lost")
    await api.patch(path, {"stage_id": lost_stage["id"]}, status=422)
    await api.post(f"{path}/lose", {"lost_reason_id": "01890000-0000-7000-8000-000000000000"}, status=422)
    lost = await api.post(f"{path}/lose", {"lost_reason": "  PRICE "}, status=200)
    assert lost["lost_reason_id"] == price["id"]
    again = await api.post(f"{path}/reopen", {}, status=200)
    assert (again["stage_id"], again["closed_on"], again["lost_reason_id"], again["lost_reason"]) == (
        deal["stage_id"], None, None, None,
    )  # fmt: skip
    own = await api.post(f"{path}/lose", {"lost_reason": "They moved to the moon"}, status=200)
    assert (own["lost_reason_id"], own["lost_reason"]) == (None, "They moved to the moon")
    await api.post(f"{path}/reopen", {"stage_id": lost_stage["id"]}, status=422)


async def test_archived_reason_is_neither_offered_nor_taken_and_stays_where_it_is(api: Any, as_user: Any) -> None:
    price = next(r for r in (await api.get("/lost-reasons"))["items"] if r["name"] == "Price")
    old, new = await api.post("/deals", {"name": "Old"}), await api.post("/deals", {"name": "New"})
    await api.post(f"/deals/{old['id']}/lose", {"lost_reason_id": price["id"]}, status=200)
    await api.patch(f"/lost-reasons/{price['id']}", {"is_archived": True})
    answer = await api.post(f"/deals/{new['id']}/lose", {"lost_reason_id": price["id"]}, status=422)
    assert "archived" in str(answer["fields"])
    kept = await api.patch(f"/deals/{old['id']}", {"name": "Older", "lost_reason_id": price["id"]})
    assert kept["lost_reason_id"] == price["id"]
    form = (await (await as_user("admin")).client.get(f"/deals/{new['id']}/do/lose")).text
    assert "Competitor" in form
    assert "Price" not in form


async def test_reopened_deal_goes_to_the_open_stage_it_was_in_last(api: Any) -> None:
    known = {s["name"]: s["id"] for s in (await api.get("/stages"))["items"]}
    deal = await api.post("/deals", {"name": "Roof", "amount": "2"})
    await api.post(f"/deals/{deal['id']}/move", {"stage_id": known["Engaging"]}, status=200)
    await api.post(f"/deals/{deal['id']}/win", status=200)
    assert (await api.post(f"/deals/{deal['id']}/reopen", {}, status=200))["stage_id"] == known["Engaging"]
    await api.post(f"/deals/{deal['id']}/reopen", {}, status=409)


def expected(amount: Decimal | None, percent: Decimal | None) -> Decimal | None:
    if amount is None or percent is None:
        return None
    return (amount * percent / 100).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


@pytest.mark.parametrize("seed", [5])
async def test_weighted_amount_is_exact_to_the_last_digit_with_its_sum_and_order(
    kernel: Kernel, api: Any, seed: int
) -> None:
    pick = random.Random(seed)
    await api.post("/deals", {"name": "First"})
    cases: list[tuple[Decimal | None, Decimal | None]] = [
        (Decimal("0.0001"), Decimal(50)), (Decimal("0.0003"), Decimal(50)), (Decimal("-0.0001"), Decimal(50)),
        (Decimal("-0.0003"), Decimal(50)), (Decimal("900000000000000.1234"), Decimal("33.333333")), (None, Decimal(3)),
        (Decimal("99999999.9999"), Decimal("99.999999")), (Decimal(7), None), (Decimal(0), Decimal(0)),
        (Decimal("-900000000000000.1234"), Decimal("66.666667")),
    ]  # fmt: skip
    for _number in range(300):
        amount = Decimal(pick.randrange(-(10 ** pick.randint(1, 17)), 10**17)).scaleb(-4)
        cases.append((amount, Decimal(pick.randrange(10**8)).scaleb(-6)))
    async with kernel.write(SYSTEM) as uow:
        table = Deal.__table__
        first = (await uow.session.execute(sa.select(table))).mappings().one()
        rows = [
            {**first, "id": UUID(int=n + 1), "amount": a, "amount_base": a, "probability": p, "name": str(n)}
            for n, (a, p) in enumerate(cases)
        ]
        await uow.session.execute(sa.delete(table))
        await uow.session.execute(sa.insert(table), rows)
        uow.demand_write()
    async with kernel.read(SYSTEM) as uow:
        entity = kernel.registry.entity("core.deal")
        wanted = query.ListParams(fields=("name", "weighted_amount"), limit=500, sort="weighted_amount")
        page = await query.list_records(uow, entity, wanted)
        total = await query.totals(uow, entity, query.ListParams(), ("weighted_amount",))
    found = {int(r.name): r.weighted_amount for r in page.items}
    assert found == {n: expected(a, p) for n, (a, p) in enumerate(cases)}
    shown = [r.weighted_amount for r in page.items if r.weighted_amount is not None]
    assert shown == sorted(shown)
    assert total["weighted_amount"] == sum(shown)
