"""Nobody learns from sign-in, reset or invitation who has an account: same answer, same length, same time.

`CRM_FAULTS=full` runs the 500 sign-ins each that the fault list names; otherwise a twentieth.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth import attempts, passwords
from crm_core.auth.actor import system
from crm_core.auth.attempts import PER_KEY
from crm_core.auth.people import Password, User
from crm_core.db.types import new_id

N = 500 if os.environ.get("CRM_FAULTS") == "full" else 25
LEAST = 0.01
"""Two samples count as one distribution above this probability."""


def mann_whitney(one: list[float], other: list[float]) -> float:
    """Return the two-sided p of the rank test, by the normal approximation with ties (good from N = 20)."""
    ranked = sorted([(v, 0) for v in one] + [(v, 1) for v in other])
    ranks, ties, at = [0.0] * len(ranked), 0.0, 0
    while at < len(ranked):
        end = at
        while end + 1 < len(ranked) and ranked[end + 1][0] == ranked[at][0]:
            end += 1
        for place in range(at, end + 1):
            ranks[place] = (at + end) / 2 + 1
        ties += (end - at + 1) ** 3 - (end - at + 1)
        at = end + 1
    n, m = len(one), len(other)
    total = sum(rank for rank, (_value, group) in zip(ranks, ranked, strict=True) if group == 0)
    u = total - n * (n + 1) / 2
    spread = math.sqrt(n * m / 12 * ((n + m + 1) - ties / ((n + m) * (n + m - 1))))
    return math.erfc(abs(u - n * m / 2) / spread / math.sqrt(2))


def test_rank_test_tells_samples_apart_and_leaves_equal_ones_together() -> None:
    rng = random.Random(1)
    same = [rng.gauss(30, 5) for _n in range(200)]
    assert mann_whitney(same, [rng.gauss(30, 5) for _n in range(200)]) > LEAST
    assert mann_whitney(same, [rng.gauss(34, 5) for _n in range(200)]) < LEAST


async def measure(
    ask: Callable[[str], Any], known: list[str], unknown: list[str]
) -> tuple[dict[str, list[float]], dict[str, set[Any]]]:
    """Ask for known and unknown addresses in random order; return milliseconds and what the answers looked like."""
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    looks: dict[str, set[Any]] = {"known": set(), "unknown": set()}
    order = [("known", e) for e in known] + [("unknown", e) for e in unknown]
    random.Random(20).shuffle(order)
    for kind, email in order:
        begun = time.perf_counter()
        answer = await ask(email)
        times[kind].append((time.perf_counter() - begun) * 1000)
        headers = tuple(sorted((k, v) for k, v in answer.headers.items() if k != "date"))
        looks[kind].add((answer.status_code, len(answer.content), headers))
    return times, looks


@pytest.fixture
async def addresses(person: Any, kernel: Any) -> tuple[list[str], list[str]]:
    """N accounts with passwords and N addresses of the same length that nobody has."""
    known = [f"known{n:05}@example.com" for n in range(N)]
    hashed = await passwords.hashed("quite a long secret")
    users = [{"id": new_id(), "name": "Known", "email": email} for email in known]
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.insert(User), users)
        await uow.session.execute(sa.insert(Password), [{"user_id": u["id"], "hash": hashed} for u in users])
    return known, [f"other{n:05}@example.com" for n in range(N)]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.counted
@pytest.mark.parametrize("way", ["api", "page", "reset"])
async def test_known_and_unknown_cannot_be_told_apart(
    browser: Any, addresses: Any, monkeypatch: pytest.MonkeyPatch, way: str, mail_set_up: None
) -> None:
    # One address asks for all: its limit would answer for both kinds alike, and nothing would be measured.
    monkeypatch.setattr(attempts, "_wrong_from", _none)
    client = browser().client

    async def ask(email: str) -> Any:
        if way == "api":
            return await client.post("/api/v1/session", json={"email": email, "password": "not the right one"})
        if way == "page":
            # The page shows the address typed, which both kinds have of the same length.
            return await client.post("/login", data={"email": email, "password": "not the right one"})
        return await client.post("/forgot", data={"email": email})

    await measure(ask, ["warm@example.com"] * 3, ["up@example.com"] * 3)
    times, looks = await measure(ask, *addresses)
    p = mann_whitney(times["known"], times["unknown"])
    medians = {kind: sorted(values)[len(values) // 2] for kind, values in times.items()}
    print(f"\nT20: N = {N} each by {way}: medians {medians['known']:.2f} / {medians['unknown']:.2f} ms, p = {p:.3f}")
    assert looks["known"] == looks["unknown"]
    assert len(looks["known"]) == 1
    assert p > LEAST


async def _none(*_given: Any) -> int:
    return 0


async def test_lock_out_is_the_same_for_unknown_addresses(browser: Any, person: Any) -> None:
    await person("admin@example.com", "admin")
    answers = []
    for email in ("admin@example.com", "nobody@example.com"):
        one = browser().client
        for n in range(PER_KEY):
            await one.post("/api/v1/session", json={"email": email, "password": f"wrong guess {n}"})
        answers.append(await one.post("/api/v1/session", json={"email": email, "password": "quite a long secret"}))
    assert [a.status_code for a in answers] == [429, 429]
    assert answers[0].content == answers[1].content
    assert dict(answers[0].headers) == dict(answers[1].headers)


async def test_wrong_password_costs_the_same_statements_as_an_unknown_address(
    browser: Any, person: Any, count_queries: Any
) -> None:
    await person("admin@example.com", "admin")
    counted = []
    for email in ("admin@example.com", "nobody@example.com"):
        with count_queries() as seen:
            await browser().client.post("/api/v1/session", json={"email": email, "password": "not the right one"})
        counted.append(len(seen))
    assert counted[0] == counted[1]


async def test_links_of_invitations_and_resets_get_one_answer_whatever_is_wrong(browser: Any) -> None:
    from crm_core.auth.session import digest

    for path in ("/public/reset", "/public/invitation"):
        answers = [await browser().client.get(f"{path}/{t}") for t in ("x", "y" * 43, digest("z").hex())]
        assert {a.status_code for a in answers} == {404}
        assert len({a.content for a in answers}) == 1
