"""Why a member is skipped, what a choice must be by an oracle, and records that pools get by themselves."""

from __future__ import annotations

import html
import json
import random
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_assignment import SYSTEM, a_pool, leads
from crm_core.auth.people import User
from crm_core.db.types import new_id
from crm_core.entity import records
from crm_core.features.assignment.choosing import Member, choose, skip
from crm_core.features.assignment.models import Assignment
from crm_core.features.assignment.pages import SKIPPED
from crm_core.features.assignment.public import Receipt, assign
from crm_core.features.assignment.rules import AssignmentSettings
from crm_core.features.leads.models import Lead
from crm_core.features.notifications.models import Notification
from crm_core.features.worktime.models import Absence
from crm_core.features.worktime.queries import WEEK
from crm_core.kernel import Kernel
from crm_core.plugin.declare import Ref
from crm_core.testing.people import People

EMPTY = "core.pool_was_empty"
GERMAN = json.dumps({"field": "name", "op": "starts_with", "value": "Ham"})


async def give(kernel: Kernel, pool: UUID, lead: UUID) -> Receipt:
    async with kernel.write(SYSTEM) as uow:
        return await assign(uow, pool, Ref("core.lead", lead))


async def make(kernel: Kernel, entity: str, **values: Any) -> UUID:
    async with kernel.write(SYSTEM) as uow:
        made = await records.create(uow, uow.registry.entity(entity), values, trusted=True)
        return made.id  # type: ignore[no-any-return]


async def receipts(kernel: Kernel, record: UUID) -> list[tuple[str, Any]]:
    async with kernel.read(SYSTEM) as uow:
        mine = sa.select(Assignment.outcome, Assignment.user_id).where(Assignment.record_id == record)
        return [(r[0], r[1]) for r in await uow.session.execute(mine.order_by(Assignment.id))]


async def _absent(kernel: Kernel, user: UUID) -> None:
    now = datetime.now(UTC)
    async with kernel.write(SYSTEM) as uow:
        uow.session.add(
            Absence(owner_id=user, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1), note="x")
        )


async def _off_hours(kernel: Kernel, user: UUID) -> None:
    day = WEEK[datetime.now(UTC).weekday()]
    now = datetime.now(UTC)
    later = f"{(now.hour + 3) % 24:02}:00-{(now.hour + 4) % 24:02}:00"
    await make(kernel, "core.work_calendar", name="Later", zone="UTC", uses=[{"user_id": user}], **{day: later})


async def _inactive(kernel: Kernel, user: UUID) -> None:
    async with kernel.write(SYSTEM) as uow:
        (await uow.session.get_one(User, user)).is_active = False


async def _busy(kernel: Kernel, user: UUID) -> None:
    for n in range(2):
        await make(kernel, "core.lead", name=f"Old {n}", owner_id=user)


REASONS: dict[str, tuple[dict[str, Any], dict[str, Any], Any, str, str]] = {
    "inactive": ({}, {}, _inactive, "", "is switched off"),
    "paused": ({"is_paused": True}, {}, None, "", "is paused"),
    "absent": ({}, {}, _absent, "", "is away"),
    "off_hours": ({}, {"in_hours": True}, _off_hours, "", "is outside working hours"),
    "filter": ({"where": GERMAN}, {}, None, "", "does not take such records"),
    "skill": ({"skills": "german:2"}, {"skills": "german:3, billing"}, None, "billing:1, german:3", "lacks a skill"),
    "full": ({"capacity": 2}, {}, _busy, "2/2", "has enough to do"),
    "weight": ({"weight": 0}, {}, None, "", "has no weight"),
}


@pytest.mark.parametrize("reason", REASONS)
async def test_receipt_names_every_candidate_and_why_each_was_skipped(
    kernel: Kernel, as_user: People, reason: str
) -> None:
    member, values, prepare, detail, words = REASONS[reason]
    boss, ann, bob = await as_user("admin", "boss"), await as_user("sales", "ann"), await as_user("sales", "bob")
    if prepare is not None:
        await prepare(kernel, ann.id)
    able = {"user_id": bob.id, "skills": "german:3, billing"}
    pool = await a_pool(kernel, [{"user_id": ann.id, **member}, able], **values)
    if reason == "off_hours":
        await make(
            kernel,
            "core.work_calendar",
            name="Always",
            zone="UTC",
            uses=[{"user_id": bob.id}],
            **dict.fromkeys(WEEK, "00:00-24:00"),
        )
    (lead,) = await leads(kernel, 1)
    receipt = await give(kernel, pool, lead)
    assert [(c.user_id, c.skipped, c.detail, c.chosen) for c in receipt.candidates] == [
        (ann.id, reason, detail, False), (bob.id, "", "", True),
    ]  # fmt: skip
    (stored,) = (await boss.api.get(f"/assignments?about=core.lead:{lead}"))["items"]
    assert [(c["skipped"], c["detail"]) for c in stored["candidates"]] == [(reason, detail), ("", "")]
    panel = (await boss.client.get(f"/assignment-panel?entity=core.lead&id={lead}")).text
    assert words in panel
    assert detail in panel


async def test_empty_pool_tells_its_owner_who_may_not_even_read_the_record(
    kernel: Kernel, as_user: People, jobs: Any
) -> None:
    owner, ann = await as_user("sales", "owner"), await as_user("sales", "ann")
    pool = await a_pool(kernel, [{"user_id": ann.id, "is_paused": True}], owner_id=owner.id)
    (lead,) = await leads(kernel, 1)
    assert (await give(kernel, pool, lead)).outcome == "empty"
    await jobs()
    await owner.api.get(f"/leads/{lead}", status=404)
    told = (await owner.api.get("/notifications"))["items"]
    assert [(n["kind"], n["text"]) for n in told] == [("core.pool_was_empty", "Nobody of Inbound could take a record.")]


async def test_empty_pool_whose_owner_is_gone_tells_the_administrators(kernel: Kernel, as_user: People) -> None:
    boss, owner = await as_user("admin", "boss"), await as_user("sales", "owner")
    pool = await a_pool(kernel, [], owner_id=owner.id)
    await _inactive(kernel, owner.id)
    (lead,) = await leads(kernel, 1)
    await give(kernel, pool, lead)
    async with kernel.read(SYSTEM) as uow:
        told = await uow.session.scalars(
            sa.select(Notification.user_id).where(Notification.kind == "core.pool_was_empty")
        )
        assert boss.id in told.all()


def test_choices_equal_an_oracle_over_random_pools() -> None:
    """Replays 300 pools of 1 to 7 members with random weights, capacities and releases, 60 records each."""
    chance, given = random.Random(7), 0
    for strategy in ("round_robin", "least_busy", "weighted") * 100:
        members = [
            Member(user_id=new_id(), position=n, weight=chance.randint(0, 5), capacity=chance.choice([None, 1, 3, 8]))
            for n in range(chance.randint(1, 7))
        ]
        waited: list[UUID] = [m.user_id for m in members]
        credit: Counter[UUID] = Counter()
        load: Counter[UUID] = Counter()
        for turn in range(1, 61):
            able = [m for m in members if not skip(m, {})]
            free = {m.user_id for m in members if m.weight and (m.capacity is None or load[m.user_id] < m.capacity)}
            assert {m.user_id for m in able} == free
            chosen, moved = choose(strategy, able)
            assert (chosen is not None) == bool(free)
            if chosen is not None:
                who = _oracle(strategy, [m for m in members if m.user_id in free], waited, credit, load)
                assert chosen.user_id == who
                waited.remove(who)
                waited.append(who)
                load[who] += 1
                given += 1
                balances = {m.user_id: m.balance for m in moved}
                members = [
                    replace(m, turn=turn if m.user_id == who else m.turn, load=load[m.user_id],
                            balance=balances.get(m.user_id, m.balance)) for m in members
                ]  # fmt: skip
            if chance.random() < 0.3 and (busy := [u for u in load if load[u]]):
                load[chance.choice(busy)] -= 1
                members = [replace(m, load=load[m.user_id]) for m in members]
    assert given > 10_000


def _oracle(strategy: str, free: list[Member], waited: list[UUID], credit: Counter[UUID], load: Counter[UUID]) -> UUID:
    by_wait = sorted(free, key=lambda m: waited.index(m.user_id))
    if strategy == "round_robin":
        return by_wait[0].user_id
    if strategy == "least_busy":
        return min(by_wait, key=lambda m: load[m.user_id]).user_id
    for m in free:
        credit[m.user_id] += m.weight
    best = min(free, key=lambda m: (-credit[m.user_id], m.position)).user_id
    credit[best] -= sum(m.weight for m in free)
    return best


async def test_bulk_gives_out_with_a_result_for_each_row(kernel: Kernel, as_user: People) -> None:
    boss, ann = await as_user("admin", "boss"), await as_user("sales", "ann")
    pool = await a_pool(kernel, [{"user_id": ann.id}], where=GERMAN)
    good = await make(kernel, "core.lead", name="Hamburg")
    other = await make(kernel, "core.lead", name="Paris")
    body = {"ids": [str(good), str(other)], "action": "assign_by_pool", "values": {"pool_id": str(pool)}}
    done = await boss.api.post("/leads/bulk", body, status=200)
    assert [(r["id"], r["status"], r.get("error", "")) for r in done["results"]] == [
        (str(good), 200, ""), (str(other), 422, "Inbound is not for this record."),
    ]  # fmt: skip
    async with kernel.read(SYSTEM) as uow:
        owners = {r[0]: r[1] for r in await uow.session.execute(sa.select(Lead.id, Lead.owner_id))}
    assert owners == {good: ann.id, other: None}


async def test_page_of_the_action_gives_a_deal_out(kernel: Kernel, as_user: People) -> None:
    boss, ann = await as_user("admin", "boss"), await as_user("sales", "ann")
    pool = await a_pool(kernel, [{"user_id": ann.id}], entity="core.deal")
    made = await boss.api.post("/deals", {"name": "Roof"})
    page = await boss.client.get(f"/deals/{made['id']}/do/assign_by_pool")
    assert page.status_code == 200, page.text
    assert "Assign through pool" in page.text
    sent = await boss.client.post(f"/deals/{made['id']}/do/assign_by_pool", data={"pool_id": str(pool)})
    assert sent.status_code in (200, 302, 303), sent.text
    assert (await boss.api.get(f"/deals/{made['id']}"))["owner_id"] == str(ann.id)


async def test_new_records_without_owner_go_to_the_first_automatic_pool_that_takes_them(
    kernel: Kernel, as_user: People
) -> None:
    ann, bob = [(await as_user("sales", n)).id for n in ("ann", "bob")]
    await a_pool(kernel, [{"user_id": ann}], name="German", is_automatic=True, position=1, where=GERMAN)
    await a_pool(kernel, [{"user_id": bob}], name="Rest", is_automatic=True, position=2)
    await a_pool(kernel, [{"user_id": bob}], name="Deals", is_automatic=True, entity="core.deal")
    made = [
        await make(kernel, "core.lead", name="Hamburg"),
        await make(kernel, "core.lead", name="Paris"),
        await make(kernel, "core.lead", name="Lyon", owner_id=ann),
    ]
    found = [await receipts(kernel, lead) for lead in made]
    assert found == [[("assigned", ann)], [("assigned", bob)], []]
    assert await receipts(kernel, await make(kernel, "core.deal", name="Roof")) == [("assigned", bob)]
    async with kernel.write(SYSTEM) as uow:
        await uow.save_settings(AssignmentSettings(new_leads=False))
    assert await receipts(kernel, await make(kernel, "core.lead", name="Hamm")) == []


async def test_next_pool_is_asked_only_for_what_it_takes_and_then_the_fallback_user(
    kernel: Kernel, as_user: People
) -> None:
    ann, bob = [(await as_user("sales", n)).id for n in ("ann", "bob")]
    last = await a_pool(kernel, [{"user_id": ann}], name="Germans", where=GERMAN)
    first = await a_pool(kernel, [], name="Empty", fallback_pool_id=last, fallback_user_id=bob)
    hamburg = await make(kernel, "core.lead", name="Hamburg")
    paris = await make(kernel, "core.lead", name="Paris")
    assert (await give(kernel, first, hamburg)).user_id == ann
    assert (await give(kernel, first, paris)).user_id == bob
    assert await receipts(kernel, hamburg) == [("passed_on", None), ("assigned", ann)]
    assert await receipts(kernel, paris) == [("fallback", bob)]


async def test_pools_in_a_circle_of_other_records_and_with_bad_filters_are_refused(
    kernel: Kernel, as_user: People
) -> None:
    boss, ann = await as_user("admin", "boss"), await as_user("sales", "ann")
    one = await a_pool(kernel, [], name="One")
    two = await a_pool(kernel, [], name="Two", fallback_pool_id=one)
    deals = await a_pool(kernel, [], name="Deals", entity="core.deal")
    for values, key in (
        ({"fallback_pool_id": str(two)}, "fallback_pool_id"), ({"fallback_pool_id": str(one)}, "fallback_pool_id"),
        ({"fallback_pool_id": str(deals)}, "fallback_pool_id"), ({"entity": "core.nothing"}, "entity"),
        ({"where": '{"field": "no_such"}'}, "where"),
        ({"members": [{"user_id": str(ann.id), "where": '{"field": "no_such"}'}]}, "members"),
        ({"members": [{"user_id": str(ann.id), "skills": "german:99"}]}, "members"),
    ):  # fmt: skip
        problem = await boss.api.patch(f"/pools/{one}", values, status=422)
        assert key in str(problem), (values, problem)
    assert (await boss.api.get(f"/pools/{one}"))["fallback_pool_id"] is None


async def test_pages_name_the_kind_of_record_and_filter_by_it(kernel: Kernel, as_user: People) -> None:
    boss = await as_user("admin", "boss")
    pool = await a_pool(kernel, [], name="Roofs", entity="core.deal")
    await a_pool(kernel, [], name="Inbound")
    page = (await boss.client.get("/pools?f.entity=core.deal")).text
    rows = page[page.index('id="rows"') :]
    assert "Roofs" in rows
    assert "Inbound" not in rows
    assert "core.deal</" not in page
    shown = (await boss.client.get(f"/pools/{pool}")).text
    assert "Deals" in shown
    assert ">core.deal<" not in shown


def test_page_of_the_docs_names_every_reason() -> None:
    page = (Path(__file__).parents[3] / "docs" / "assignment.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(SKIPPED) == set(REASONS)


async def test_filter_is_put_together_with_the_controls_of_a_list(as_user: Any) -> None:
    boss = await as_user("admin")
    pool = await boss.api.post("/pools", {"name": "Inbound", "entity": "core.lead"})
    path = f"/pools/{pool['id']}/filter/where"
    asked = (await boss.client.get(f"{path}?f.source=website")).text
    made = re.search(r'name="made" value="([^"]+)"', asked)
    assert made
    await boss.client.post(path, data={"made": html.unescape(made[1])})
    stored = (await boss.api.get(f"/pools/{pool['id']}"))["where"]
    assert json.loads(stored) == {"all": [{"field": "source", "op": "in", "value": ["website"]}]}
    again = await boss.client.post(path, data={"made": '{"field": "nothing", "op": "is"}'})
    assert again.status_code == 422
    await boss.client.post(path, data={"made": ""})
    assert not (await boss.api.get(f"/pools/{pool['id']}"))["where"]
    assert (await boss.client.get(f"/pools/{pool['id']}/filter/name")).status_code == 404
