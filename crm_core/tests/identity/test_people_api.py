"""Users, teams and roles by API: nobody makes themselves mightier, and somebody always holds the keys."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Role, User
from crm_core.entity.event_rows import EventRow
from crm_core.kernel import Kernel

ADMIN = "admin@example.com"


@pytest.fixture
async def admin(browser: Any, person: Any) -> Any:
    await person(ADMIN, "admin")
    one = browser()
    await one.sign_in(ADMIN)
    return one


async def role_id(kernel: Kernel, key: str) -> str:
    async with kernel.read(system("test")) as uow:
        return str(await uow.session.scalar(sa.select(Role.id).where(Role.key == key)))


async def test_administrator_adds_a_user_with_role_and_team(admin: Any, kernel: Kernel) -> None:
    team = await admin.call("POST", "/api/v1/teams", json={"name": "North"})
    assert team.status_code == 201, team.text
    body = {
        "name": "Bo",
        "email": "bo@example.com",
        "roles": [{"role_id": await role_id(kernel, "sales")}],
        "teams": [{"team_id": team.json()["id"], "is_primary": True}],
    }
    made = await admin.call("POST", "/api/v1/users", json=body)
    assert made.status_code == 201, made.text
    twin = await admin.call("POST", "/api/v1/users", json={"name": "Bo", "email": "BO@example.com"})
    assert twin.status_code == 409


async def test_no_answer_holds_a_password(admin: Any, kernel: Kernel) -> None:
    listed = await admin.call("GET", "/api/v1/users")
    assert listed.status_code == 200, listed.text
    assert "argon2" not in listed.text
    assert "password" not in listed.text
    for sort in ("password", "password.hash", "hash"):
        assert (await admin.call("GET", "/api/v1/users", params={"sort": sort})).status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {"is_admin": True},
        {"password": "x"},
        {"id": "0190a6a0-0000-7000-8000-000000000000"},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"deleted_at": None},
        {"email_f": "x"},
    ],
)
async def test_columns_that_are_no_fields_cannot_be_sent(admin: Any, change: dict[str, Any]) -> None:
    answer = await admin.call("POST", "/api/v1/users", json={"name": "Bo", "email": "bo@example.com", **change})
    assert answer.status_code in (400, 422), answer.text


async def test_role_key_cannot_be_set(admin: Any) -> None:
    answer = await admin.call("POST", "/api/v1/roles", json={"name": "Mine", "key": "admin"})
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("role", ["sales", "manager", "readonly"])
async def test_others_change_neither_users_nor_roles(
    admin: Any, browser: Any, person: Any, kernel: Kernel, role: str
) -> None:
    user = await person("rep@example.com", role)
    one = browser()
    await one.sign_in("rep@example.com")
    tries = [
        await one.call("PATCH", f"/api/v1/users/{user}", json={"roles": [{"role_id": await role_id(kernel, "admin")}]}),
        await one.call("PATCH", f"/api/v1/users/{user}", json={"name": "King"}),
        await one.call("POST", "/api/v1/users", json={"name": "X", "email": "x@example.com"}),
        await one.call("POST", "/api/v1/roles", json={"name": "X", "everything": True}),
        await one.call("PATCH", f"/api/v1/roles/{await role_id(kernel, role)}", json={"everything": True}),
        await one.call("POST", f"/api/v1/users/{user}/sign-out"),
        await one.call("POST", "/api/v1/teams", json={"name": "Mine"}),
    ]
    assert {a.status_code for a in tries} <= {403, 404}, [(a.status_code, a.text) for a in tries]
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(User.name).where(User.id == user)) == "Rep"


async def test_refusal_of_a_known_actor_is_audited(admin: Any, browser: Any, person: Any, kernel: Kernel) -> None:
    await person("rep@example.com", "sales")
    one = browser()
    await one.sign_in("rep@example.com")
    assert (await one.call("POST", "/api/v1/teams", json={"name": "Mine"})).status_code == 403
    async with kernel.read(system("test")) as uow:
        denied = await uow.session.scalar(sa.select(EventRow.actor).where(EventRow.type == "core.session.denied"))
    assert str(denied).startswith("user:")


async def test_last_administrator_cannot_be_switched_off_trashed_or_demoted(admin: Any, kernel: Kernel) -> None:
    who = (await admin.call("GET", "/api/v1/session")).json()["user_id"]
    tries = [
        await admin.call("PATCH", f"/api/v1/users/{who}", json={"is_active": False}),
        await admin.call("PATCH", f"/api/v1/users/{who}", json={"roles": []}),
        await admin.call("DELETE", f"/api/v1/users/{who}"),
        await admin.call("PATCH", f"/api/v1/roles/{await role_id(kernel, 'admin')}", json={"everything": False}),
        await admin.call("DELETE", f"/api/v1/roles/{await role_id(kernel, 'admin')}"),
    ]
    assert [a.status_code for a in tries] == [409] * len(tries), [(a.status_code, a.text) for a in tries]
    assert (await admin.call("GET", "/api/v1/session")).json()["roles"] == ["admin"]


async def test_change_of_role_counts_at_the_next_request(admin: Any, browser: Any, person: Any, kernel: Kernel) -> None:
    user = await person("rep@example.com", "sales")
    one = browser()
    await one.sign_in("rep@example.com")
    assert (await one.call("POST", "/api/v1/teams", json={"name": "A"})).status_code == 403
    changed = await admin.call(
        "PATCH", f"/api/v1/users/{user}", json={"roles": [{"role_id": await role_id(kernel, "admin")}]}
    )
    assert changed.status_code == 200, changed.text
    assert (await one.call("POST", "/api/v1/teams", json={"name": "A"})).status_code == 201
    assert (await admin.call("PATCH", f"/api/v1/users/{user}", json={"roles": []})).status_code == 200
    assert (await one.call("POST", "/api/v1/teams", json={"name": "B"})).status_code == 403


async def test_sessions_of_a_user_end_by_the_administrators_action(admin: Any, browser: Any, person: Any) -> None:
    user = await person("rep@example.com", "sales")
    one = browser()
    await one.sign_in("rep@example.com")
    assert (await admin.call("POST", f"/api/v1/users/{user}/sign-out")).status_code == 200
    assert (await one.call("GET", "/api/v1/session")).status_code == 401


async def test_team_cannot_be_below_itself(admin: Any) -> None:
    top = (await admin.call("POST", "/api/v1/teams", json={"name": "Top"})).json()["id"]
    low = (await admin.call("POST", "/api/v1/teams", json={"name": "Low", "parent_id": top})).json()["id"]
    for parent in (low, top):
        answer = await admin.call("PATCH", f"/api/v1/teams/{top}", json={"parent_id": parent})
        assert (answer.status_code, answer.json()["code"]) == (422, "core.team_below_itself")


async def test_unknown_time_zone_is_refused(admin: Any) -> None:
    who = (await admin.call("GET", "/api/v1/session")).json()["user_id"]
    answer = await admin.call("PATCH", f"/api/v1/users/{who}", json={"zone": "Mars/Olympus"})
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["zone"])
