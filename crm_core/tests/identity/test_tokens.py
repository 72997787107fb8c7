"""API tokens: shown once, narrowed by scopes, ended at once, used without writing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import User
from crm_core.auth.seen import seen
from crm_core.auth.session import digest
from crm_core.auth.tokens import Token
from crm_core.db.types import utcnow
from crm_core.kernel import Kernel

ADMIN = "admin@example.com"


@pytest.fixture
async def admin(browser: Any, person: Any) -> Any:
    await person(ADMIN, "admin")
    one = browser()
    await one.sign_in(ADMIN)
    return one


@pytest.fixture
def asks(browser: Any) -> Any:
    """Sends a request with a token and nothing else."""

    async def ask(token: str, method: str = "GET", path: str = "/api/v1/session", **kw: Any) -> Any:
        return await browser().client.request(method, path, headers={"authorization": f"Bearer {token}"}, **kw)

    return ask


async def make(admin: Any, **body: Any) -> Any:
    answer = await admin.call("POST", "/api/v1/tokens", json={"name": "robot", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_token_acts_for_its_user_and_is_shown_once(admin: Any, asks: Any, kernel: Kernel) -> None:
    made = await make(admin)
    assert made["token"].startswith("crm_")
    assert len(made["token"]) == 47
    assert (await asks(made["token"])).json()["roles"] == ["admin"]
    listed = (await admin.call("GET", "/api/v1/tokens")).json()["items"]
    assert made["token"] not in str(listed)
    assert listed[0]["id"] == made["id"]
    async with kernel.read(system("test")) as uow:
        assert (await uow.session.scalars(sa.select(Token.token_hash))).one() == digest(made["token"])


async def test_reading_token_cannot_write(admin: Any, asks: Any) -> None:
    token = (await make(admin, scopes=["read"]))["token"]
    assert (await asks(token, path="/api/v1/users")).status_code == 200
    answer = await asks(token, "POST", "/api/v1/teams", json={"name": "North"})
    assert answer.status_code == 403


async def test_token_of_one_entity_stays_there(admin: Any, asks: Any) -> None:
    token = (await make(admin, scopes=["core.team"]))["token"]
    assert (await asks(token, path="/api/v1/teams")).status_code == 200
    assert (await asks(token, path="/api/v1/contacts")).status_code in (403, 404)


@pytest.mark.parametrize("path", ["/api/v1/tokens"])
async def test_token_cannot_make_a_wider_one(admin: Any, asks: Any, path: str) -> None:
    token = (await make(admin))["token"]
    answer = await asks(token, "POST", path, json={"name": "wider"})
    assert (answer.status_code, answer.json()["code"]) == (403, "core.person_needed")


async def test_unknown_scope_is_named(admin: Any) -> None:
    answer = await admin.call("POST", "/api/v1/tokens", json={"name": "x", "scopes": ["root"]})
    assert answer.status_code == 422
    assert "root" in answer.json()["fields"]["scopes"]


async def test_revoked_expired_and_orphaned_tokens_get_one_answer(
    admin: Any, asks: Any, kernel: Kernel, person: Any
) -> None:
    revoked, expired, orphaned = [await make(admin) for _n in range(3)]
    for made in (revoked, expired, orphaned):
        assert (await asks(made["token"])).status_code == 200
    assert (await admin.call("DELETE", f"/api/v1/tokens/{revoked['id']}")).status_code == 204
    other = await person("gone@example.com", "sales")
    async with kernel.write(system("test")) as uow:
        when = utcnow() - timedelta(seconds=1)
        await uow.session.execute(sa.update(Token).where(Token.start == expired["token"][:9]).values(expires_at=when))
        await uow.session.execute(sa.update(Token).where(Token.start == orphaned["token"][:9]).values(user_id=other))
        await uow.session.execute(sa.update(User).where(User.id == other).values(is_active=False))
    bodies = set()
    for token in (revoked["token"], expired["token"], orphaned["token"], "crm_never", "x", ""):
        answer = await asks(token)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        bodies.add(answer.content)
    assert len(bodies) == 1


async def test_token_of_somebody_else_cannot_be_ended(admin: Any, browser: Any, person: Any, asks: Any) -> None:
    made = await make(admin)
    await person("rep@example.com", "sales")
    rep = browser()
    await rep.sign_in("rep@example.com")
    assert (await rep.call("DELETE", f"/api/v1/tokens/{made['id']}")).status_code == 404
    assert (await asks(made["token"])).status_code == 200


async def test_last_use_is_written_later_and_not_at_each_request(admin: Any, asks: Any, kernel: Kernel) -> None:
    made = await make(admin)

    async def used() -> Any:
        async with kernel.read(system("test")) as uow:
            return await uow.session.scalar(sa.select(Token.last_used_at).where(Token.start == made["token"][:9]))

    await asks(made["token"])
    assert await used() is None
    await seen(kernel).write()
    first = await used()
    assert first is not None
    await asks(made["token"])
    await seen(kernel).write()
    assert await used() == first


async def test_patterns_stand_for_what_they_fit_when_the_token_is_made(admin: Any, asks: Any) -> None:
    made = await make(admin, scopes=["core.*.read", "core.team.*"])
    assert {"core.contact.read", "core.deal.read", "core.team.create", "core.team.delete"} <= set(made["scopes"])
    assert "core.contact.edit" not in made["scopes"]
    assert (await asks(made["token"], path="/api/v1/contacts")).status_code == 200
    assert (await asks(made["token"], "POST", "/api/v1/teams", json={"name": "North"})).status_code == 201
    assert (await asks(made["token"], "POST", "/api/v1/contacts", json={"last_name": "X"})).status_code == 403
    for nonsense in ("*nothing*", "core.*.fly", "(.*)"):
        assert (await admin.call("POST", "/api/v1/tokens", json={"name": "x", "scopes": [nonsense]})).status_code == 422
