"""The rights of a role by API and page: a row for every entity with all eight verbs, fields, permissions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Role, RoleGrant
from crm_core.features.roles.queries import grid
from crm_core.kernel import Kernel
from crm_core.plugin.declare import VERBS
from crm_core.testing.people import People


async def role_id(kernel: Kernel, key: str) -> str:
    """Return the id of a built-in role."""
    async with kernel.read(system("test")) as uow:
        return str(await uow.session.scalar(sa.select(Role.id).where(Role.key == key)))


async def test_grid_has_a_row_for_every_entity_with_all_eight_verbs(kernel: Kernel, api: Any) -> None:
    found = await api.get(f"/roles/{await role_id(kernel, 'sales')}/rights")
    assert {r["entity"] for r in found["entities"]} == {e.name for e in grid(kernel.registry)}
    assert len(VERBS) == 8
    assert all(tuple(r["verbs"]) == VERBS for r in found["entities"])
    [row] = [r for r in found["entities"] if r["entity"] == "core.company"]
    assert (row["verbs"]["read"], row["verbs"]["import"]) == ("own", "none")


async def test_rights_and_fields_are_changed_and_count_at_once(kernel: Kernel, as_user: People) -> None:
    admin, rep = await as_user("admin"), await as_user("sales")
    key = await role_id(kernel, "sales")
    made = await admin.api.post("/companies", {"name": "Harbour Tools", "website": "https://example.com"})
    await rep.api.get(f"/companies/{made['id']}", status=404)
    change = {
        "entities": {"core.company": {"read": "all", "delete": "none", "import": "team"}},
        "permissions": {"core.user.view_as": True},
        "fields": {"core.company": {"website": "hidden", "city": "locked"}},
    }
    answer = await admin.api.patch(f"/roles/{key}/rights", change)
    assert answer["fields"] == {"core.company": {"website": "hidden", "city": "locked"}}
    assert [p["granted"] for p in answer["permissions"] if p["name"] == "core.user.view_as"] == [True]
    assert "website" not in await rep.api.get(f"/companies/{made['id']}")
    mine = await rep.api.post("/companies", {"name": "Mine"})
    await rep.api.patch(f"/companies/{mine['id']}", {"city": "Kiel"}, status=422)
    await rep.api.delete(f"/companies/{mine['id']}", status=403)
    back = {
        "fields": {"core.company": {"website": "open", "city": "open"}},
        "entities": {"core.company": {"read": "own"}},
    }
    assert (await admin.api.patch(f"/roles/{key}/rights", back))["fields"] == {}
    await rep.api.get(f"/companies/{made['id']}", status=404)


async def test_rights_that_do_not_exist_are_refused(kernel: Kernel, api: Any) -> None:
    key = await role_id(kernel, "sales")
    for change in (
        {"entities": {"core.company": {"steal": "all"}}}, {"entities": {"core.nothing": {"read": "all"}}},
        {"entities": {"core.company": {"read": "galaxy"}}}, {"permissions": {"core.nothing.do": True}},
        {"fields": {"core.company": {"nothing": "hidden"}}}, {"fields": {"core.company": {"name": "gone"}}},
        {"entities": {"core.user": {"read": "none"}}}, {"nonsense": 1},
    ):  # fmt: skip
        answer = await api.client.patch(f"/api/v1/roles/{key}/rights", json=change, headers=api.headers)
        assert answer.status_code in (400, 422), (change, answer.text)


async def test_somebody_elses_change_meanwhile_is_a_conflict(kernel: Kernel, api: Any) -> None:
    key = await role_id(kernel, "sales")
    version = (await api.get(f"/roles/{key}/rights"))["version"]
    change = {"entities": {"core.company": {"read": "all"}}, "version": version}
    await api.patch(f"/roles/{key}/rights", change)
    await api.patch(f"/roles/{key}/rights", change, status=409)


async def test_only_an_administrator_changes_rights(kernel: Kernel, as_user: People) -> None:
    rep, admin = await as_user("sales"), await as_user("admin")
    key = await role_id(kernel, "sales")
    change = {"entities": {"core.company": {"read": "all"}}}
    await rep.api.patch(f"/roles/{key}/rights", change, status=403)
    await rep.api.get(f"/roles/{key}/rights", status=403)
    mine = {"core.role.edit": "all", "core.role.read": "all"}
    async with kernel.write(system("test")) as uow:
        role = await uow.session.scalar(sa.select(Role.id).where(Role.key == "sales"))
        await uow.session.execute(
            sa.insert(RoleGrant), [{"role_id": role, "name": n, "scope": s} for n, s in mine.items()]
        )
        await uow.raise_epoch("people")
    await rep.api.get(f"/roles/{key}/rights")
    refused = await rep.api.patch(f"/roles/{key}/rights", change, status=403)
    assert refused["code"] == "core.rights_not_yours"
    await admin.api.patch(f"/roles/{key}/rights", change)


async def test_grants_of_absent_plugins_survive_a_change(kernel: Kernel, api: Any) -> None:
    key = await role_id(kernel, "sales")
    async with kernel.write(system("test")) as uow:
        role = await uow.session.scalar(sa.select(Role.id).where(Role.key == "sales"))
        await uow.session.execute(sa.insert(RoleGrant), [{"role_id": role, "name": "gone.thing.read", "scope": "all"}])
    await api.patch(f"/roles/{key}/rights", {"entities": {"core.company": {"read": "none"}}})
    async with kernel.read(system("test")) as uow:
        names = set(await uow.session.scalars(sa.select(RoleGrant.name).where(RoleGrant.role_id == role)))
    assert "gone.thing.read" in names
    assert "core.company.read" not in names


async def test_change_of_rights_is_audited_with_before_and_after(kernel: Kernel, api: Any, events: Any) -> None:
    key = await role_id(kernel, "sales")
    await api.patch(f"/roles/{key}/rights", {"entities": {"core.company": {"read": "all"}}})
    [(_kind, payload)] = await events("core.role.updated")
    [name] = payload["after"]
    assert (payload["before"][name]["scope"], payload["after"][name]["scope"]) == ("own", "all")


async def test_grid_page_saves_without_scripts(kernel: Kernel, as_user: People) -> None:
    admin, key = await as_user("admin"), await role_id(kernel, "sales")
    shown = await admin.client.get(f"/roles/{key}/rights")
    assert shown.status_code == 200, shown.text[:3000]
    for verb in VERBS:
        assert f'name="core.company.{verb}"' in shown.text
    sent = await admin.client.post(
        f"/roles/{key}/rights", data={"core.company.read": "all", "known": "core.user.grant"}
    )
    assert sent.status_code == 303, sent.text[:3000]
    found = await admin.api.get(f"/roles/{key}/rights")
    assert next(r for r in found["entities"] if r["entity"] == "core.company")["verbs"]["read"] == "all"
    fields = await admin.client.get(f"/roles/{key}/fields", params={"entity": "core.company"})
    assert 'name="field.website"' in fields.text
    body = {"entity": "core.company", "field.website": "hidden"}
    assert (await admin.client.post(f"/roles/{key}/fields", data=body)).status_code == 303
    assert (await admin.api.get(f"/roles/{key}/rights"))["fields"] == {"core.company": {"website": "hidden"}}
    rep = await as_user("sales")
    assert (await rep.client.get(f"/roles/{key}/rights")).status_code == 403


async def test_form_of_a_role_no_longer_holds_its_grants(kernel: Kernel, as_user: People) -> None:
    admin, key = await as_user("admin"), await role_id(kernel, "manager")
    form = await admin.client.get(f"/roles/{key}/edit")
    assert "grants-row" not in form.text
    sent = await admin.client.post(f"/roles/{key}/edit", data={"name": "Head", "description": ""})
    assert sent.status_code == 303, sent.text[:2000]
    found = await admin.api.get(f"/roles/{key}/rights")
    assert next(r for r in found["entities"] if r["entity"] == "core.company")["verbs"]["read"] == "team"
