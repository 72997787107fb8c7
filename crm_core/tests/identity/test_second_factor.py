"""The second factor: a code never counts without the password, never twice, and never without end."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.attempts import Attempt
from crm_core.auth.links import PublicLink
from crm_core.auth.people import Role
from crm_core.auth.session import Session
from crm_core.db.types import utcnow
from crm_core.features.session import second_factor, totp
from crm_core.features.session.models import RecoveryCode, SecondFactor
from crm_core.features.session.settings import SignInRules
from crm_core.kernel import Kernel
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

ADMIN = "admin@example.com"
PASSWORD = "quite a long secret"


def app_code(secret: str, *, ahead: int = 0) -> str:
    """Return what another implementation shows, `ahead` steps from now."""
    import base64

    made = TOTP(base64.b32decode(secret), 6, SHA1(), 30, enforce_key_length=False)
    return made.generate(int(utcnow().timestamp()) + 30 * ahead).decode()


@pytest.fixture
async def user(person: Any) -> Any:
    return await person(ADMIN, "admin")


@pytest.fixture
async def enrolled(user: Any, browser: Any) -> tuple[Any, str, list[str]]:
    """A browser that has set its second factor up, the secret, and the recovery codes."""
    one = browser()
    await one.sign_in(ADMIN)
    begun = await one.call("POST", "/api/v1/second-factor/begin", json={"password": PASSWORD})
    secret = begun.json()["secret"]
    assert begun.headers["cache-control"] == "no-store"
    # The step before now, so that the tests have the present one to sign in with.
    done = await one.call("POST", "/api/v1/second-factor/confirm", json={"code": app_code(secret, ahead=-1)})
    assert done.status_code == 200, done.text
    return one, secret, done.json()["recovery_codes"]


async def first_step(browser: Any, password: str = PASSWORD) -> dict[str, Any]:
    answer = await browser().client.post("/api/v1/session", json={"email": ADMIN, "password": password})
    assert answer.status_code == 401, answer.text
    return answer.json()


async def second_step(browser: Any, step: str, code: str) -> Any:
    return await browser().client.post("/api/v1/session/second-factor", json={"step": step, "code": code})


@pytest.mark.parametrize(
    ("moment", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_rfc_6238(moment: int, code: str) -> None:
    assert totp.code_at("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", moment // 30) == code


async def test_right_password_alone_opens_no_session(enrolled: Any, browser: Any, kernel: Kernel) -> None:
    problem = await first_step(browser)
    assert (problem["code"], problem["needs"]) == ("core.second_factor_needed", "code")
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Session)) == 1  # the enrolled browser's
    # The step is no session: neither as a cookie nor as a token.
    for headers in ({"cookie": f"crm={problem['step']}"}, {"authorization": f"Bearer {problem['step']}"}):
        assert (await browser().client.get("/api/v1/session", headers=headers)).status_code == 401


async def test_password_and_code_open_a_session(enrolled: Any, browser: Any) -> None:
    _one, secret, _codes = enrolled
    answer = await second_step(browser, (await first_step(browser))["step"], app_code(secret))
    assert answer.status_code == 201, answer.text
    assert "crm=" in answer.headers["set-cookie"]


async def test_code_without_password_is_worth_nothing(enrolled: Any, browser: Any) -> None:
    _one, secret, codes = enrolled
    for step in ("", "x" * 43, "core.sign_in"):
        for code in (app_code(secret), codes[0]):
            answer = await second_step(browser, step, code)
            assert (answer.status_code, answer.json()["code"]) == (401, "core.step_not_valid")
    wrong = await first_step(browser, "not the password")
    assert "step" not in wrong


async def test_step_of_somebody_else_does_not_take_my_code(enrolled: Any, browser: Any, person: Any) -> None:
    _one, secret, _codes = enrolled
    await person("rep@example.com", "sales")
    other = browser()
    assert await other.sign_in("rep@example.com") == 201
    begun = await other.call("POST", "/api/v1/second-factor/begin", json={"password": PASSWORD})
    mine = begun.json()["secret"]
    done = await other.call("POST", "/api/v1/second-factor/confirm", json={"code": app_code(mine, ahead=-1)})
    assert done.status_code == 200
    theirs = await browser().client.post("/api/v1/session", json={"email": "rep@example.com", "password": PASSWORD})
    assert (await second_step(browser, theirs.json()["step"], app_code(secret))).status_code == 403


async def test_code_is_taken_once(enrolled: Any, browser: Any) -> None:
    _one, secret, _codes = enrolled
    code = app_code(secret)
    assert (await second_step(browser, (await first_step(browser))["step"], code)).status_code == 201
    again = await second_step(browser, (await first_step(browser))["step"], code)
    assert (again.status_code, again.json()["code"]) == (403, "core.code_wrong")
    older = await second_step(browser, (await first_step(browser))["step"], app_code(secret, ahead=-1))
    assert older.status_code == 403
    newer = await second_step(browser, (await first_step(browser))["step"], app_code(secret, ahead=1))
    assert newer.status_code == 201


async def test_code_typed_at_once_in_two_places_lets_one_in(enrolled: Any, browser: Any) -> None:
    import asyncio

    _one, secret, _codes = enrolled
    steps = [(await first_step(browser))["step"] for _n in range(4)]
    code = app_code(secret)
    answers = await asyncio.gather(*(second_step(browser, s, code) for s in steps))
    assert sorted(a.status_code for a in answers) == [201, 403, 403, 403]


async def test_step_is_used_once_and_expires(enrolled: Any, browser: Any, kernel: Kernel) -> None:
    _one, secret, codes = enrolled
    step = (await first_step(browser))["step"]
    assert (await second_step(browser, step, app_code(secret))).status_code == 201
    assert (await second_step(browser, step, codes[0])).status_code == 401
    late = (await first_step(browser))["step"]
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(PublicLink).values(expires_at=utcnow() - timedelta(seconds=1)))
    assert (await second_step(browser, late, codes[0])).status_code == 401


async def test_wrong_codes_are_limited(enrolled: Any, browser: Any) -> None:
    _one, secret, codes = enrolled
    step = (await first_step(browser))["step"]
    right = app_code(secret)
    wrong = "000000" if right != "000000" else "111111"
    statuses = [(await second_step(browser, step, wrong)).status_code for _n in range(second_factor.PER_USER + 1)]
    assert statuses == [403] * second_factor.PER_USER + [429]
    fresh = (await first_step(browser))["step"]  # a new step does not begin the count anew
    for code in (right, codes[0]):
        assert (await second_step(browser, fresh, code)).status_code == 429


async def test_recovery_codes_are_ten_hashed_and_used_once(enrolled: Any, browser: Any, kernel: Kernel) -> None:
    _one, _secret, codes = enrolled
    assert len(set(codes)) == 10
    async with kernel.read(system("test")) as uow:
        stored = (await uow.session.scalars(sa.select(RecoveryCode.hash))).all()
        sealed = (await uow.session.scalars(sa.select(SecondFactor.secret))).one()
    assert all(c.replace("-", "").encode() not in h for c in codes for h in stored)
    assert _secret not in sealed
    typed = codes[3].lower().replace("-", " ")
    assert (await second_step(browser, (await first_step(browser))["step"], typed)).status_code == 201
    assert (await second_step(browser, (await first_step(browser))["step"], codes[3])).status_code == 403


async def test_new_recovery_codes_make_the_old_ones_void(enrolled: Any, browser: Any) -> None:
    one, secret, codes = enrolled
    body = {"password": PASSWORD, "code": app_code(secret)}
    made = await one.call("POST", "/api/v1/second-factor/recovery-codes", json=body)
    assert made.status_code == 200, made.text
    fresh = made.json()["recovery_codes"]
    assert not set(fresh) & set(codes)
    assert (await second_step(browser, (await first_step(browser))["step"], codes[0])).status_code == 403
    assert (await second_step(browser, (await first_step(browser))["step"], fresh[0])).status_code == 201


async def test_turning_off_takes_password_and_code(enrolled: Any, browser: Any, events: Any) -> None:
    one, secret, _codes = enrolled
    off = "/api/v1/second-factor/off"
    code = app_code(secret)
    assert (await one.call("POST", off, json={"password": "no", "code": code})).status_code == 403
    assert (await one.call("POST", off, json={"password": PASSWORD, "code": "000000"})).status_code == 403
    assert (await one.call("GET", "/api/v1/second-factor")).json()["is_on"] is True
    assert (await one.call("POST", off, json={"password": PASSWORD, "code": code})).status_code == 204
    assert await browser().sign_in(ADMIN) == 201
    assert len(await events("core.second_factor.disabled")) == 1


async def test_turning_on_takes_the_password_and_ends_other_sessions(user: Any, browser: Any) -> None:
    here, there = browser(), browser()
    for one in (here, there):
        await one.sign_in(ADMIN)
    assert (await here.call("POST", "/api/v1/second-factor/begin", json={"password": "no"})).status_code == 403
    secret = (await here.call("POST", "/api/v1/second-factor/begin", json={"password": PASSWORD})).json()["secret"]
    assert (await here.call("POST", "/api/v1/second-factor/confirm", json={"code": "12345"})).status_code == 403
    assert await browser().sign_in(ADMIN) == 201  # begun is not on
    done = await here.call("POST", "/api/v1/second-factor/confirm", json={"code": app_code(secret)})
    assert done.status_code == 200
    assert (await there.call("GET", "/api/v1/session")).status_code == 401
    assert (await here.call("GET", "/api/v1/session")).status_code == 200


async def test_token_cannot_change_the_second_factor(enrolled: Any, browser: Any) -> None:
    one, secret, _codes = enrolled
    token = (await one.call("POST", "/api/v1/tokens", json={"name": "x"})).json()["token"]
    body = {"password": PASSWORD, "code": app_code(secret)}
    answer = await browser().client.post(
        "/api/v1/second-factor/off", json=body, headers={"authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "core.person_needed")


async def test_administrator_resets_a_lost_second_factor(
    enrolled: Any, browser: Any, person: Any, user: Any, events: Any
) -> None:
    one, _secret, _codes = enrolled
    boss_id = await person("boss@example.com", "admin")
    await person("manager@example.com", "manager")
    boss, manager = browser(), browser()
    await boss.sign_in("boss@example.com")
    await manager.sign_in("manager@example.com")
    path = f"/api/v1/users/{user}/second-factor"
    assert (await manager.call("DELETE", path)).status_code == 403
    assert (await boss.call("DELETE", path)).status_code == 204
    assert (await one.call("GET", "/api/v1/session")).status_code == 401
    assert await browser().sign_in(ADMIN) == 201
    assert ("core.second_factor.reset", {"user_id": str(user)}) in await events("core.second_factor.")
    assert (await boss.call("DELETE", f"/api/v1/users/{boss_id}/second-factor")).status_code == 409


async def demand(kernel: Kernel, *, everybody: bool = False, role: str = "") -> None:
    async with kernel.write(system("test")) as uow:
        await uow.save_settings(SignInRules(second_factor_for_all=everybody))
        await uow.session.execute(sa.update(Role).where(Role.key == role).values(second_factor=True))


@pytest.mark.parametrize("by", ["everybody", "role"])
async def test_rule_asks_for_a_second_factor_at_the_next_sign_in(
    user: Any, person: Any, browser: Any, kernel: Kernel, by: str
) -> None:
    await person("rep@example.com", "sales")
    here = browser()
    await here.sign_in(ADMIN)
    await demand(kernel, everybody=by == "everybody", role="admin" if by == "role" else "")
    assert (await here.call("GET", "/api/v1/session")).status_code == 200  # not before the next one
    problem = await first_step(browser)
    assert problem["needs"] == "enrolment"
    step = problem["step"]
    begun = await browser().client.post("/api/v1/session/second-factor/enrol", json={"step": step})
    secret = begun.json()["secret"]
    assert (await second_step(browser, step, "000000")).status_code == 403
    done = await second_step(browser, step, app_code(secret, ahead=-1))
    assert done.status_code == 201, done.text
    codes = done.json()["recovery_codes"]
    assert len(codes) == 10
    assert (await first_step(browser))["needs"] == "code"
    assert await browser().sign_in("rep@example.com") == (201 if by == "role" else 401)
    one = browser()
    answer = await one.client.post(
        "/api/v1/session/second-factor", json={"step": (await first_step(browser))["step"], "code": app_code(secret)}
    )
    one.csrf = answer.json()["csrf"]
    off = await one.call("POST", "/api/v1/second-factor/off", json={"password": PASSWORD, "code": codes[0]})
    assert (off.status_code, off.json()["code"]) == (409, "core.second_factor_demanded")


async def test_enrolment_on_the_way_in_never_replaces_a_confirmed_one(
    enrolled: Any, browser: Any, kernel: Kernel
) -> None:
    await demand(kernel, everybody=True)
    step = (await first_step(browser))["step"]
    answer = await browser().client.post("/api/v1/session/second-factor/enrol", json={"step": step})
    assert answer.status_code == 401
    assert (await first_step(browser))["needs"] == "code"


async def test_events_tell_of_the_second_factor_without_secrets(enrolled: Any, browser: Any, events: Any) -> None:
    _one, secret, codes = enrolled
    await second_step(browser, (await first_step(browser))["step"], "000000")
    await second_step(browser, (await first_step(browser))["step"], codes[0])
    told = [kind for kind, _payload in await events("core.second_factor.")]
    assert told == [
        "core.second_factor.enabled", "core.second_factor.recovery_codes_made",
        "core.second_factor.recovery_code_used",
    ]  # fmt: skip
    text = str(await events())
    assert "core.session.code_refused" in text
    for word in (secret, *codes):
        assert word not in text


async def test_pages_lead_through_set_up_and_second_step(user: Any, browser: Any, kernel: Kernel) -> None:
    await demand(kernel, everybody=True)
    one = browser().client
    first = await one.post("/login", data={"email": ADMIN, "password": PASSWORD, "next": "/account"})
    assert first.headers["location"] == "/login/enrol?next=/account"
    assert (await one.get("/account")).headers["location"] == "/login?next=/account"
    assert (await one.get("/login/enrol?next=/account")).status_code == 200
    shown = await one.post("/login/enrol", data={"next": "/account"})
    assert "<svg" in shown.text
    secret = "".join(re.search(r'secret-text"><code>([^<]+)', shown.text)[1].split())  # type: ignore[index]
    wrong = await one.post("/login/enrol", data={"next": "/account", "code": "000000"})
    assert wrong.status_code == 422
    done = await one.post("/login/enrol", data={"next": "/account", "code": app_code(secret, ahead=-1)})
    assert len(re.findall(r"<li><code>[0-9A-Z-]{19}</code>", done.text)) == 10
    assert done.headers["cache-control"] == "no-store"
    assert (await one.get("/account")).status_code == 200
    other = browser().client
    first = await other.post("/login", data={"email": ADMIN, "password": PASSWORD, "next": "/account"})
    assert first.headers["location"] == "/login/code?next=/account"
    assert 'value="/account"' in (await other.get("/login/code?next=/account")).text
    assert (await other.post("/login/code", data={"code": "000000"})).status_code == 422
    done = await other.post("/login/code", data={"code": app_code(secret), "next": "/account"})
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    assert (await other.get("/account")).status_code == 200
    assert (await browser().client.get("/login/code")).headers["location"] == "/login"


async def test_right_code_starts_the_count_of_wrong_ones_anew(enrolled: Any, browser: Any, kernel: Kernel) -> None:
    _one, secret, _codes = enrolled
    step = (await first_step(browser))["step"]
    for _n in range(second_factor.PER_USER - 1):
        await second_step(browser, step, "000000")
    assert (await second_step(browser, step, app_code(secret))).status_code == 201
    async with kernel.read(system("test")) as uow:
        right = sa.select(sa.func.count()).select_from(Attempt).where(Attempt.kind == "code", Attempt.is_right)
        assert await uow.session.scalar(right) == 2
