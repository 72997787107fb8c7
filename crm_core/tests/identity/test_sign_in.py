"""Signing in and out over HTTP: sessions end at once, guesses are counted, nobody learns who exists."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth import passwords
from crm_core.auth.actor import system
from crm_core.auth.attempts import PER_KEY, Attempt, record_attempt
from crm_core.auth.people import Password, User
from crm_core.auth.session import IDLE, Session, digest
from crm_core.db.tables import Epoch
from crm_core.db.types import utcnow
from crm_core.entity.event_rows import EventData, EventRow
from crm_core.features.session.jobs import PurgeAccess
from crm_core.kernel import Kernel

ADMIN = "admin@example.com"


async def change(kernel: Kernel, *statements: Any) -> None:
    async with kernel.write(system("test")) as uow:
        for statement in statements:
            await uow.session.execute(statement)


async def test_signed_in_browser_is_known_until_it_signs_out(browser: Any, person: Any) -> None:
    user = await person(ADMIN, "admin")
    one = browser()
    assert (await one.call("GET", "/api/v1/session")).status_code == 401
    assert await one.sign_in(ADMIN) == 201
    answer = await one.call("GET", "/api/v1/session")
    assert (answer.status_code, answer.json()["user_id"]) == (200, str(user))
    cookies = dict(one.client.cookies)
    assert (await one.call("DELETE", "/api/v1/session")).status_code == 204
    one.client.cookies.update(cookies)  # a thief's copy is worth nothing either
    assert (await one.call("GET", "/api/v1/session")).status_code == 401


async def test_database_holds_the_hash_of_the_token_only(browser: Any, person: Any, kernel: Kernel) -> None:
    await person(ADMIN, "admin")
    one = browser()
    await one.sign_in(ADMIN)
    token = one.client.cookies["crm"]
    async with kernel.read(system("test")) as uow:
        row = (await uow.session.scalars(sa.select(Session))).one()
    assert row.token_hash == digest(token)
    assert token.encode() not in row.token_hash


async def test_session_cookie_is_not_for_scripts_or_other_sites(browser: Any, person: Any) -> None:
    await person(ADMIN, "admin")
    answer = await browser().client.post("/api/v1/session", json={"email": ADMIN, "password": "quite a long secret"})
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/"))


async def test_switched_off_user_is_out_at_the_next_request(browser: Any, person: Any, kernel: Kernel) -> None:
    await person(ADMIN, "admin")
    user = await person("rep@example.com", "sales")
    one = browser()
    await one.sign_in("rep@example.com")
    assert (await one.call("GET", "/api/v1/session")).status_code == 200
    await change(kernel, sa.update(User).where(User.id == user).values(is_active=False))
    assert (await one.call("GET", "/api/v1/session")).status_code == 401
    assert await browser().sign_in("rep@example.com") == 401


async def test_expired_and_idle_sessions_are_refused(browser: Any, person: Any, kernel: Kernel) -> None:
    await person(ADMIN, "admin")
    for column, moment in (
        (Session.expires_at, utcnow()),
        (Session.last_seen_at, utcnow() - IDLE - timedelta(hours=1)),
    ):
        one = browser()
        await one.sign_in(ADMIN)
        await change(kernel, sa.update(Session).values({column: moment}))
        assert (await one.call("GET", "/api/v1/session")).status_code == 401


async def test_wrong_password_and_unknown_person_look_alike(browser: Any, person: Any) -> None:
    await person(ADMIN, "admin")
    answers = [
        await browser().client.post("/api/v1/session", json={"email": email, "password": "not it at all"})
        for email in (ADMIN, "nobody@example.com")
    ]
    assert {a.status_code for a in answers} == {401}
    assert answers[0].content == answers[1].content
    assert set(answers[0].headers) == set(answers[1].headers)


async def test_after_ten_wrong_guesses_the_right_password_is_refused_too(
    browser: Any, person: Any, kernel: Kernel
) -> None:
    await person(ADMIN, "admin")
    one = browser()
    statuses = [await one.sign_in(ADMIN, f"wrong guess {n}") for n in range(PER_KEY)]
    assert statuses == [401] * PER_KEY
    locked = await one.client.post("/api/v1/session", json={"email": ADMIN, "password": "quite a long secret"})
    assert locked.status_code == 429
    assert int(locked.headers["retry-after"]) > 0
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Attempt)) == PER_KEY
        assert await uow.session.scalar(sa.select(EventRow.id).where(EventRow.type == "core.session.locked_out"))
    await change(kernel, sa.update(Attempt).values(at=utcnow() - timedelta(minutes=16)))
    assert await one.sign_in(ADMIN) == 201


async def test_guesses_at_once_are_counted_before_they_are_answered(browser: Any, person: Any) -> None:
    await person(ADMIN, "admin")
    statuses = await asyncio.gather(*(browser().sign_in(ADMIN, f"wrong guess {n}") for n in range(PER_KEY + 8)))
    assert sorted(statuses) == [401] * PER_KEY + [429] * 8


async def test_right_guess_starts_the_count_anew(browser: Any, person: Any) -> None:
    await person(ADMIN, "admin")
    one = browser()
    for _round in range(2):
        for n in range(PER_KEY - 1):
            assert await one.sign_in(ADMIN, f"wrong guess {n}") == 401
        assert await one.sign_in(ADMIN) == 201


async def test_new_password_ends_the_other_sessions(browser: Any, person: Any) -> None:
    user = await person(ADMIN, "admin")
    here, there = browser(), browser()
    await here.sign_in(ADMIN)
    await there.sign_in(ADMIN)
    path = f"/api/v1/users/{user}/password"
    wrong = await here.call("PUT", path, json={"password": "another long secret", "current": "no"})
    assert (wrong.status_code, list(wrong.json()["fields"])) == (403, ["current"])
    right = await here.call("PUT", path, json={"password": "another long secret", "current": "quite a long secret"})
    assert right.status_code == 204, right.text
    assert (await there.call("GET", "/api/v1/session")).status_code == 401
    assert (await here.call("GET", "/api/v1/session")).status_code == 200
    assert await browser().sign_in(ADMIN, "another long secret") == 201


async def test_password_of_others_needs_a_right_and_an_administrator_for_administrators(
    browser: Any, person: Any
) -> None:
    admin, user = await person(ADMIN, "admin"), await person("rep@example.com", "sales")
    rep, boss = browser(), browser()
    await rep.sign_in("rep@example.com")
    await boss.sign_in(ADMIN)
    assert (
        await rep.call("PUT", f"/api/v1/users/{admin}/password", json={"password": "stolen it is now"})
    ).status_code == 403
    assert (
        await boss.call("PUT", f"/api/v1/users/{user}/password", json={"password": "given by the boss"})
    ).status_code == 204
    assert await browser().sign_in("rep@example.com", "given by the boss") == 201


async def test_easy_passwords_are_refused(browser: Any, person: Any) -> None:
    user = await person(ADMIN, "admin")
    one = browser()
    await one.sign_in(ADMIN)
    for easy in ("short", "aaaaaaaaaaaa", "password123", "x" * 300):
        body = {"password": easy, "current": "quite a long secret"}
        answer = await one.call("PUT", f"/api/v1/users/{user}/password", json=body)
        assert (answer.status_code, list(answer.json()["fields"])) == (422, ["password"])


async def test_events_hold_neither_password_nor_hash_nor_token(browser: Any, person: Any, kernel: Kernel) -> None:
    user = await person(ADMIN, "admin")
    one = browser()
    await one.sign_in(ADMIN)
    await one.call(
        "PUT",
        f"/api/v1/users/{user}/password",
        json={"password": "another long secret", "current": "quite a long secret"},
    )
    made = await one.call("POST", "/api/v1/tokens", json={"name": "x"})
    async with kernel.read(system("test")) as uow:
        text = " ".join(map(str, (await uow.session.scalars(sa.select(EventData.payload))).all()))
        stored = await uow.session.scalar(sa.select(Password.hash))
    assert "core.session.signed_in" not in text
    for secret in ("long secret", "argon2", stored, made.json()["token"], one.client.cookies["crm"]):
        assert str(secret) not in text


async def test_session_look_up_is_one_statement(browser: Any, person: Any, kernel: Kernel) -> None:
    await person(ADMIN, "admin")
    one = browser()
    await one.sign_in(ADMIN)
    await one.call("GET", "/api/v1/session")
    asked, fetch = [], kernel.db.fetch

    async def counted(sql: str, args: Any) -> Any:
        asked.append(sql)
        return await fetch(sql, args)

    kernel.db.fetch = counted  # type: ignore[method-assign]  # counts, changes nothing
    assert (await one.call("GET", "/api/v1/session")).status_code == 200
    assert len(asked) == 1


async def test_attempt_cannot_be_counted_inside_a_writing_transaction(kernel: Kernel) -> None:
    async with kernel.write(system("test")) as uow:
        await record_attempt(kernel, "link", "x", "")  # nothing is written yet
        uow.session.add(Epoch(name="x", value=1))
        await uow.session.flush()
        with pytest.raises(RuntimeError, match="inside a transaction"):
            await record_attempt(kernel, "link", "x", "")
        with pytest.raises(RuntimeError, match="inside a transaction"):
            await passwords.hashed("quite a long secret")


async def test_old_attempts_and_sessions_are_cleaned_away(kernel: Kernel, person: Any, browser: Any, jobs: Any) -> None:
    await person(ADMIN, "admin")
    old, new = browser(), browser()
    await old.sign_in(ADMIN)
    long_ago = utcnow() - timedelta(days=91)
    await change(kernel, sa.update(Attempt).values(at=long_ago), sa.update(Session).values(expires_at=long_ago))
    await new.sign_in(ADMIN)
    async with kernel.write(system("test")) as uow:
        await uow.enqueue(PurgeAccess())
    await jobs()
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Attempt)) == 1
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Session)) == 1
    assert (await new.call("GET", "/api/v1/session")).status_code == 200
