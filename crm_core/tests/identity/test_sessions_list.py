"""Where somebody is signed in: listed, ended one by one or all at once, by oneself or an administrator."""

from __future__ import annotations

import re
from typing import Any

import pytest
from crm_core.features.session.devices import device

ADMIN, REP = "admin@example.com", "rep@example.com"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture
async def rep(person: Any, browser: Any) -> Any:
    await person(REP, "sales")
    one = browser()
    one.client.headers["user-agent"] = FIREFOX
    await one.sign_in(REP)
    return one


async def listed(one: Any) -> list[dict[str, Any]]:
    answer = await one.call("GET", "/api/v1/sessions")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126 Safari/537.36 Edg/126.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "Chrome, Android"),
        ("", ""),
        ("<script>", ""),
    ],
)  # fmt: skip
def test_devices_have_names(agent: str, name: str) -> None:
    assert device(agent) == name


async def test_list_names_devices_and_marks_this_one(rep: Any, browser: Any) -> None:
    other = browser()
    await other.sign_in(REP)
    rows = await listed(rep)
    assert {r["is_current"] for r in rows} == {True, False}
    mine = next(r for r in rows if r["is_current"])
    assert (mine["device"], mine["address"] != "") == ("Firefox, Linux", True)
    page = await rep.client.get("/account")
    assert "Firefox, Linux" in page.text
    assert "this one" in page.text


async def test_one_session_is_ended_and_only_that(rep: Any, browser: Any, events: Any) -> None:
    other, third = browser(), browser()
    for one in (other, third):
        await one.sign_in(REP)
    gone = next(r for r in await listed(other) if r["is_current"])["id"]
    assert (await rep.call("DELETE", f"/api/v1/sessions/{gone}")).status_code == 204
    assert (await other.call("GET", "/api/v1/session")).status_code == 401
    for one in (rep, third):
        assert (await one.call("GET", "/api/v1/session")).status_code == 200
    assert (await rep.call("DELETE", f"/api/v1/sessions/{gone}")).status_code == 404
    assert "core.session.revoked" in [kind for kind, _payload in await events("core.session.")]


async def test_session_of_somebody_else_cannot_be_ended(rep: Any, browser: Any, person: Any) -> None:
    await person("other@example.com", "sales")
    other = browser()
    await other.sign_in("other@example.com")
    theirs = (await listed(other))[0]["id"]
    assert (await rep.call("DELETE", f"/api/v1/sessions/{theirs}")).status_code == 404
    assert (await other.call("GET", "/api/v1/session")).status_code == 200


async def test_signing_out_everywhere_ends_this_one_too(rep: Any, browser: Any) -> None:
    other = browser()
    await other.sign_in(REP)
    assert (await rep.call("DELETE", "/api/v1/sessions")).status_code == 204
    for one in (rep, other):
        assert (await one.call("GET", "/api/v1/session")).status_code == 401


async def test_page_ends_sessions_without_javascript(rep: Any, browser: Any) -> None:
    other = browser()
    await other.sign_in(REP)
    page = await rep.client.get("/account")
    token = re.search(r'name="_csrf" value="(\w+)"', page.text)[1]  # type: ignore[index]
    [path] = set(re.findall(r"/account/sessions/[\w-]{36}/revoke", page.text))
    assert (await rep.client.post(path, data={"_csrf": token})).status_code == 303
    assert (await other.call("GET", "/api/v1/session")).status_code == 401
    left = await rep.client.post("/account/sessions/end-all", data={"_csrf": token})
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert (await rep.call("GET", "/api/v1/session")).status_code == 401


async def test_administrator_lists_and_ends_sessions_and_tokens_of_others(rep: Any, browser: Any, person: Any) -> None:
    admin_id = await person(ADMIN, "admin")
    boss = browser()
    await boss.sign_in(ADMIN)
    user = (await rep.call("GET", "/api/v1/session")).json()["user_id"]
    token = (await rep.call("POST", "/api/v1/tokens", json={"name": "robot"})).json()
    tokens = (await boss.call("GET", f"/api/v1/users/{user}/tokens")).json()["items"]
    assert [t["name"] for t in tokens] == ["robot"]
    assert token["token"] not in str(tokens)
    assert (await boss.call("DELETE", f"/api/v1/users/{user}/tokens/{token['id']}")).status_code == 204
    bearer = {"authorization": f"Bearer {token['token']}"}
    assert (await browser().client.get("/api/v1/session", headers=bearer)).status_code == 401
    [row] = (await boss.call("GET", f"/api/v1/users/{user}/sessions")).json()["items"]
    assert row["is_current"] is False
    for path in (f"/api/v1/users/{admin_id}/sessions", f"/api/v1/users/{user}/sessions"):
        assert (await rep.call("GET", path)).status_code == 403
    page = await boss.client.get(f"/admin/users/{user}/security")
    assert page.status_code == 200, page.text
    assert f"/admin/users/{user}/security" in (await boss.client.get(f"/users/{user}")).text
    form = re.search(r'name="_csrf" value="(\w+)"', page.text)[1]  # type: ignore[index]
    answer = await boss.client.post(f"/admin/users/{user}/security/sessions/end-all", data={"_csrf": form})
    assert answer.status_code == 303
    assert (await rep.call("GET", "/api/v1/session")).status_code == 401


async def test_somebody_with_the_right_does_not_reach_an_administrator(browser: Any, person: Any, kernel: Any) -> None:
    from crm_core.auth.actor import system
    from crm_core.auth.people import Role, RoleGrant

    async with kernel.write(system("test")) as uow:
        desk = Role(name="Help desk")
        uow.session.add(desk)
        await uow.session.flush()
        uow.session.add(RoleGrant(role_id=desk.id, name="core.user.set_password", scope="all"))
    admin_id, user_id = await person(ADMIN, "admin"), await person(REP, "sales")
    await person("desk@example.com", "Help desk")
    clerk, boss = browser(), browser()
    await clerk.sign_in("desk@example.com")
    await boss.sign_in(ADMIN)
    assert (await clerk.call("GET", f"/api/v1/users/{user_id}/sessions")).status_code == 200
    for verb, what in (("GET", "sessions"), ("DELETE", "sessions"), ("GET", "tokens"), ("DELETE", "second-factor")):
        assert (await clerk.call(verb, f"/api/v1/users/{admin_id}/{what}")).status_code == 403
    assert (await clerk.client.get(f"/admin/users/{admin_id}/security")).status_code == 403
    assert (await boss.call("GET", "/api/v1/session")).status_code == 200
