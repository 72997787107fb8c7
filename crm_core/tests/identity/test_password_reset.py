"""Forgotten passwords: one link, one use, one hour; and nobody learns who has an account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.attempts import PER_KEY
from crm_core.auth.links import PublicLink
from crm_core.auth.people import User
from crm_core.db.types import utcnow
from crm_core.entity.event_rows import EventData
from crm_core.features.password_resets import actions
from crm_core.kernel import Kernel

REP = "rep@example.com"
NEW = "a brand new secret"


@pytest.fixture
async def rep(person: Any) -> Any:
    return await person(REP, "sales")


@pytest.fixture
def link(browser: Any, mails: Any, jobs: Any, mail_set_up: None) -> Any:
    """Asks for a link and returns its path from the mail."""

    async def ask(email: str = REP) -> str:
        answer = await browser().client.post("/forgot", data={"email": email})
        assert answer.status_code == 200, answer.text
        await jobs()
        _to, text = (await mails())[-1]
        return re.search(r"/public/reset/[\w-]{43}", text)[0]  # type: ignore[index]

    return ask


def form(password: str = NEW) -> dict[str, str]:
    return {"password": password, "again": password}


async def test_mailed_link_sets_a_new_password_and_ends_every_session(
    rep: Any, browser: Any, link: Any, mails: Any, events: Any
) -> None:
    signed_in = browser()
    await signed_in.sign_in(REP)
    path = await link()
    assert (await mails())[-1][0] == REP
    page = await browser().client.get(path)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert (await signed_in.call("GET", "/api/v1/session")).status_code == 200  # looking changes nothing
    done = await browser().client.post(path, data=form())
    assert done.status_code == 200, done.text
    assert "set-cookie" not in done.headers
    assert (await signed_in.call("GET", "/api/v1/session")).status_code == 401
    assert await browser().sign_in(REP) == 401
    assert await browser().sign_in(REP, NEW) == 201
    kinds = [kind for kind, _payload in await events("core.password_reset.")]
    assert kinds == ["core.password_reset.requested", "core.password_reset.done"]


async def test_link_is_used_once(rep: Any, browser: Any, link: Any) -> None:
    path = await link()
    assert (await browser().client.post(path, data=form())).status_code == 200
    for answer in (
        await browser().client.get(path),
        await browser().client.post(path, data=form("yet another secret")),
        await browser().client.post(
            "/api/v1/password-resets/use", json={"token": path.rpartition("/")[2], "password": "yet another secret"}
        ),
    ):
        assert answer.status_code == 404
    assert await browser().sign_in(REP, NEW) == 201


async def test_unfit_password_does_not_use_the_link_up(rep: Any, browser: Any, link: Any) -> None:
    path = await link()
    for typed in ({"password": "short", "again": "short"}, {"password": NEW, "again": "other"}, form("qwertyuiop123")):
        assert (await browser().client.post(path, data=typed)).status_code == 422
    assert (await browser().client.post(path, data=form())).status_code == 200


async def test_link_expires_and_dies_with_a_newer_one_and_with_a_new_password(
    rep: Any, browser: Any, link: Any, kernel: Kernel
) -> None:
    first = await link()
    second = await link()
    assert (await browser().client.get(first)).status_code == 404
    one = browser()
    await one.sign_in(REP)
    body = {"password": NEW, "current": "quite a long secret"}
    assert (await one.call("PUT", f"/api/v1/users/{rep}/password", json=body)).status_code == 204
    assert (await browser().client.get(second)).status_code == 404
    third = await link()
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(PublicLink).values(expires_at=utcnow() - timedelta(seconds=1)))
    assert (await browser().client.post(third, data=form())).status_code == 404


async def test_link_of_a_switched_off_user_does_nothing(rep: Any, browser: Any, link: Any, kernel: Kernel) -> None:
    path = await link()
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(User).where(User.id == rep).values(is_active=False))
    assert (await browser().client.get(path)).status_code == 404
    assert (await browser().client.post(path, data=form())).status_code == 404


async def test_reset_ends_a_lock_out(rep: Any, browser: Any, link: Any) -> None:
    one = browser()
    for n in range(PER_KEY + 1):
        await one.sign_in(REP, f"wrong guess {n}")
    assert await one.sign_in(REP) == 429
    assert (await one.client.post(await link(), data=form())).status_code == 200
    assert await one.sign_in(REP, NEW) == 201


async def test_known_and_unknown_addresses_get_one_answer_and_one_kind_of_work(
    rep: Any, browser: Any, mails: Any, jobs: Any, mail_set_up: None, count_queries: Any, person: Any, kernel: Kernel
) -> None:
    await person("off@example.com", "sales", password=None)  # signs in elsewhere, has no password here
    bodies, statements, headers = set(), set(), set()
    for email in (REP, "nobody@example.com", "off@example.com", "not an address", ""):
        with count_queries() as seen:
            answer = await browser().client.post("/forgot", data={"email": email})
        bodies.add((answer.status_code, answer.text))
        headers.add(tuple(sorted((k, v) for k, v in answer.headers.items() if k != "date")))
        statements.add(len(seen))
        answer = await browser().client.post("/api/v1/password-resets", json={"email": email})
        assert (answer.status_code, answer.content) == (204, b"")
    assert (len(bodies), len(headers), len(statements)) == (1, 1, 1)
    await jobs()
    assert {to for to, _text in await mails()} == {REP}


async def test_asking_is_limited_for_known_and_unknown_alike(rep: Any, browser: Any, mail_set_up: None) -> None:
    for email in (REP, "nobody@example.com"):
        statuses = [
            (await browser().client.post("/forgot", data={"email": email})).status_code
            for _n in range(actions.PER_EMAIL + 1)
        ]
        assert statuses == [200] * actions.PER_EMAIL + [429]


async def test_without_mail_the_page_says_whom_to_ask(rep: Any, browser: Any, mails: Any, jobs: Any) -> None:
    page = await browser().client.get("/forgot")
    assert "Ask an administrator" in page.text
    answer = await browser().client.post("/forgot", data={"email": REP})
    assert "Ask an administrator" in answer.text
    await jobs()
    assert await mails() == []


async def test_second_factor_stays_after_a_reset(rep: Any, browser: Any, link: Any) -> None:
    from crm_core.db.types import utcnow as now
    from crm_core.features.session import totp

    one = browser()
    await one.sign_in(REP)
    begun = await one.call("POST", "/api/v1/second-factor/begin", json={"password": "quite a long secret"})
    secret = begun.json()["secret"]
    code = totp.code_at(secret, totp.step_at(now()))
    assert (await one.call("POST", "/api/v1/second-factor/confirm", json={"code": code})).status_code == 200
    assert (await one.client.post(await link(), data=form())).status_code == 200
    answer = await browser().client.post("/api/v1/session", json={"email": REP, "password": NEW})
    assert (answer.status_code, answer.json()["needs"]) == (401, "code")


async def test_step_before_the_reset_dies_with_the_old_password(rep: Any, browser: Any, link: Any) -> None:
    from crm_core.db.types import utcnow as now
    from crm_core.features.session import totp

    one = browser()
    await one.sign_in(REP)
    begun = await one.call("POST", "/api/v1/second-factor/begin", json={"password": "quite a long secret"})
    code = totp.code_at(begun.json()["secret"], totp.step_at(now()) - 1)
    codes = (await one.call("POST", "/api/v1/second-factor/confirm", json={"code": code})).json()["recovery_codes"]
    step = await browser().client.post("/api/v1/session", json={"email": REP, "password": "quite a long secret"})
    await browser().client.post(await link(), data=form())
    body = {"step": step.json()["step"], "code": codes[0]}
    assert (await browser().client.post("/api/v1/session/second-factor", json=body)).status_code == 401


async def test_neither_jobs_nor_events_nor_attempts_hold_the_link(rep: Any, link: Any, kernel: Kernel) -> None:
    from crm_core.db.model import metadata

    token = (await link()).rpartition("/")[2]
    async with kernel.read(system("test")) as uow:
        for name, table in metadata.tables.items():
            if name.startswith("core_") and not name.startswith("core_search"):
                rows = (await uow.session.execute(sa.select(table))).all()
                assert token not in str(rows), name
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(EventData)) > 0
