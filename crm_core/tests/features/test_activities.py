"""Activities: last and next activity of records, who sees them, times."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import Actor, ActorKind, Rights, Scope, system
from crm_core.db.types import new_id
from crm_core.entity import access, records
from crm_core.errors import Invalid, NotFound
from crm_core.features.activities import times as activity_times
from crm_core.features.activities.models import Activity
from crm_core.features.companies.models import Company
from crm_core.features.contacts.models import Contact
from crm_core.kernel import Kernel
from crm_core.plugin import Ref

SYSTEM = system("test")
DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


async def make(kernel: Kernel, entity: str, actor: Actor = SYSTEM, **values: Any) -> Any:
    async with kernel.write(actor) as uow:
        return await records.create(uow, kernel.registry.entity(entity), values)


def person(scope: Scope, *teams: Any) -> Actor:
    scopes = {f"core.{e}.{v}": scope for e in ("activity", "company") for v in ("read", "create", "edit")}
    return Actor(ActorKind.user, user_id=new_id(), team_ids=frozenset(teams), rights=Rights(scopes=scopes))


async def times(kernel: Kernel, model: Any, key: Any) -> tuple[datetime | None, datetime | None]:
    async with kernel.read(SYSTEM) as uow:
        found = await uow.session.get(model, key)
        assert found is not None
        return found.last_activity_at, found.next_activity_at


async def test_call_and_task_set_last_and_next_activity_in_the_transaction(kernel: Kernel) -> None:
    company = await make(kernel, "core.company", name="Acme")
    contact = await make(kernel, "core.contact", last_name="Ada")
    about, also = Ref("core.company", company.id), [{"record": Ref("core.contact", contact.id)}]
    await make(kernel, "core.activity", subject="Called", kind="call", parent=about, links=also, done_at=DAY)
    task = await make(
        kernel, "core.activity", subject="Send", kind="task", parent=about, due_at=DAY + timedelta(days=3)
    )
    assert await times(kernel, Company, company.id) == (DAY, DAY + timedelta(days=3))
    assert await times(kernel, Contact, contact.id) == (DAY, None)
    async with kernel.write(SYSTEM) as uow:
        await records.delete(uow, kernel.registry.entity("core.activity"), await uow.session.get(Activity, task.id))
    assert await times(kernel, Company, company.id) == (DAY, None)


async def test_last_and_next_activity_equal_a_recount_after_many_operations(kernel: Kernel) -> None:
    entity = kernel.registry.entity("core.activity")
    companies = [(await make(kernel, "core.company", name=f"C{n}")).id for n in range(3)]
    contacts = [(await make(kernel, "core.contact", last_name=f"P{n}")).id for n in range(3)]
    refs = [Ref("core.company", i) for i in companies] + [Ref("core.contact", i) for i in contacts]
    pick = random.Random(7)
    made: list[Any] = []
    for _step in range(60):
        what = pick.choice(("create", "create", "edit", "link", "delete", "restore", "done"))
        async with kernel.write(SYSTEM) as uow:
            if what == "create" or not made:
                values = {
                    "subject": "x",
                    "kind": pick.choice(("task", "call", "note")),
                    "parent": pick.choice(refs),
                    "due_at": DAY + timedelta(hours=pick.randint(0, 500)),
                    "links": [{"record": r} for r in pick.sample(refs, pick.randint(0, 2))],
                }
                made.append((await records.create(uow, entity, values)).id)
                continue
            activity = await uow.session.get(Activity, pick.choice(made))
            assert activity is not None
            if what == "edit":
                values = {"parent": pick.choice(refs), "due_at": DAY + timedelta(hours=pick.randint(0, 500))}
                await records.update(uow, entity, activity, values)
            elif what == "link":
                await records.update(uow, entity, activity, {"links": [{"record": pick.choice(refs)}]})
            elif what == "done":
                await records.update(uow, entity, activity, {"done_at": pick.choice((None, DAY))})
            elif what == "delete" and activity.deleted_at is None:
                await records.delete(uow, entity, activity)
            elif what == "restore" and activity.deleted_at is not None:
                await records.restore(uow, entity, activity)
    for model, name, ids in ((Company, "core.company", companies), (Contact, "core.contact", contacts)):
        async with kernel.read(SYSTEM) as uow:
            counted = await activity_times.count(uow, name, ids)
        for key in ids:
            assert await times(kernel, model, key) == counted.get(key, (None, None))


async def test_activity_is_visible_to_owner_team_participants_and_through_its_parent(kernel: Kernel) -> None:
    team = new_id()
    colleague, guest, stranger = person(Scope.team, team), person(Scope.own), person(Scope.own)
    company = await make(kernel, "core.company", name="Acme", owner_id=colleague.user_id)
    async with kernel.write(SYSTEM) as uow:
        row = await uow.session.get(Company, company.id)
        assert row is not None
        row.team_id = team
    values: dict[str, Any] = {"subject": "Meet", "kind": "meeting", "starts_at": DAY, "zone": "Europe/Berlin"}
    activity = await make(
        kernel,
        "core.activity",
        parent=Ref("core.company", company.id),
        participants=[{"user_id": guest.user_id}],
        **values,
    )
    entity = kernel.registry.entity("core.activity")
    for who, actor in {"owner": colleague, "guest": guest, "team": person(Scope.team, team)}.items():
        async with kernel.read(actor) as uow:
            assert (await access.get(uow, entity, activity.id)).id == activity.id, who
    async with kernel.read(stranger) as uow:
        with pytest.raises(NotFound):
            await access.get(uow, entity, activity.id)


async def test_new_owner_of_the_parent_sees_its_activities(kernel: Kernel) -> None:
    old, new = person(Scope.own), person(Scope.own)
    company = await make(kernel, "core.company", name="Acme", owner_id=old.user_id)
    activity = await make(kernel, "core.activity", subject="Call", parent=Ref("core.company", company.id))
    async with kernel.write(SYSTEM) as uow:
        record = await uow.session.get(Company, company.id)
        await records.update(uow, kernel.registry.entity("core.company"), record, {"owner_id": new.user_id})
    entity = kernel.registry.entity("core.activity")
    async with kernel.read(new) as uow:
        assert (await access.get(uow, entity, activity.id)).id == activity.id
    async with kernel.read(old) as uow:
        with pytest.raises(NotFound):
            await access.get(uow, entity, activity.id)


async def test_private_activity_is_hidden_even_from_those_who_see_all(kernel: Kernel) -> None:
    owner, boss = person(Scope.own), person(Scope.all)
    activity = await make(kernel, "core.activity", subject="Dentist", visibility="private", owner_id=owner.user_id)
    entity = kernel.registry.entity("core.activity")
    async with kernel.read(owner) as uow:
        assert (await access.get(uow, entity, activity.id)).subject == "Dentist"
    async with kernel.read(boss) as uow:
        with pytest.raises(NotFound):
            await access.get(uow, entity, activity.id)


async def test_activity_about_a_record_one_does_not_see_is_refused(kernel: Kernel) -> None:
    company = await make(kernel, "core.company", name="Acme")
    with pytest.raises(Invalid) as refused:
        await make(kernel, "core.activity", person(Scope.own), subject="Spy", parent=Ref("core.company", company.id))
    assert "parent" in refused.value.fields


async def test_all_day_activity_is_due_at_midnight_in_its_zone(kernel: Kernel) -> None:
    values: dict[str, Any] = {"subject": "Fair", "kind": "meeting", "all_day": True, "zone": "Europe/Berlin"}
    activity = await make(kernel, "core.activity", starts_on=date(2026, 7, 1), ends_on=date(2026, 7, 2), **values)
    assert activity.due_at == datetime(2026, 6, 30, 22, tzinfo=UTC)
    with pytest.raises(Invalid):
        await make(kernel, "core.activity", starts_on=date(2026, 7, 1), ends_on=date(2026, 6, 2), **values)


async def test_note_is_done_when_it_is_written_and_an_activity_completes_once(kernel: Kernel, api: Any) -> None:
    note = await api.post("/activities", {"kind": "note", "subject": "Said yes"})
    assert note["done_at"] is not None
    task = await api.post("/activities", {"subject": "Send it"})
    done = await api.post(f"/activities/{task['id']}/complete", status=200)
    assert done["done_at"] is not None
    await api.post(f"/activities/{task['id']}/complete", status=409)
    async with kernel.read(SYSTEM) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Activity)) == 2


async def test_comment_is_seen_by_whoever_owns_the_record(kernel: Kernel) -> None:
    owner = person(Scope.own)
    owner = Actor(
        owner.kind, user_id=owner.user_id, rights=Rights(scopes={**owner.rights.scopes, "core.comment.read": Scope.own})
    )
    company = await make(kernel, "core.company", name="Acme", owner_id=owner.user_id)
    comment = await make(kernel, "core.comment", body="Careful", parent=Ref("core.company", company.id))
    async with kernel.read(owner) as uow:
        assert (await access.get(uow, kernel.registry.entity("core.comment"), comment.id)).body == "Careful"


async def test_activities_are_listed_with_their_times(api: Any) -> None:
    times = {"starts_at": "2026-03-02T09:00:00Z", "ends_at": "2026-03-02T10:00:00Z", "zone": "Europe/Berlin"}
    made = await api.post("/activities", {"kind": "meeting", "subject": "Meet", **times})
    found = (await api.get("/activities"))["items"][0]
    assert {k: found[k] for k in times} == {k: made[k] for k in times} == times
