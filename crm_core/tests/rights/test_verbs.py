"""The eight verbs of an entity and their scopes hold at every place: API, forms, bulk, actions, export, import."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import Scope, system
from crm_core.auth.people import Role, RoleField, RoleGrant, UserRole
from crm_core.auth.rights import load_actor
from crm_core.entity import access, records
from crm_core.errors import Forbidden
from crm_core.features.exports.public import Wanted, export_csv
from crm_core.features.imports.public import Plan, open_sheet, run_import
from crm_core.kernel import Kernel
from crm_core.plugin.declare import VERBS
from crm_core.testing.people import People, Somebody

Grant = Callable[..., Awaitable[Somebody]]


@pytest.fixture
def somebody(kernel: Kernel, as_user: People) -> Grant:
    """`await somebody("eve", company="read:all edit:own")`: a user with a role of exactly these rights."""

    async def make(name: str, **rights: str) -> Somebody:
        found = await as_user("", name)
        async with kernel.write(system("test")) as uow:
            role = Role(name=f"role of {name}")
            uow.session.add(role)
            await uow.session.flush()
            for noun, text in rights.items():
                for one in text.split():
                    verb, _colon, scope = one.partition(":")
                    uow.session.add(RoleGrant(role_id=role.id, name=f"core.{noun}.{verb}", scope=scope))
            await uow.session.flush()
            await uow.session.execute(sa.insert(UserRole), [{"user_id": found.id, "role_id": role.id}])
            await uow.raise_epoch("people")
        return found

    return make


async def company(kernel: Kernel, owner: UUID | None, name: str = "Harbour Tools") -> str:
    """Add a company of somebody's."""
    entity = kernel.registry.entity("core.company")
    async with kernel.write(system("test")) as uow:
        return str((await records.create(uow, entity, {"name": name, "owner_id": owner}, trusted=True)).id)


async def test_changing_the_owner_takes_assign(kernel: Kernel, somebody: Grant) -> None:
    eve, ann = await somebody("eve", company="read:all edit:all"), await somebody("ann", company="read:all")
    key = await company(kernel, eve.id)
    await eve.api.patch(f"/companies/{key}", {"name": "Renamed"})
    await eve.api.patch(f"/companies/{key}", {"owner_id": str(ann.id)}, status=403)
    await eve.api.patch(f"/companies/{key}", {"owner_id": None}, status=403)
    assert (await eve.api.get(f"/companies/{key}"))["owner_id"] == str(eve.id)


async def test_assign_reaches_only_records_in_its_scope(kernel: Kernel, somebody: Grant) -> None:
    eve = await somebody("eve", company="read:all edit:all assign:own")
    theirs = await company(kernel, None)
    await eve.api.patch(
        f"/companies/{theirs}", {"owner_id": str(eve.id)}, status=403
    )  # nobody takes what is not theirs
    ann = await somebody("ann", company="read:all edit:all assign:all")
    await ann.api.patch(f"/companies/{theirs}", {"owner_id": str(eve.id)})
    await eve.api.patch(f"/companies/{theirs}", {"owner_id": str(ann.id)}, status=403)  # own reaches oneself only


async def test_creating_for_somebody_else_takes_create_and_assign_that_far(kernel: Kernel, somebody: Grant) -> None:
    ann = await somebody("ann", company="read:own")
    body = {"name": "New", "owner_id": str(ann.id)}
    for number, rights in enumerate(
        ("read:all create:all", "read:all create:own assign:all", "read:all create:all assign:own")
    ):
        one = await somebody(f"u{number}", company=rights)
        await one.api.post("/companies", body, status=403)
        await one.api.post("/companies", {"name": "Own"})
    able = await somebody("able", company="read:all create:all assign:all")
    await able.api.post("/companies", body)
    none = await somebody("none", company="read:all assign:all")
    await none.api.post("/companies", {"name": "Own"}, status=403)


async def test_owner_is_in_the_form_only_for_those_who_assign(kernel: Kernel, somebody: Grant) -> None:
    eve = await somebody("eve", company="read:all edit:all", user="read:all")
    ann = await somebody("ann", company="read:all edit:all assign:all", user="read:all")
    key = await company(kernel, eve.id)
    assert 'name="owner_id"' not in (await eve.client.get(f"/companies/{key}/edit")).text
    assert 'name="owner_id"' in (await ann.client.get(f"/companies/{key}/edit")).text
    sent = await eve.client.post(f"/companies/{key}/edit", data={"name": "Renamed", "owner_id": str(ann.id)})
    assert sent.status_code == 303, sent.text[:2000]
    found = await eve.api.get(f"/companies/{key}")
    assert (found["name"], found["owner_id"]) == ("Renamed", str(eve.id))


async def test_bulk_takes_its_verb_on_every_row(kernel: Kernel, somebody: Grant) -> None:
    eve = await somebody("eve", company="read:all edit:all delete:all")
    key = await company(kernel, eve.id)
    change = {"ids": [key], "action": "update", "values": {"city": "Kiel"}}
    await eve.api.post("/companies/bulk", change, status=403)
    refused = await eve.client.post("/companies/bulk", data={"action": "delete", "id": key, "sure": "1"})
    assert refused.status_code == 403
    ann = await somebody("ann", company="read:all edit:all delete:all bulk_edit:own")
    mine = await company(kernel, ann.id)
    for action, values in (("update", {"city": "Kiel"}), ("delete", {})):
        body = {"ids": [mine, key], "action": action, "values": values}
        answer = await ann.api.post("/companies/bulk", body, status=200)
        assert [r["status"] for r in answer["results"]] == [200, 403], action
    assert (await eve.api.get(f"/companies/{key}"))["city"] != "Kiel"


async def test_bulk_change_of_owner_takes_assign_too(kernel: Kernel, somebody: Grant) -> None:
    eve = await somebody("eve", company="read:all edit:all bulk_edit:all")
    ann = await somebody("ann", company="read:all edit:all bulk_edit:all assign:all")
    key = await company(kernel, eve.id)
    body = {"ids": [key], "action": "update", "values": {"owner_id": str(ann.id)}}
    assert [r["status"] for r in (await eve.api.post("/companies/bulk", body, status=200))["results"]] == [403]
    assert [r["status"] for r in (await ann.api.post("/companies/bulk", body, status=200))["results"]] == [200]


async def test_export_takes_its_verb_and_reaches_no_further(kernel: Kernel, somebody: Grant) -> None:
    eve = await somebody("eve", company="read:all")
    await company(kernel, eve.id, "Of Eve")
    refused = await eve.client.get("/api/v1/companies/export", headers=eve.api.headers)
    assert refused.status_code == 403, refused.text
    ann = await somebody("ann", company="read:all export:own")
    await company(kernel, ann.id, "Of Ann")
    listed = await ann.client.get("/api/v1/companies/export", headers=ann.api.headers)
    assert ("Of Ann" in listed.text, "Of Eve" in listed.text) == (True, False)
    narrow = await somebody("nora", company="read:own export:all")
    assert "Of Ann" not in (await narrow.client.get("/api/v1/companies/export", headers=narrow.api.headers)).text
    entity = kernel.registry.entity("core.company")
    with pytest.raises(Forbidden):  # the way of `crm export --as`
        [b async for b in export_csv(kernel, await load_actor(kernel, eve.id), Wanted(entity=entity))]


async def test_import_takes_its_verb_and_reaches_no_further(kernel: Kernel, somebody: Grant, tmp_path: Path) -> None:
    eve = await somebody("eve", company="read:all create:all edit:all assign:all")
    ann = await somebody("ann", company="read:all create:all edit:all assign:all import:own", user="read:all")
    await company(kernel, eve.id, "Theirs")
    await company(kernel, ann.id, "Mine")
    file = "name,city\nTheirs,Kiel\nMine,Kiel\n"
    query = {"entity": "companies", "match": "name", "mode": "update"}
    await eve.api.post("/imports", status=403, params=query, content=file)
    entity = kernel.registry.entity("core.company")

    async def send(who: Somebody, text: str, columns: list[tuple[str, str]], **plan: Any) -> Any:
        """Import as `crm import --as` does."""
        path = tmp_path / "file.csv"
        path.write_text(text)
        made = Plan(entity=entity, mapping=columns, **plan)
        return await run_import(kernel, await load_actor(kernel, who.id), open_sheet(path), made)

    same = [("name", "name"), ("city", "city")]
    with pytest.raises(Forbidden):
        await send(eve, file, same, match="name", mode="update")
    report = await send(ann, file, same, match="name", mode="update")
    assert (report.updated, report.failed) == (1, 1), report
    owned = [("name", "name"), ("owner", "owner_id")]
    report = await send(ann, "name,owner\nFor Eve,Eve\nFor me,Ann\n", owned)
    assert (report.created, report.failed) == (1, 1), report
    assert {c["name"] for c in (await ann.api.get("/companies"))["items"]} == {"Theirs", "Mine", "For me"}


async def test_children_of_a_record_are_barred_like_fields(kernel: Kernel, somebody: Grant) -> None:
    eve = await somebody("eve", contact="read:all edit:all create:all")
    made = await eve.api.post("/contacts", {"last_name": "Lovelace", "emails": [{"address": "a@example.com"}]})
    async with kernel.write(system("test")) as uow:
        role = await uow.session.scalar(sa.select(Role.id).where(Role.name == "role of eve"))
        row = {"role_id": role, "entity": "core.contact", "field": "emails", "level": "locked"}
        await uow.session.execute(sa.insert(RoleField), [row])
        await uow.raise_epoch("people")
    await eve.api.patch(f"/contacts/{made['id']}", {"emails": []}, status=422)
    assert len((await eve.api.get(f"/contacts/{made['id']}"))["emails"]) == 1


async def test_every_entity_answers_for_every_verb(kernel: Kernel) -> None:
    from crm_core.auth.actor import Actor, ActorKind, Rights

    for entity in kernel.registry.entities.values():
        for verb in VERBS:
            above = entity.name
            link = entity.field(entity.parent) if entity.parent else None
            if link is not None:
                above, asked = link.target, access.parent_verb(verb)  # type: ignore[attr-defined]  # a Link
            else:
                asked = verb
            actor = Actor(ActorKind.user, rights=Rights(scopes={f"{above}.{asked}": Scope.all}))
            assert access.scope_of(kernel.registry, actor, entity, verb) is Scope.all, (entity.name, verb)
            nobody = Actor(ActorKind.guest)
            assert access.scope_of(kernel.registry, nobody, entity, verb) is Scope.none
