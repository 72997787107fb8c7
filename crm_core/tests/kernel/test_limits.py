"""How often a token may ask, what its answers say about it, and how processes share their counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from crm_core.app import attach
from crm_core.config import Config
from crm_core.errors import StartupError
from crm_core.kernel import Kernel
from crm_core.limits import SHARE_SECONDS, WINDOW, Limits, TooManyRequests
from crm_core.testing.people import People
from litestar import Litestar

FIELDS = ("ratelimit", "ratelimit-policy", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


@pytest.fixture
def limit_of(app: Litestar, kernel: Kernel) -> Callable[[int], None]:
    """`limit_of(3)`: how many requests a minute a token of this application has."""

    def change(number: int) -> None:
        kernel.config = kernel.config.but(api_limit=number)
        kernel.limits = Limits(clock=lambda: 7 * WINDOW + 12.5)
        attach(app, kernel)

    return change


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_answers_tell_what_is_left_until_a_request_is_refused(
    as_user: People, limit_of: Callable[[int], None]
) -> None:
    one, other = await as_user("admin"), await as_user("sales")
    limit_of(3)
    for left in (2, 1, 0):
        answer = await one.client.get("/api/v1/session", headers=one.api.headers)
        assert answer.status_code == 200
        assert [answer.headers[name] for name in FIELDS] == [
            f'"default";r={left};t=48', '"default";q=3;w=60', "3", str(left), "48",
        ]  # fmt: skip
        assert "retry-after" not in answer.headers
    refused = await one.client.get("/api/v1/session", headers=one.api.headers)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "48")
    assert (refused.json()["code"], refused.headers["ratelimit-remaining"]) == ("core.too_many_requests", "0")
    assert (await other.client.get("/api/v1/session", headers=other.api.headers)).status_code == 200
    assert (await one.client.get("/api/v1/session")).status_code == 200  # the cookie's: a person, not a program


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_refusals_for_lack_of_rights_count_too(as_user: People, limit_of: Callable[[int], None]) -> None:
    reader = await as_user("readonly")
    limit_of(2)
    statuses = [
        (await reader.client.post("/api/v1/contacts", json={}, headers=reader.api.headers)).status_code
        for _number in range(3)
    ]
    assert statuses == [403, 403, 429]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_limit_of_zero_is_none(as_user: People, limit_of: Callable[[int], None]) -> None:
    admin = await as_user("admin")
    limit_of(0)
    answers = [await admin.client.get("/api/v1/session", headers=admin.api.headers) for _number in range(5)]
    assert {a.status_code for a in answers} == {200}
    assert not any(name in answers[0].headers for name in FIELDS)


def test_limit_is_read_from_the_configuration(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Config.load(tmp_path).api_limit == 600
    monkeypatch.setenv("CRM_API_LIMIT", "50")
    assert Config.load(tmp_path).api_limit == 50
    monkeypatch.setenv("CRM_API_LIMIT", "many")
    with pytest.raises(StartupError, match="api_limit"):
        Config.load(tmp_path)


def test_window_ends_with_the_minute_of_the_clock() -> None:
    now = 59.0
    limits = Limits(clock=lambda: now)
    assert [limits.hit("a", 1).exceeded for _number in range(2)] == [False, True]
    assert limits.hit("a", 1).reset == 1
    now = 60.0
    assert not limits.hit("a", 1).exceeded


@pytest.fixture
async def two(redis_url: str) -> AsyncIterator[tuple[Limits, Limits]]:
    """Two processes' counts at one Redis, in a minute that does not end."""
    made = tuple(Limits(redis_url, clock=lambda: 7 * WINDOW + 1.0) for _number in range(2))
    yield made  # type: ignore[misc]  # two of them
    for one in made:
        await one.close()


async def reached(counts: Callable[[], int], number: int) -> None:
    """Wait until a count has come to a number."""
    end = time.monotonic() + 10
    while counts() < number:
        assert time.monotonic() < end, counts()
        await asyncio.sleep(SHARE_SECONDS / 5)


async def test_processes_know_of_each_others_hits_within_a_second(two: tuple[Limits, Limits]) -> None:
    one, other = two
    for _number in range(5):
        assert not one.hit("a", 6).exceeded
    await reached(lambda: one.told.get("a", 0), 5)
    assert not other.hit("a", 6).exceeded
    await reached(lambda: other.others.get("a", 0), 5)
    with pytest.raises(TooManyRequests):
        other.hit("a", 6).demand()
    assert not other.hit("b", 6).exceeded


async def test_counts_go_on_alone_while_redis_is_away() -> None:
    limits = Limits("redis://127.0.0.1:1/0")
    assert [limits.hit("a", 2).exceeded for _number in range(3)] == [False, False, True]
    await asyncio.sleep(SHARE_SECONDS * 1.5)
    assert limits.hit("a", 2).exceeded
    await limits.close()


async def test_many_processes_together_let_no_more_pass_than_one_limit_each(redis_url: str) -> None:
    clock = 7 * WINDOW + 1.0
    processes = [Limits(redis_url, clock=lambda: clock) for _number in range(3)]
    passed, end = 0, time.monotonic() + 4 * SHARE_SECONDS
    while time.monotonic() < end:
        passed += sum(not one.hit("a", 20).exceeded for one in processes)
        await asyncio.sleep(0.05)
    assert 20 <= passed <= 3 * 20
    assert all(one.hit("a", 20).exceeded for one in processes)
    for one in processes:
        await one.close()
