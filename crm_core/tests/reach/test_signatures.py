"""T23: webhooks that plugins receive count only when they are signed; F15: each event does its work once."""

from __future__ import annotations

import base64
import os
import random
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
import standardwebhooks
from crm_core.auth.actor import system
from crm_core.kernel import Kernel
from crm_core.web import NotVerified, once, verify
from crm_core.web.webhooks import MOST_SIGNATURES, TOLERANCE, headers, new_secret, sign

FULL = os.environ.get("CRM_FAULTS") == "full"
SECRET = new_secret()
BODY = b'{"type":"core.deal.won","amount":"12.30","note":"\xc3\xa4"}'
NOW = 1_800_000_000


def good(**more: str) -> dict[str, str]:
    return {**headers([SECRET], "msg_1", BODY, now=NOW), **more}


def refused(secret: str | list[str], given: dict[str, str], body: bytes = BODY, now: float = NOW) -> bool:
    try:
        verify(secret, given, body, now=now)
    except NotVerified:
        return True
    return False


def test_what_an_independent_library_signs_is_accepted_and_the_other_way_round() -> None:
    now = datetime.now(UTC)
    theirs = standardwebhooks.Webhook(SECRET)
    given = {
        "Webhook-Id": "msg_2", "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": theirs.sign("msg_2", now, BODY.decode()),
    }  # fmt: skip
    assert verify(SECRET, given, BODY) == "msg_2"
    assert theirs.verify(BODY, headers([SECRET], "msg_3", BODY))


def test_two_signatures_and_two_secrets_serve_a_change_of_secret() -> None:
    old, new = SECRET, new_secret()
    both = headers([new, old], "msg_1", BODY, now=NOW)
    for secret in (old, new, [old, new], [new_secret(), old]):
        assert verify(secret, both, BODY, now=NOW) == "msg_1"
    assert refused([new_secret(), new_secret()], both)
    assert verify([new, old], good(), BODY, now=NOW) == "msg_1"


def test_without_secret_or_stamp_or_signature_nothing_is_accepted() -> None:
    empty = base64.b64encode(b"").decode()
    for secret in ("", "whsec_", f"whsec_{empty}", "whsec_AAAA", "not base64 !", [], ["", ""]):
        try:
            forged = {**good(), "webhook-signature": sign(str(secret), "msg_1", NOW, BODY)}
        except NotVerified:
            forged = good()
        assert refused(secret, forged), secret
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert refused(SECRET, {k: v for k, v in good().items() if k != name})
        assert refused(SECRET, good(**{name: ""}))
    for now in (NOW - TOLERANCE - 1, NOW + TOLERANCE + 1):
        assert refused(SECRET, good(), now=now)
    for now in (NOW - TOLERANCE, NOW + TOLERANCE):
        assert not refused(SECRET, good(), now=now)
    flood = " ".join(["v1,AAAA"] * MOST_SIGNATURES)
    assert refused(SECRET, good(**{"webhook-signature": f"{flood} {good()['webhook-signature']}"}))
    # The dot parts the signed text: no part of it may move into another.
    moved = headers([SECRET], f"msg_1.{NOW}", BODY, now=NOW)
    assert refused(SECRET, moved)


@pytest.mark.counted
def test_mutated_requests_are_refused() -> None:
    count = 10_000 if FULL else 500
    chance = random.Random(23)
    accepted = []
    kinds = ("body", "id", "stamp", "signature", "version", "key", "cut", "long")
    for number in range(count):
        given, body, secret = good(), BODY, SECRET
        kind = kinds[number % len(kinds)]
        if kind == "body":
            body = _mutated(body, chance)
        elif kind == "id":
            given["webhook-id"] = _mutated(given["webhook-id"].encode(), chance).decode("latin-1")
        elif kind == "stamp":
            given["webhook-timestamp"] = _mutated(given["webhook-timestamp"].encode(), chance).decode("latin-1")
        elif kind == "signature":
            given["webhook-signature"] = _mutated(given["webhook-signature"].encode(), chance).decode("latin-1")
        elif kind == "version":
            given["webhook-signature"] = given["webhook-signature"].replace(
                "v1", chance.choice(("v0", "v1a", "V1", "", "v2"))
            )
        elif kind == "key":
            secret = new_secret()
        elif kind == "cut":
            given["webhook-signature"] = given["webhook-signature"][: chance.randrange(46)]
        else:
            body += chance.randbytes(chance.randrange(1, 50))
        if not refused(secret, given, body):
            accepted.append((kind, given, body))
    print(f"T23: N = {count} mutated requests, {len(accepted)} accepted")
    assert not accepted


def _mutated(text: bytes, chance: random.Random) -> bytes:
    """Return the bytes with one changed, removed or added, and never as they were."""
    while True:
        at, way = chance.randrange(len(text)), chance.randrange(3)
        byte = bytes([chance.randrange(256)])
        made = text[:at] + (byte if way < 2 else b"") + text[at + (0 if way == 1 else 1) :]
        if made != text:
            return made


def test_a_large_body_is_refused_in_the_time_of_hashing_it() -> None:
    body = b"x" * 100_000_000
    began = time.perf_counter()
    assert refused(SECRET, good(), body)
    assert time.perf_counter() - began < 5


@pytest.mark.counted
@pytest.mark.timeout(1800)
async def test_duplicate_late_and_shuffled_events_do_their_work_once(kernel: Kernel) -> None:
    """F15: each event five times, in any order; the newest version of each thing stays."""
    count = 10_000 if FULL else 500
    chance = random.Random(15)
    events = [(f"evt_{n}", f"thing {n % 50}", n) for n in range(count)]
    arriving = [e for e in events for _copy in range(5)]
    chance.shuffle(arriving)
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.text("create table f15 (thing varchar(20) primary key, version integer)"))
        await connection.execute(sa.text("create table f15_effect (event varchar(20))"))
    kernel.db.write_limit = None
    step = 100
    for start in range(0, len(arriving), step):
        async with kernel.write(system("test")) as uow:
            for key, thing, version in arriving[start : start + step]:
                if await once(uow, "f15", key):
                    given = {"e": key, "t": thing, "v": version}
                    await uow.session.execute(sa.text("insert into f15_effect values (:e)"), given)
                    await uow.session.execute(
                        sa.text(
                            "insert into f15 values (:t, :v) on conflict (thing) do update "
                            "set version = excluded.version where f15.version < excluded.version"
                        ),
                        given,
                    )
    async with kernel.db.read.connect() as connection:
        effects = list((await connection.execute(sa.text("select event from f15_effect"))).scalars())
        state = dict((await connection.execute(sa.text("select thing, version from f15"))).all())  # type: ignore[arg-type]  # rows of two
    print(f"F15 {kernel.db.dialect}: N = {count} events, each five times: {len(effects)} effects")
    assert sorted(effects) == sorted(key for key, _thing, _version in events)
    assert state == {thing: max(v for _k, t, v in events if t == thing) for _key, thing, _version in events}


async def test_effect_that_fails_lets_the_event_come_again(kernel: Kernel) -> None:
    with pytest.raises(ZeroDivisionError):
        async with kernel.write(system("test")) as uow:
            assert await once(uow, "pay", "evt")
            raise ZeroDivisionError
    async with kernel.write(system("test")) as uow:
        assert await once(uow, "pay", "evt")
        assert not await once(uow, "pay", "evt")
        assert await once(uow, "other", "evt")
