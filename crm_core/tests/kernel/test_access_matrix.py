"""T1, T2: every route for every kind of actor. What is not theirs answers 401, 403 or 404 and changes nothing.

Who may do what is written down here by hand; asking the code under test would only compare it with itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from crm_core.auth.tokens import create_token
from crm_core.config import Config
from crm_core.kernel import Kernel
from crm_core.plugin.declare import VERBS, Entity
from crm_core.testing.people import People
from crm_rows.actors import MARK, SYSTEM, World
from crm_rows.asking import NOWHERE, aimed, asks, line, others
from crm_rows.routes import OTHERS, Ask, routes, unknown
from crm_rows.tables import Tables
from litestar import Litestar

PARTS = 4

# Actor -> verbs on a record of rep A, of the kinds whose records have owners.
OWNED: dict[str, tuple[str, ...]] = {
    "anonymous": (), "disabled": (), "rep_b": (), "narrow": (), "readonly": ("read",), "lead": VERBS, "admin": VERBS,
}  # fmt: skip
# Actor -> verbs on what nobody owns, beyond reading what every signed-in user reads.
SHARED: dict[str, dict[str, tuple[str, ...]]] = {
    "core.tag": {"lead": VERBS, "rep_b": ("read", "create", "edit", "delete", "assign", "export", "bulk_edit"),
                 "narrow": ("read", "export", "create", "edit", "delete", "bulk_edit")},
}  # fmt: skip
# Kinds with owners that an actor may do less with: who is ill is no matter of a read-only account.
LESS: dict[str, dict[str, tuple[str, ...]]] = {"core.absence": {"readonly": ()}}
WRITERS_ONLY = ("core.comment",)  # what somebody said is changed by them and administrators, whatever the row allows
NOT_MADE = ("core.file",)  # made by an upload, which is a route of its own


@pytest.fixture
def config(base_config: Config, database_url: str) -> Config:
    """An installation without a limit on requests."""
    return base_config.but(database_url=database_url, api_limit=0)


@pytest.fixture
async def world(kernel: Kernel, as_user: People) -> AsyncIterator[World]:
    tables = Tables(kernel)
    yield await World(kernel, as_user, tables).make()
    tables.close()


def share(world: World, part: int) -> list[Entity]:
    """Return a part of all entities, plugins' included."""
    return sorted(world.kernel.registry.entities.values(), key=lambda e: e.name)[part::PARTS]


def may(actor: str, entity: Entity, verb: str) -> bool:
    """Return whether an actor may do this with rep A's record, by the tables above."""
    if actor in ("anonymous", "disabled"):
        return False
    if actor == "admin" or (entity.public_read and verb == "read"):
        return True
    if entity.field("owner_id") is not None and not entity.protected:
        return verb in LESS.get(entity.name, {}).get(actor, OWNED[actor]) or (verb == "create" and actor == "rep_b")
    return verb in SHARED.get(entity.name, {}).get(actor, ())


def judge(actor: str, entity: Entity, ask: Ask, answer: Any, changed: list[str]) -> str:
    """Say what is wrong with the answer to somebody who may not; "" for a right one."""
    status = answer.status_code
    if changed:
        return f"changed {changed}"
    if MARK.lower() in (answer.text + str(answer.headers)).lower() and not may(actor, entity, "read"):
        return "shows what is not theirs"
    if actor in ("anonymous", "disabled"):
        to_login = status in (302, 303, 307) and "/login" in answer.headers.get("location", "")
        return "" if status == 401 or to_login else "is not asked to sign in"
    if ask.reach == "bulk" and status == 200:
        done = [r for r in answer.json()["results"] if r["status"] < 300] if ask.api else []
        return f"did {done}" if done else ""
    if ask.reach == "sharing":
        return "" if status in (400, 403, 404, 422) else "is not refused"
    if ask.reach in ("row", "trashed", "kind", "purge") or (ask.reach == "action" and not may(actor, entity, "read")):
        return "" if status in (403, 404) else "is not refused"
    if ask.reach == "action":  # those who read the record: parameters may be refused before the right is asked
        return "" if status in (400, 403, 404, 422) or not ask.unsafe else "is not refused"
    return "" if status < 500 else "a fault of the server"


@pytest.mark.counted
@pytest.mark.parametrize("part", range(PARTS))
async def test_every_route_of_every_entity_keeps_strangers_out_and_changes_nothing(
    world: World, app: Litestar, part: int
) -> None:
    faults = []
    for entity in share(world, part):
        live, trashed = await world.record(entity), await world.record(entity, trashed=True)
        for general in asks(world, app, entity):
            ask = await aimed(world, entity, general, trashed if general.reach in ("trashed", "purge") else live)
            await world.tables.changed()
            for actor in (a for a in OWNED if not may(a, entity, ask.verb)):
                answer = await world.send(actor, ask)
                world.refused += 1
                if fault := judge(actor, entity, ask, answer, await world.tables.changed()):
                    faults.append(f"{ask.method} {ask.path} as {actor}: {answer.status_code}, {fault}")
    print(f"T1/T2 {world.kernel.db.dialect}: {world.refused} requests to refuse, {len(faults)} faults, "
          f"tables compared {world.tables.compared} times")  # fmt: skip
    assert not faults, "\n".join(faults)


@pytest.mark.counted
@pytest.mark.parametrize("part", range(PARTS))
async def test_the_same_requests_are_valid_for_those_who_may(world: World, app: Litestar, part: int) -> None:
    """Else the refusals above would prove nothing."""
    faults = []
    for entity in share(world, part):
        for general in asks(world, app, entity):
            for actor in ("admin", "lead", "readonly"):
                if not may(actor, entity, general.verb) or general.reach in ("action", "sharing", "purge"):
                    continue
                if entity.name in WRITERS_ONLY and actor == "lead" and general.verb == "edit":
                    continue
                record = await world.record(entity, trashed=general.reach == "trashed")
                answer = await world.send(actor, await aimed(world, entity, general, record))
                if answer.status_code >= 400 and not (general.verb == "create" and entity.name in NOT_MADE):
                    faults.append(f"{line(general)} as {actor}: {answer.status_code} {answer.text[:200]}")
    print(f"T1 {world.kernel.db.dialect}: {world.asked} valid requests, {len(faults)} refused")
    assert not faults, "\n".join(faults)


async def aim_others(world: World) -> list[Ask]:
    """Return the requests of routes that belong to no entity, about rep A's token, password and file."""
    assert world.owner is not None
    file = await world.record(world.kernel.registry.entity("core.file"))
    async with world.kernel.write(SYSTEM) as uow:
        token, _secret = await create_token(uow, world.owner.id, f"{MARK} token")
    ids = {"{token_id}": str(token.id), "{user_id}": str(world.owner.id), "{record_id}": str(file.id)}
    found = []
    for ask in others():
        path = ask.path
        for name, value in ids.items():
            path = path.replace(NOWHERE, value) if name in ask.template else path
        found.append(replace(ask, path=path))
    return found


def judge_other(actor: str, ask: Ask, answer: Any, changed: list[str]) -> str:
    """Say what is wrong with the answer of a route of OTHERS; "" for a right one."""
    status, refused = answer.status_code, answer.status_code in (400, 401, 403, 404, 405, 409, 422, 429)
    if status >= 500 and ask.path != "/ready":
        return "a fault of the server"
    if status >= 400 and changed:
        return f"refused, and changed {changed}"
    if MARK.lower() in answer.text.lower() and actor in ("anonymous", "disabled", "rep_b", "narrow"):
        return "shows what is not theirs"
    if ask.reach == "public":
        return ""
    if actor in ("anonymous", "disabled"):
        to_login = status in (302, 303, 307) and "/login" in answer.headers.get("location", "")
        return "" if status in (401, 403, 404) or to_login else "is not asked to sign in"
    theirs = any(word in ask.template for word in ("{user_id}", "{record_id}"))  # rep A's: some may
    if ask.reach == "nowhere" and theirs and actor in ("admin", "lead", "readonly"):
        return ""
    strict = (
        ask.reach == "nowhere"
        or (ask.reach == "others_token" and actor != "admin")
        or (ask.reach == "admin" and actor != "admin")
        or (ask.reach == "lead" and actor not in ("admin", "lead"))
    )
    strict |= ask.reach == "import" and actor in ("rep_b", "narrow", "readonly")
    if ask.reach.startswith("entity:"):
        strict = actor in ("narrow", "readonly" if ask.unsafe else "rep_b")
    away = status in (302, 303) and not changed  # a page says so, or asks to sign in again
    return "" if refused or away or not strict else "is not refused"


@pytest.mark.counted
async def test_routes_that_belong_to_no_entity_give_nobody_what_is_not_theirs(world: World) -> None:
    faults, found = [], await aim_others(world)
    for ask in found:
        for actor in OWNED:
            await world.tables.changed()
            answer = await world.send(actor, ask)
            if fault := judge_other(actor, ask, answer, await world.tables.changed()):
                faults.append(f"{line(ask)} ({ask.reach}) as {actor}: {answer.status_code}, {fault}")
    print(f"T1/T2 {world.kernel.db.dialect}: {len(found)} routes of no entity x {len(OWNED)} actors, "
          f"{len(faults)} faults")  # fmt: skip
    assert not faults, "\n".join(faults)


@pytest.mark.counted
def test_every_route_is_in_a_row(kernel: Kernel, app: Litestar) -> None:
    faults = unknown(kernel.registry, app)
    total = len(list(routes(app)))
    print(f"T1: {total} routes, {len(OTHERS)} of them by hand, {len(faults)} in no row")
    assert not faults, "\n".join(faults)


async def test_every_route_has_a_right_or_says_that_it_is_public(kernel: Kernel, app: Any) -> None:
    bare = [
        f"{sorted(handler.http_methods)} {route.path}"
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if not ({"permission", "public", "signed_in", "kind"} & set(handler.opt))
        and "OPTIONS" not in handler.http_methods
    ]
    assert bare == []
