"""Single records are opened to users and teams, audited, closed again; the panel and the API say so."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from crm_core.auth.actor import Actor, ActorKind, Rights, Scope, system
from crm_core.auth.people import Role, RoleGrant, Share, Team, TeamMember
from crm_core.entity import records
from crm_core.entity.access import halves
from crm_core.kernel import Kernel
from crm_core.plugin.declare import VERBS
from crm_core.testing.people import People


async def company(kernel: Kernel, owner: Any, name: str = "Harbour Tools") -> str:
    """Add a company of somebody's."""
    entity = kernel.registry.entity("core.company")
    async with kernel.write(system("test")) as uow:
        return str((await records.create(uow, entity, {"name": name, "owner_id": owner}, trusted=True)).id)


async def test_share_opens_a_record_to_one_user_and_revoking_closes_it(kernel: Kernel, as_user: People) -> None:
    ada, bob = await as_user("sales", "ada"), await as_user("sales", "bob")
    key = await company(kernel, ada.id)
    await bob.api.get(f"/companies/{key}", status=404)
    made = await ada.api.post(f"/companies/{key}/shares", {"user_id": str(bob.id)})
    assert (made["level"], made["name"]) == ("read", "Bob")
    assert (await bob.api.get(f"/companies/{key}"))["name"] == "Harbour Tools"
    await bob.api.patch(f"/companies/{key}", {"name": "Mine"}, status=403)
    again = await ada.api.post(f"/companies/{key}/shares", {"user_id": str(bob.id), "level": "edit"})
    assert again["id"] == made["id"]
    await bob.api.patch(f"/companies/{key}", {"name": "Ours"})
    assert [s["level"] for s in (await bob.api.get(f"/companies/{key}/shares"))["items"]] == ["edit"]
    await ada.api.delete(f"/companies/{key}/shares/{made['id']}")
    await bob.api.get(f"/companies/{key}", status=404)
    assert (await ada.api.get(f"/companies/{key}/shares"))["items"] == []


async def test_share_opens_a_record_to_a_team_and_those_above_it(kernel: Kernel, as_user: People) -> None:
    ada, bob = await as_user("sales", "ada"), await as_user("sales", "bob")
    key = await company(kernel, ada.id)
    async with kernel.write(system("test")) as uow:
        uow.session.info["changes"] = None
        top, low = Team(name="Top"), Team(name="Low")
        uow.session.add_all([top, low])
        await uow.session.flush()
        low.parent_id = top.id
        low.version = 2
        uow.session.add(TeamMember(user_id=bob.id, team_id=top.id, is_primary=True))
        await uow.raise_epoch("people")
        team = str(low.id)
    await bob.api.get(f"/companies/{key}", status=404)
    await ada.api.post(f"/companies/{key}/shares", {"team_id": team})
    assert (await bob.api.get(f"/companies/{key}"))["id"] == key


async def test_only_who_may_assign_a_record_shares_it(kernel: Kernel, as_user: People) -> None:
    ada, bob, eve = await as_user("sales", "ada"), await as_user("sales", "bob"), await as_user("sales", "eve")
    key = await company(kernel, ada.id)
    await ada.api.post(f"/companies/{key}/shares", {"user_id": str(bob.id), "level": "edit"})
    await bob.api.post(f"/companies/{key}/shares", {"user_id": str(eve.id)}, status=403)
    await eve.api.post(f"/companies/{key}/shares", {"user_id": str(eve.id)}, status=404)
    held = (await ada.api.get(f"/companies/{key}/shares"))["items"][0]
    await eve.api.delete(f"/companies/{key}/shares/{held['id']}", status=404)
    await bob.api.delete(f"/companies/{key}/shares/{held['id']}")  # one's own is given back
    await bob.api.get(f"/companies/{key}", status=404)


async def test_share_names_one_living_holder_and_fits_the_entity(kernel: Kernel, as_user: People) -> None:
    ada, admin = await as_user("sales", "ada"), await as_user("admin")
    key = await company(kernel, ada.id)
    nobody = "01890000-0000-7000-8000-000000000000"
    for body in ({}, {"user_id": nobody}, {"team_id": nobody}, {"user_id": str(ada.id), "team_id": nobody}):
        await ada.api.post(f"/companies/{key}/shares", body, status=422)
    await admin.api.send("POST", f"/users/{ada.id}/shares", 404, json={"user_id": str(ada.id)})


async def test_sharing_is_audited(kernel: Kernel, as_user: People, events: Any) -> None:
    ada, bob = await as_user("sales", "ada"), await as_user("sales", "bob")
    key = await company(kernel, ada.id)
    made = await ada.api.post(f"/companies/{key}/shares", {"user_id": str(bob.id)})
    await ada.api.delete(f"/companies/{key}/shares/{made['id']}")
    assert [kind for kind, _payload in await events("core.share.")] == ["core.share.created", "core.share.revoked"]
    assert {p["user_id"] for _kind, p in await events("core.share.")} == {str(bob.id)}


async def test_pages_share_explain_and_revoke(kernel: Kernel, as_user: People) -> None:
    ada, bob = await as_user("sales", "ada"), await as_user("sales", "bob")
    key = await company(kernel, ada.id)
    shown = await ada.client.get(f"/companies/{key}/access")
    assert (shown.status_code, "Owner of the record." in shown.text) == (200, True), shown.text[:3000]
    sent = await ada.client.post(f"/companies/{key}/share", data={"user_id": str(bob.id), "level": "edit"})
    assert sent.status_code == 303, sent.text[:3000]
    again = await ada.client.post(f"/companies/{key}/share", data={"level": "read"})
    assert again.status_code == 422
    panel = await bob.client.get("/sharing/panel", params={"entity": "core.company", "id": key})
    assert "The record is shared." in panel.text, panel.text
    held = (await ada.api.get(f"/companies/{key}/shares"))["items"][0]["id"]
    assert (await ada.client.post(f"/companies/{key}/shares/{held}/revoke")).status_code == 303
    assert (await bob.client.get("/sharing/panel", params={"entity": "core.company", "id": key})).status_code == 404
    assert (await bob.client.get(f"/companies/{key}/access")).status_code == 404


async def test_why_can_somebody_see_this_names_role_and_way(kernel: Kernel, as_user: People) -> None:
    ada, admin = await as_user("sales", "ada"), await as_user("admin")
    reader, sales = await as_user("readonly", "rea"), await as_user("sales", "bob")
    key = await company(kernel, ada.id)

    def reasons(found: Any, verb: str = "read") -> Any:
        [one] = [v for v in found["verbs"] if v["verb"] == verb]
        return one["allowed"], [r["kind"] for r in one["reasons"]]

    mine = await ada.api.get(f"/companies/{key}/access")
    assert reasons(mine) == (True, ["owner"])
    assert mine["verbs"][0]["reasons"][0]["roles"] == ["Sales"]
    assert reasons(await admin.api.get(f"/companies/{key}/access")) == (True, ["everything"])
    assert reasons(await admin.api.get(f"/companies/{key}/access", params={"user": str(reader.id)})) == (True, ["all"])
    theirs = await admin.api.get(f"/companies/{key}/access", params={"user": str(sales.id)})
    assert reasons(theirs) == (False, [])
    assert reasons(theirs, "edit") == (False, [])
    await ada.api.get(f"/companies/{key}/access", params={"user": str(reader.id)}, status=403)
    await sales.api.get(f"/companies/{key}/access", status=404)


async def test_assign_right_is_what_sharing_takes(kernel: Kernel, as_user: People) -> None:
    ada, bob = await as_user("sales", "ada"), await as_user("sales", "bob")
    key = await company(kernel, ada.id)
    async with kernel.write(system("test")) as uow:
        role = await uow.session.scalar(sa.select(Role.id).where(Role.key == "sales"))
        gone = sa.delete(RoleGrant).where(RoleGrant.role_id == role, RoleGrant.name == "core.company.assign")
        await uow.session.execute(gone)
        await uow.raise_epoch("people")
    await ada.api.post(f"/companies/{key}/shares", {"user_id": str(bob.id)}, status=403)


async def test_own_and_shared_records_come_in_one_order_and_once(kernel: Kernel, as_user: People) -> None:
    """SQLite reads own and shared rows apart and merges them: pages meet each once, up and down, filtered too."""
    async with kernel.write(system("test")) as uow:
        role = Role(key="own", name="Own")
        uow.session.add(role)
        await uow.session.flush()
        uow.session.add_all([RoleGrant(role_id=role.id, name=f"core.company.{v}", scope="own") for v in VERBS])
        await uow.raise_epoch("people")
    ada, bob = await as_user("own", "ada"), await as_user("own", "bob")
    names = [f"Company {n:02}" for n in (7, 3, 11, 1, 5, 9, 2, 8, 10, 4, 6, 0)]
    made = [await company(kernel, (ada.id, bob.id, None)[n % 3], name) for n, name in enumerate(names)]
    for key in made[1::3][:3]:
        await bob.api.post(f"/companies/{key}/shares", {"user_id": str(ada.id)})
    async with kernel.write(system("test")) as uow:  # shared with its owner by mistake: still there once
        uow.session.info["changes"] = None
        uow.session.add(Share(entity="core.company", record_id=UUID(made[0]), user_id=ada.id, level="read"))
    visible = sorted(names[::3] + names[1::3][:3])
    for sort, wanted in (("name", visible), ("-name", visible[::-1])):
        for left_out in ("", "Company 05"):
            met: list[str] = []
            without = {"none": [{"field": "name", "op": "is", "value": left_out}]}
            asked: dict[str, Any] = {"sort": sort, "limit": 3, "filter": json.dumps(without)}
            while asked.get("cursor", "first"):
                page = await ada.api.get("/companies", params=asked)
                met += [c["name"] for c in page["items"]]
                asked["cursor"] = page["next"]
            assert met == [n for n in wanted if n != left_out]
    entity = kernel.registry.entity("core.company")
    actor = Actor(ActorKind.user, "Ada", user_id=ada.id, rights=Rights(scopes={"core.company.read": Scope.own}))
    assert len(halves(kernel.registry, actor, entity, entity.model.__table__.c.name_f)) == 2
