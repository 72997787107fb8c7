"""T1, T2: every route for every kind of actor. What is not theirs answers 401, 403 or 404 and changes nothing.

Who may do what is written down here by hand; asking the code under test would only compare it with itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Team, TeamMember
from crm_core.auth.tokens import create_token
from crm_core.db.types import new_id
from crm_core.entity import records
from crm_core.kernel import Kernel
from crm_core.plugin.declare import VERBS, Entity
from crm_core.testing.people import People, Somebody
from crm_rows import kinds
from crm_rows.routes import OTHERS, Ask, routes, shape_of, unknown
from crm_rows.tables import Tables
from litestar import Litestar

MARK = "Zq7secret"
PARTS = 4
SYSTEM = system("test")

# Actor -> verbs on a record of rep A, of the kinds whose records have owners.
OWNED: dict[str, tuple[str, ...]] = {
    "anonymous": (), "disabled": (), "rep_b": (), "narrow": (), "readonly": ("read",), "lead": VERBS, "admin": VERBS,
}  # fmt: skip
# Actor -> verbs on what nobody owns, beyond reading what every signed-in user reads.
SHARED: dict[str, dict[str, tuple[str, ...]]] = {
    "core.tag": {"lead": VERBS, "rep_b": ("read", "create", "edit", "delete", "assign", "export", "bulk_edit"),
                 "narrow": ("read", "export", "create", "edit", "delete", "bulk_edit")},
}  # fmt: skip
INSIDE = ("rep_b", "narrow", "readonly", "lead", "admin")


@dataclass
class World:
    """Two teams, their people, and the requests of each actor."""

    kernel: Kernel
    people: People
    tables: Tables
    actors: dict[str, tuple[Any, dict[str, str]]] = field(default_factory=dict)
    owner: Somebody | None = None
    asked: int = 0
    refused: int = 0

    async def make(self) -> World:
        """Add everybody. The disabled user was an administrator a second ago."""
        self.owner = await self.people("sales", "rep-a")
        found = {"rep_b": await self.people("sales", "rep-b"), "lead": await self.people("manager", "lead"),
                 "readonly": await self.people("readonly", "reader"), "admin": await self.people("admin", "boss"),
                 "disabled": await self.people("admin", "gone")}  # fmt: skip
        async with self.kernel.write(SYSTEM) as uow:
            ours, theirs = Team(name="Ours"), Team(name="Theirs")
            uow.session.add_all((ours, theirs))
            await uow.session.flush()
            members = [
                {"id": new_id(), "user_id": who.id, "team_id": team.id, "is_primary": True, "created_at": uow.now}
                for who, team in ((self.owner, ours), (found["lead"], ours), (found["rep_b"], theirs))
            ]
            await uow.session.execute(sa.insert(TeamMember), members)
            await uow.raise_epoch("people")
            _row, narrow = await create_token(uow, found["lead"].id, "narrow", scopes=["core.tag"])
        await found["admin"].api.patch(f"/users/{found['disabled'].id}", {"is_active": False})
        self.actors = {name: (one.client, one.api.headers) for name, one in found.items()}
        self.actors["narrow"] = (self.people.browser(), {"authorization": f"Bearer {narrow}"})
        self.actors["anonymous"] = (self.people.browser(), {})
        return self

    async def record(self, entity: Entity, *, trashed: bool = False) -> Any:
        """Return a record of rep A."""
        assert self.owner is not None
        async with self.kernel.write(SYSTEM) as uow:
            made = await kinds.make(uow, entity, MARK, self.owner.id)
            if trashed:
                await records.delete(uow, entity, made)
        return made

    async def send(self, actor: str, ask: Ask) -> Any:
        """Send a request as an actor: pages with the cookie, the API with the token."""
        client, headers = self.actors[actor]
        self.asked += 1
        if ask.path.startswith("/api/") or actor == "narrow":
            return await client.request(ask.method, ask.path, headers=headers, **ask.body)
        return await client.request(ask.method, ask.path, **ask.body)


@pytest.fixture
async def world(kernel: Kernel, as_user: People) -> AsyncIterator[World]:
    kernel.db.write_limit = None  # a busy machine is no fault of the rights
    tables = Tables(kernel)
    made = await World(kernel, as_user, tables).make()
    await tables.changed()
    yield made
    tables.close()


def may(actor: str, entity: Entity, verb: str) -> bool:
    """Return whether an actor may do this with rep A's record, by the tables above."""
    if actor in ("anonymous", "disabled"):
        return False
    if actor == "admin" or (entity.public_read and verb == "read"):
        return True
    if entity.field("owner_id") is not None and not entity.protected:
        return verb in OWNED[actor]
    return verb in SHARED.get(entity.name, {}).get(actor, ())


async def asks(world: World, app: Litestar, entity: Entity, record: Any, trashed: Any) -> list[Ask]:
    """Return one valid request for every generic route of an entity."""
    registry, found = world.kernel.registry, []
    for method, template, _opt in routes(app):
        shape = shape_of(registry, method, template)
        if shape is None or shape[0] is not entity:
            continue
        _entity, reach, verb, api = shape
        target = trashed if reach == "trashed" else record
        for name in registry.actions.get(entity.name, {}) if "{name}" in template else ("",):
            path = template.replace("{record_id}", str(target.id)).replace("{name}", name)
            body = await _body(world, entity, method, reach, verb, api, record)
            found.append(Ask(method, path, reach, verb, entity.name, template, body))
    return found


async def _body(
    world: World, entity: Entity, method: str, reach: str, verb: str, api: bool, record: Any
) -> dict[str, Any]:
    if method in ("GET", "DELETE"):
        return {"params": {"q": MARK}} if reach == "rows" and verb == "read" else {}
    values: dict[str, Any] = {}
    if reach == "bulk":
        values = {"ids": [str(record.id)], "action": "delete"} if api else {"id": str(record.id), "action": "delete"}
    elif reach in ("kind", "row") and verb in ("create", "edit"):
        async with world.kernel.write(SYSTEM) as uow:
            values = await kinds.values_for(uow, entity, "Other")
        if api and verb == "edit":
            values = {k: v for k, v in values.items() if isinstance(v, str) and v.startswith("Other")} or values
    return {"json": values} if api else {"data": {k: str(v) for k, v in values.items()}}


def judge(world: World, actor: str, ask: Ask, answer: Any, changed: list[str]) -> str:
    """Say what is wrong with the answer to somebody who may not; "" for a right one."""
    status, row = answer.status_code, ask.reach in ("row", "trashed", "action")
    to_login = status in (302, 303, 307) and "/login" in answer.headers.get("location", "")
    if changed:
        return f"changed {changed}"
    if MARK.lower() in (answer.text + str(answer.headers)).lower():
        return "shows what is not theirs"
    if actor in ("anonymous", "disabled"):
        return "" if status == 401 or to_login else "is not asked to sign in"
    if row or ask.reach == "kind":
        return "" if status in (403, 404) else "is not refused"
    if ask.reach == "bulk" and status == 200:
        done = [r for r in answer.json()["results"] if r["status"] < 300] if "json" in ask.body else []
        return f"did {done}" if done else ""
    return "" if status < 500 else "a fault of the server"


@pytest.mark.parametrize("part", range(PARTS))
async def test_every_route_of_every_entity_keeps_strangers_out_and_changes_nothing(
    world: World, app: Litestar, part: int
) -> None:
    registry, faults = world.kernel.registry, []
    for entity in sorted(registry.entities.values(), key=lambda e: e.name)[part::PARTS]:
        record, trashed = await world.record(entity), await world.record(entity, trashed=True)
        for ask in await asks(world, app, entity, record, trashed):
            await world.tables.changed()
            for actor in (a for a in OWNED if not may(a, entity, ask.verb)):
                answer = await world.send(actor, ask)
                world.refused += 1
                if fault := judge(world, actor, ask, answer, await world.tables.changed()):
                    faults.append(f"{ask.method} {ask.path} as {actor}: {answer.status_code}, {fault}")
    print(f"T1/T2 {world.kernel.db.dialect}: {world.refused} requests to refuse, {len(faults)} faults, "
          f"tables compared {world.tables.compared} times")  # fmt: skip
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("part", range(PARTS))
async def test_the_same_requests_are_valid_for_those_who_may(world: World, app: Litestar, part: int) -> None:
    """Else the refusals above would prove nothing."""
    registry, faults = world.kernel.registry, []
    for entity in sorted(registry.entities.values(), key=lambda e: e.name)[part::PARTS]:
        for actor in ("admin", "lead", "readonly"):
            record, trashed = await world.record(entity), await world.record(entity, trashed=True)
            for ask in await asks(world, app, entity, record, trashed):
                if not may(actor, entity, ask.verb) or ask.reach == "action":
                    continue
                answer = await world.send(actor, ask)
                if answer.status_code >= 400 and not (ask.reach == "kind" and answer.status_code == 422):
                    faults.append(f"{ask.method} {ask.path} as {actor}: {answer.status_code} {answer.text[:200]}")
                if ask.verb in ("delete", "bulk_edit"):
                    record = await world.record(entity)
    print(f"T1 {world.kernel.db.dialect}: {world.asked} valid requests, {len(faults)} refused")
    assert not faults, "\n".join(faults)


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
