"""Switching a user off ends their access at once; what they hold is moved in one step, and can be given back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Share, Team, TeamMember
from crm_core.auth.rights import EPOCH
from crm_core.db.types import new_id, utcnow
from crm_core.entity import records
from crm_core.entity.bulk import bulk_update
from crm_core.features.handover.queries import owned
from crm_core.kernel import Kernel
from crm_core.testing.people import People
from crm_core.testing.sample_plugin import plugin as sample
from crm_core.testing.sample_plugin.handover import ROTA

MANY = 1_050


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return [("sample", sample)]


async def add(kernel: Kernel, entity_name: str, owner: UUID, **values: Any) -> UUID:
    """Add a record of somebody's."""
    entity = kernel.registry.entity(entity_name)
    async with kernel.write(system("test")) as uow:
        made = await records.create(uow, entity, {"owner_id": owner, **values}, trusted=True)
        return made.id  # type: ignore[no-any-return]  # a record


async def test_switched_off_user_is_out_within_a_second_for_good(kernel: Kernel, as_user: People) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    assert (await rep.client.get("/api/v1/session")).status_code == 200
    await rep.api.get("/companies")
    heard: list[Any] = []
    listening = kernel.live.listen(frozenset({f"user/{rep.id}"}))
    import asyncio

    task = asyncio.create_task(anext(listening))  # type: ignore[arg-type]  # an async generator's step
    await asyncio.sleep(0)
    start = time.perf_counter()
    await admin.api.post(f"/users/{rep.id}/hand-over", {"switch_off": True}, status=202)
    page = await rep.client.get("/api/v1/session")
    token = await rep.client.get("/api/v1/companies", headers=rep.api.headers)
    took = time.perf_counter() - start
    heard.append(await asyncio.wait_for(task, 1))
    print(f"{kernel.db.dialect}: session and token refused {took * 1000:.0f} ms after the request to switch off")
    assert (page.status_code, token.status_code) == (401, 401)
    assert took < 1
    assert heard[0].topic == f"user/{rep.id}"
    await admin.api.patch(f"/users/{rep.id}", {"is_active": True})
    assert (await rep.client.get("/api/v1/session")).status_code == 401  # the old session stays ended
    assert (await rep.client.get("/api/v1/companies", headers=rep.api.headers)).status_code == 401


async def test_last_administrator_is_not_switched_off_by_handing_over(as_user: People) -> None:
    admin = await as_user("admin")
    await admin.api.post(f"/users/{admin.id}/hand-over", {"switch_off": True}, status=409)


async def test_many_records_and_other_things_move_in_one_step_and_come_back(
    kernel: Kernel, as_user: People, jobs: Any, events: Any
) -> None:
    admin, old, new = await as_user("admin"), await as_user("sales", "old"), await as_user("sales", "new")
    friend = await as_user("sales", "friend")
    kernel.db.write_limit = None  # the rows below are put in at once
    company = kernel.registry.entity("core.company")
    async with kernel.write(system("test")) as uow:
        team = Team(name="North")
        uow.session.add(team)
        await uow.session.flush()
        uow.session.info["changes"] = None
        await uow.session.execute(sa.insert(TeamMember), [{"user_id": new.id, "team_id": team.id, "is_primary": True}])
        await uow.raise_epoch(EPOCH)
        north = team.id
    async with kernel.write(system("test")) as uow:
        rows = [{"id": new_id(), "name": f"Company {n}", "owner_id": old.id} for n in range(MANY)]
        await uow.session.execute(sa.insert(company.model), rows)
    first = rows[0]["id"]
    about = {"parent": f"core.company:{first}"}
    task = await add(kernel, "core.activity", old.id, subject="Open", kind="task", **about)
    done = await add(kernel, "core.activity", old.id, subject="Done", kind="task", done_at=utcnow(), **about)
    comment = await add(kernel, "core.comment", old.id, body="Said", **about)
    visit = await add(kernel, "sample.visit", old.id, subject="Tour", visited_on=utcnow().date())
    shared = await add(kernel, "core.company", friend.id, name="Of a friend")
    await friend.api.post(f"/companies/{shared}/shares", {"user_id": str(old.id)})
    ROTA["monday"] = old.id

    held = await admin.api.get(f"/users/{old.id}/hand-over")
    counts = {e["name"]: (e["open"], e["total"]) for e in held["entities"]}
    assert counts == {"core.company": (MANY, MANY), "core.activity": (1, 2), "sample.visit": (1, 1)}
    things = {r["name"]: [i["title"] for i in r["items"]] for r in held["resources"]}
    assert things == {"core.shares": ["Of a friend"], "sample.duties": ["monday"]}

    started = time.perf_counter()
    begun = await admin.api.post(f"/users/{old.id}/hand-over", {"to": str(new.id), "switch_off": True}, status=202)
    await admin.api.post(f"/users/{old.id}/hand-over", {"to": str(new.id)}, status=409)  # one at a time
    await jobs()
    took = time.perf_counter() - started
    run = (await admin.api.get(f"/users/{old.id}/hand-over"))["last"]
    assert (run["cause"], run["state"], run["done"]) == (begun["cause"], "done", MANY + 4), run
    print(f"{kernel.db.dialect}: {run['done']} records and things moved in {took:.1f} s")
    listed = await new.api.get("/companies", params={"count": "true"})
    assert listed["count"] == MANY + 1  # the shared one too
    assert (await new.api.get(f"/companies/{first}"))["team_id"] == str(north)
    assert (await new.api.get(f"/activities/{task}"))["owner_id"] == str(new.id)
    assert (await new.api.get(f"/activities/{done}"))["owner_id"] == str(old.id)  # seen: it is about the company
    assert (await new.api.get(f"/comments/{comment}"))["owner_id"] == str(old.id)
    assert (await admin.api.get(f"/sample-visits/{visit}"))["owner_id"] == str(new.id)
    assert ROTA["monday"] == new.id
    found = await new.api.get("/search", params={"q": "Company 17"})
    assert (
        "Company 17" in [h["title"] for h in found["items"]] or not found["items"]
    )  # rows above were put in unindexed

    async with kernel.read(system("test")) as uow:
        from crm_core.entity.event_rows import EventRow

        causes = set(
            await uow.session.scalars(sa.select(EventRow.cause).where(EventRow.type == "core.company.updated"))
        )
    assert causes == {UUID(begun["cause"])}
    payload = next(p for k, p in await events("core.company.updated"))
    assert (payload["before"]["owner_id"], payload["after"]["owner_id"]) == (str(old.id), str(new.id))

    changed = rows[5]["id"]
    await admin.api.patch(f"/companies/{changed}", {"owner_id": str(friend.id)})
    await admin.api.post(f"/users/{old.id}/hand-over/undo", {"cause": begun["cause"]}, status=202)
    await jobs()
    after = await admin.api.get(f"/users/{old.id}/hand-over")
    assert after["last"]["undone"] is True
    assert {e["name"]: (e["open"], e["total"]) for e in after["entities"]} == {
        "core.company": (MANY - 1, MANY - 1), "core.activity": (1, 2), "sample.visit": (1, 1),
    }  # fmt: skip
    assert after["is_active"] is False
    assert ROTA["monday"] == old.id
    assert (await admin.api.get(f"/companies/{first}"))["team_id"] is None
    assert (await admin.api.get(f"/companies/{changed}"))["owner_id"] == str(friend.id)  # changed since: left alone
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(Share.user_id).where(Share.record_id == shared)) == old.id
    await admin.api.post(f"/users/{old.id}/hand-over/undo", {"cause": begun["cause"]}, status=404)


async def test_undo_by_cause_restores_the_owners_too(kernel: Kernel, as_user: People, jobs: Any) -> None:
    admin, old, new = await as_user("admin"), await as_user("sales", "old"), await as_user("sales", "new")
    keys = [await add(kernel, "core.company", old.id, name=f"Company {n}") for n in range(3)]
    begun = await admin.api.post(f"/users/{old.id}/hand-over", {"to": str(new.id)}, status=202)
    await jobs()
    assert [(await admin.api.get(f"/companies/{k}"))["owner_id"] for k in keys] == [str(new.id)] * 3
    out = await admin.api.post("/undo", {"cause": begun["cause"]}, status=200)
    assert out["undone"] == 3
    assert [(await admin.api.get(f"/companies/{k}"))["owner_id"] for k in keys] == [str(old.id)] * 3


async def test_each_kind_goes_to_whom_it_was_chosen_for(kernel: Kernel, as_user: People, jobs: Any) -> None:
    admin, old = await as_user("admin"), await as_user("sales", "old")
    ann, bob = await as_user("sales", "ann"), await as_user("sales", "bob")
    company = await add(kernel, "core.company", old.id, name="Harbour Tools")
    contact = await add(kernel, "core.contact", old.id, last_name="Lovelace")
    lead = await add(kernel, "core.lead", old.id, name="Grace Hopper")
    choices = {"core.contact": str(bob.id), "core.lead": None}
    await admin.api.post(f"/users/{old.id}/hand-over", {"to": str(ann.id), "choices": choices}, status=202)
    await jobs()
    owners = [
        (await admin.api.get(p))["owner_id"]
        for p in (f"/companies/{company}", f"/contacts/{contact}", f"/leads/{lead}")
    ]
    assert owners == [str(ann.id), str(bob.id), str(old.id)]


async def test_choices_that_make_no_sense_are_refused(kernel: Kernel, as_user: People) -> None:
    admin, old, off = await as_user("admin"), await as_user("sales", "old"), await as_user("sales", "off")
    await admin.api.patch(f"/users/{off.id}", {"is_active": False})
    for body in (
        {"to": str(old.id)}, {"to": str(off.id)}, {"to": "01890000-0000-7000-8000-000000000000"},
        {"choices": {"core.nothing": str(admin.id)}},
    ):  # fmt: skip
        await admin.api.post(f"/users/{old.id}/hand-over", body, status=422)
    rep = await as_user("sales", "rep")
    await rep.api.get(f"/users/{old.id}/hand-over", status=403)
    await rep.api.post(f"/users/{old.id}/hand-over", {"to": str(rep.id)}, status=403)


async def test_page_hands_over_and_gives_back_without_scripts(kernel: Kernel, as_user: People, jobs: Any) -> None:
    admin, old, new = await as_user("admin"), await as_user("sales", "old"), await as_user("sales", "new")
    company = await add(kernel, "core.company", old.id, name="Harbour Tools")
    contact = await add(kernel, "core.contact", old.id, last_name="Lovelace")
    path = f"/users/{old.id}/hand-over"
    shown = await admin.client.get(path)
    assert (shown.status_code, 'value="core.company"' in shown.text) == (200, True), shown.text[:3000]
    again = await admin.client.post(path, data={"what": "core.company"})
    assert again.status_code == 422
    sent = await admin.client.post(path, data={"what": ["core.company", "off"], "to": str(new.id)})
    assert sent.status_code == 303, sent.text[:3000]
    assert "moved so far" in (await admin.client.get(path)).text
    await jobs()
    assert (await admin.api.get(f"/companies/{company}"))["owner_id"] == str(new.id)
    assert (await admin.api.get(f"/contacts/{contact}"))["owner_id"] == str(old.id)
    assert (await admin.api.get(f"/users/{old.id}"))["is_active"] is False
    assert (await admin.client.post(f"{path}/undo")).status_code == 303
    await jobs()
    assert (await admin.api.get(f"/companies/{company}"))["owner_id"] == str(old.id)
    assert "It was given back." in (await admin.client.get(path)).text


async def test_bulk_change_of_owner_reaches_rows_about_the_record(kernel: Kernel, as_user: People) -> None:
    old, new = await as_user("sales", "old"), await as_user("sales", "new")
    company = await add(kernel, "core.company", old.id, name="Harbour Tools")
    comment = await add(kernel, "core.comment", old.id, body="Said", parent=f"core.company:{company}")
    await new.api.get(f"/comments/{comment}", status=404)
    entity = kernel.registry.entity("core.company")
    async with kernel.write(system("test")) as uow:
        assert await bulk_update(uow, entity, entity.model.id == company, {"owner_id": new.id, "team_id": None}) == 1
    assert (await new.api.get(f"/comments/{comment}"))["body"] == "Said"


def test_every_entity_with_an_owner_is_handed_over_or_says_that_nobody_works_on_it(kernel: Kernel) -> None:
    names = {e.name for e in owned(kernel.registry)}
    assert {"core.company", "core.contact", "core.lead", "core.deal", "core.activity", "sample.visit"} <= names
    assert names.isdisjoint({"core.comment", "core.file"})
