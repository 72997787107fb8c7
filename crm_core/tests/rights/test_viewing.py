"""An administrator sees the CRM as somebody else does: only reading, told of, over after half an hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Role, RoleGrant
from crm_core.auth.rights import load_actor
from crm_core.auth.session import Session, from_session
from crm_core.auth.viewing import OnlyViewing
from crm_core.db.types import utcnow
from crm_core.kernel import Kernel
from crm_core.testing.people import People, Somebody


async def look(viewer: Somebody, person: Somebody) -> Any:
    """Open the CRM as somebody."""
    return await viewer.client.post(f"/users/{person.id}/view-as")


async def test_viewer_sees_what_the_person_sees_and_comes_back(kernel: Kernel, as_user: People, events: Any) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    await admin.api.post("/companies", {"name": "Of the admin"})
    await rep.api.post("/companies", {"name": "Of the rep"})
    assert "View as" in (await admin.client.get(f"/users/{rep.id}")).text
    assert (await look(admin, rep)).status_code == 303
    listed = await admin.client.get("/companies")
    assert ("Of the rep" in listed.text, "Of the admin" in listed.text) == (True, False)
    for path in ("/", "/companies", "/contacts/new", f"/users/{rep.id}"):
        shown = await admin.client.get(path)
        assert (path, "You see the CRM as Rep does." in shown.text) == (path, shown.status_code == 200)
    found = (await admin.client.get("/api/v1/companies")).json()
    assert [c["name"] for c in found["items"]] == ["Of the rep"]
    assert len((await admin.api.get("/companies"))["items"]) == 2  # the token is the administrator's own
    assert (await admin.client.post("/viewing/end")).status_code == 303
    assert "Of the admin" in (await admin.client.get("/companies")).text
    told = await events("core.user.viewing_")
    assert [(k, p["user_id"], p.get("reason", "")) for k, p in told] == [
        ("core.user.viewing_started", str(rep.id), ""), ("core.user.viewing_ended", str(rep.id), "asked"),
    ]  # fmt: skip


async def test_viewer_writes_nothing_by_page_api_or_kernel(kernel: Kernel, as_user: People) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    made = await rep.api.post("/companies", {"name": "Of the rep"})
    await look(admin, rep)
    client = admin.client
    tries = [
        await client.post("/companies/new", data={"name": "New"}),
        await client.post(f"/companies/{made['id']}/edit", data={"name": "Changed"}),
        await client.post(f"/companies/{made['id']}/delete"),
        await client.post("/companies/bulk", data={"action": "delete", "id": made["id"], "sure": "1"}),
        await client.post("/api/v1/companies", json={"name": "New"}),
        await client.patch(f"/api/v1/companies/{made['id']}", json={"name": "Changed"}),
        await client.delete(f"/api/v1/companies/{made['id']}"),
        await client.post("/api/v1/tokens", json={"name": "mine"}),
        await client.post(f"/users/{rep.id}/view-as"),
        await client.post(f"/api/v1/companies/{made['id']}/shares", json={"user_id": str(admin.id)}),
    ]
    assert {a.status_code for a in tries} == {403}, [(a.request.url, a.status_code, a.text[:200]) for a in tries]
    assert [c["name"] for c in (await rep.api.get("/companies"))["items"]] == ["Of the rep"]
    cookie = next(iter(client.cookies.jar))
    actor = await from_session(kernel, str(cookie.value))
    assert actor is not None
    assert (actor.only_reads, actor.user_id, actor.behind.user_id) == (True, rep.id, admin.id)
    with pytest.raises(OnlyViewing):
        async with kernel.write(actor):
            pass


async def test_own_account_of_the_person_stays_closed(as_user: People) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    await look(admin, rep)
    for path in ("/account", "/api/v1/tokens"):
        assert (await admin.client.get(path)).status_code == 403, path


async def test_view_ends_by_itself_and_is_written_down(kernel: Kernel, as_user: People, jobs: Any, events: Any) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    await look(admin, rep)
    async with kernel.read(system("test")) as uow:
        until = await uow.session.scalar(sa.select(Session.viewing_until).where(Session.viewing_id == rep.id))
    assert timedelta(minutes=29) < until - utcnow() <= timedelta(minutes=30)
    past = utcnow() - timedelta(seconds=1)
    async with kernel.write(system("test")) as uow:  # as if half an hour had gone by
        await uow.session.execute(sa.update(Session).where(Session.viewing_id == rep.id).values(viewing_until=past))
        from crm_core.jobs.rows import JOBS

        row = (await uow.session.execute(sa.select(JOBS).where(JOBS.c.kind == "core.end_viewing"))).one()
        args = {**row.args, "until": past.isoformat()}
        await uow.session.execute(sa.update(JOBS).where(JOBS.c.id == row.id).values(run_at=past, args=args))
        await uow.raise_epoch("people")
    assert (await admin.client.get("/api/v1/session")).json()["user_id"] == str(admin.id)
    assert "You see the CRM as" not in (await admin.client.get("/")).text
    assert (await admin.client.post("/api/v1/companies", json={"name": "Mine again"})).status_code == 201
    await jobs()
    assert [(k, p.get("reason")) for k, p in await events("core.user.viewing_ended")] == [
        ("core.user.viewing_ended", "time")
    ]


async def test_time_is_over_even_when_no_process_forgot_the_actor(kernel: Kernel, as_user: People) -> None:
    from dataclasses import replace

    from crm_core.auth.actor import Viewing
    from crm_core.auth.viewing import through

    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    viewer = await load_actor(kernel, admin.id)
    now = replace(viewer, viewing=Viewing(rep.id, utcnow() + timedelta(seconds=5)))
    over = replace(viewer, viewing=Viewing(rep.id, utcnow() - timedelta(seconds=1)))
    assert (await through(kernel, now)).user_id == rep.id
    assert (await through(kernel, over)).user_id == admin.id


async def test_view_takes_its_right_and_gives_no_more_than_the_viewer_has(kernel: Kernel, as_user: People) -> None:
    admin, rep, support = await as_user("admin"), await as_user("sales", "rep"), await as_user("readonly", "sue")
    assert (await look(rep, admin)).status_code == 403
    await admin.api.post("/companies", {"name": "Of the admin"})
    async with kernel.write(system("test")) as uow:
        role = await uow.session.scalar(sa.select(Role.id).where(Role.key == "sales"))
        await uow.session.execute(
            sa.insert(RoleGrant), [{"role_id": role, "name": "core.user.view_as", "scope": "all"}]
        )
        await uow.raise_epoch("people")
    assert (await look(rep, support)).status_code == 303
    assert "Of the admin" not in (await rep.client.get("/companies")).text  # sue reads all, the rep only their own
    await rep.client.post("/viewing/end")
    assert (await look(rep, admin)).status_code == 303
    assert (await rep.client.get("/roles")).status_code == 403


async def test_nobody_views_as_themselves_or_as_somebody_switched_off(kernel: Kernel, as_user: People) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    assert (await look(admin, admin)).status_code == 409
    await admin.api.patch(f"/users/{rep.id}", {"is_active": False})
    assert (await look(admin, rep)).status_code == 409
    by_token = await admin.client.post(f"/users/{rep.id}/view-as", headers=admin.api.headers)
    assert by_token.status_code == 409


async def test_viewer_can_sign_out(as_user: People) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    await look(admin, rep)
    assert (await admin.client.post("/logout")).status_code == 303
    assert (await admin.client.get("/api/v1/session")).status_code == 401
