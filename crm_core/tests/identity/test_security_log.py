"""The security log: every security event, readable by those who may, and one's own by everybody."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.attempts import PER_KEY
from crm_core.auth.people import Role
from crm_core.kernel import Kernel

ADMIN, REP = "admin@example.com", "rep@example.com"


@pytest.fixture
async def boss(person: Any, browser: Any) -> Any:
    await person(ADMIN, "admin")
    one = browser()
    await one.sign_in(ADMIN)
    return one


async def log(one: Any, path: str = "/api/v1/security-events") -> list[dict[str, Any]]:
    answer = await one.call("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_log_tells_who_what_and_from_where(boss: Any, person: Any, browser: Any) -> None:
    user = await person(REP, "sales")
    rep = browser()
    await rep.sign_in(REP, "not the password")
    await rep.sign_in("nobody@example.com", "not the password")
    await rep.sign_in(REP)
    made = (await rep.call("POST", "/api/v1/tokens", json={"name": "x"})).json()
    await rep.call("DELETE", f"/api/v1/tokens/{made['id']}")
    await rep.call("DELETE", "/api/v1/session")
    lines = await log(boss)
    about_rep = [line["type"] for line in reversed(lines) if line["user_id"] == str(user)]
    assert about_rep == [
        "core.user.created", "core.user.roles_changed", "core.session.sign_in_failed", "core.session.signed_in",
        "core.token.created", "core.token.revoked", "core.session.signed_out",
    ] or about_rep == [
        "core.user.roles_changed", "core.user.created", "core.session.sign_in_failed", "core.session.signed_in",
        "core.token.created", "core.token.revoked", "core.session.signed_out",
    ]  # fmt: skip
    failed = [line for line in lines if line["type"] == "core.session.sign_in_failed"]
    assert [line["user"] for line in failed] == ["", "Rep"]
    assert all(line["address"] for line in failed)
    page = await boss.client.get("/admin/security")
    assert page.status_code == 200, page.text
    assert "Sign-in refused" in page.text


async def test_lock_outs_and_refusals_are_in_the_log(boss: Any, person: Any, browser: Any) -> None:
    await person(REP, "sales")
    rep = browser()
    await rep.sign_in(REP)
    assert (await rep.client.get("/admin/security")).status_code == 403
    for n in range(PER_KEY + 1):
        await browser().sign_in(REP, f"wrong guess {n}")
    kinds = {line["type"] for line in await log(boss)}
    assert {"core.session.locked_out", "core.session.denied", "core.session.sign_in_failed"} <= kinds


async def test_role_given_is_told_by_name(boss: Any, person: Any, kernel: Kernel) -> None:
    user = await person(REP, "sales")
    async with kernel.read(system("test")) as uow:
        support = await uow.session.scalar(sa.select(Role.id).where(Role.key == "support"))
    before = (await boss.call("GET", f"/api/v1/users/{user}")).json()
    answer = await boss.call(
        "PATCH", f"/api/v1/users/{user}", json={"roles": [{"role_id": str(support)}]},
        headers={"if-match": f'"{before["version"]}"'},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    told = next(line for line in await log(boss) if line["type"] == "core.user.roles_changed")
    assert (told["user"], told["details"]) == ("Rep", {"added": "Support", "removed": "Sales"})


async def test_own_part_is_everybodys_and_nothing_more(boss: Any, person: Any, browser: Any) -> None:
    user = await person(REP, "sales")
    rep = browser()
    await rep.sign_in(REP)
    assert (await rep.call("GET", "/api/v1/security-events")).status_code == 403
    mine = await log(rep, "/api/v1/security-events/mine")
    assert {line["user_id"] for line in mine} == {str(user)}
    assert "core.session.signed_in" in {line["type"] for line in mine}
    page = await rep.client.get("/account/security")
    assert page.status_code == 200
    assert "Signed in" in page.text
    assert "/account/security" in (await rep.client.get("/account")).text


async def test_log_is_read_page_by_page(boss: Any, browser: Any, person: Any) -> None:
    user = await person(REP, "sales")
    for n in range(7):
        for _n in range(8):
            await browser().client.post("/api/v1/session", json={"email": f"{n}@example.com", "password": "no"})
    await person("second@example.com", "sales")
    first = (await boss.call("GET", "/api/v1/security-events")).json()
    assert len(first["items"]) == 50
    second = (await boss.call("GET", f"/api/v1/security-events?before={first['before']}")).json()
    seen = [line["id"] for line in first["items"] + second["items"]]
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, reverse=True)
    assert second["before"] == ""
    one = (await boss.call("GET", f"/api/v1/security-events?user_id={user}")).json()["items"]
    assert {line["user_id"] for line in one} == {str(user)}
    assert (await boss.call("GET", "/api/v1/security-events?before=x")).status_code == 404


async def test_what_administrators_do_to_access_is_in_the_log(boss: Any, person: Any, browser: Any) -> None:
    """Those events that no other test looks for; all of them by the API or a page, as people do it."""
    user = await person(REP, "sales")
    rep = browser()
    await rep.sign_in(REP)

    async def done(method: str, path: str, status: int, **kw: Any) -> Any:
        answer = await boss.call(method, path, **kw)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json() if answer.content and answer.headers["content-type"] == "application/json" else None

    provider = {"key": "corp", "name": "Corp", "issuer": "https://id.example.com", "client_id": "crm"}
    await done("DELETE", f"/api/v1/users/{user}/sessions", 204)
    await done("PUT", f"/api/v1/users/{user}/password", 204, json={"password": "another long secret"})
    for path in ("sso/providers", "connection-providers"):
        made = await done("POST", f"/api/v1/{path}", 201, json=provider)
        await done("DELETE", f"/api/v1/{path}/{made['id']}", 204)
    invited = await done("POST", "/api/v1/users/invite", 201, json={"email": "guest@example.com", "name": "Guest"})
    await done("DELETE", f"/api/v1/users/invitations/{invited['id']}", 204)
    await done("POST", f"/users/{user}/view-as", 303)
    await done("POST", "/viewing/end", 303)
    lines = await log(boss)
    assert {line["type"] for line in lines} >= {
        "core.session.ended", "core.user.password_changed", "core.sso.provider_saved", "core.sso.provider_deleted",
        "core.connection.provider_saved", "core.connection.provider_deleted", "core.invitation.sent",
        "core.invitation.revoked", "core.user.viewing_started", "core.user.viewing_ended",
    }  # fmt: skip
    assert "another long secret" not in str(lines)
    about = {line["type"] for line in lines if line["user_id"] == str(user)}
    assert {"core.user.viewing_started", "core.user.password_changed", "core.session.ended"} <= about
