"""T1: ids of other people's records in bodies, lines, relations, filters, sorts, expansion and bulk calls.

For each entity and each link it has: rep B gives the id of rep A's record. Nothing is linked, nothing of it is shown,
and the answer is the one for an id that exists nowhere.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from crm_core.config import Config
from crm_core.entity import fields as f
from crm_core.kernel import Kernel
from crm_core.plugin.declare import Child, Entity
from crm_core.testing.people import People
from crm_rows import kinds
from crm_rows.actors import MARK, SYSTEM, World
from crm_rows.tables import Tables

NOWHERE = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def config(base_config: Config, database_url: str) -> Config:
    """An installation without a limit on requests."""
    return base_config.but(database_url=database_url, api_limit=0)


@pytest.fixture
async def world(kernel: Kernel, as_user: People) -> AsyncIterator[World]:
    tables = Tables(kernel)
    yield await World(kernel, as_user, tables).make()
    tables.close()


def target_of(world: World, one: f.Field) -> Entity | None:
    """Return an entity that a link can lead to and whose records rep B may not all see."""
    registry = world.kernel.registry
    names = one.targets or ("core.deal",) if isinstance(one, f.AnyLink) else (
        ("core.file",) if isinstance(one, f.File) else (getattr(one, "target", ""),)
    )  # fmt: skip
    for name in names:
        found = registry.entities.get(name)
        if found is not None and not found.public_read and found.field("owner_id") is not None:
            return found
    return None


def written(one: f.Field, target: Entity, key: str) -> Any:
    """Return a link to a record as a body spells it."""
    return f"{target.name}:{key}" if isinstance(one, f.AnyLink) else [key] if isinstance(one, f.Links) else key


def links(world: World, entity: Entity) -> list[tuple[str, Any, Entity, Child | None]]:
    """Return (key, field, target, child) of every link of an entity that a body may set."""
    found = []
    for part in (*world.kernel.registry.fields(entity), *entity.children):
        for one in part.fields if isinstance(part, Child) else (part,):
            link = isinstance(one, f.Link | f.Links | f.AnyLink | f.File)
            if link and not one.readonly and not one.hidden and (target := target_of(world, one)) is not None:
                found.append((one.name, one, target, part if isinstance(part, Child) else None))
    return found


def body_with(name: str, one: Any, target: Entity, child: Child | None, key: str) -> dict[str, Any]:
    """Return a body that sets one link."""
    value = written(one, target, key)
    return {name: value} if child is None else {child.name: [{name: value}]}


async def ask(world: World, method: str, path: str, **kw: Any) -> Any:
    """Send a request as rep B."""
    client, headers = world.actors["rep_b"]
    return await client.request(method, f"/api/v1/{path}", headers=headers, **kw)


async def told(answer: Any, key: str) -> str:
    """Return status and body of an answer, without the id that was asked for."""
    return f"{answer.status_code} {answer.text}".replace(key, "<id>")


@pytest.mark.counted
async def test_no_link_to_a_record_of_somebody_else_is_set_or_told_from_one_to_nothing(world: World) -> None:
    rep_b = world.people.known["sales", "rep-b"].id
    faults, asked = [], 0
    for entity in sorted(world.kernel.registry.entities.values(), key=lambda e: e.name):
        if entity.protected or entity.name == "core.file":
            continue
        async with world.kernel.write(SYSTEM) as uow:
            own = await kinds.make(uow, entity, "Mine", rep_b)
        if (await ask(world, "GET", f"{entity.path}/{own.id}")).status_code != 200:
            continue  # a kind that rep B has no records of
        for name, one, target, child in links(world, entity):
            theirs = str((await world.record(target)).id)
            await world.tables.changed()
            answers = []
            for key in (theirs, NOWHERE):
                body = body_with(name, one, target, child, key)
                bulk = {"ids": [str(own.id)], "action": "update", "values": body}
                async with world.kernel.write(SYSTEM) as uow:
                    new = await kinds.values_for(uow, entity, "New", rep_b)
                await world.tables.changed()
                answers.append([
                    await told(await ask(world, "PATCH", f"{entity.path}/{own.id}", json=body), key),
                    await told(await ask(world, "POST", entity.path, json={**new, **body}), key),
                    await told(await ask(world, "POST", f"{entity.path}/bulk", json=bulk), key),
                ])  # fmt: skip
                asked += 3
                if changed := await world.tables.changed():
                    faults.append(f"{entity.name}.{name} -> {target.name} {key}: changed {changed}")
            for way, of_theirs, of_nothing in zip(("patch", "create", "bulk"), *answers, strict=True):
                if MARK.lower() in of_theirs.lower() or of_theirs != of_nothing:
                    faults.append(f"{entity.name}.{name} {way}: {of_theirs[:200]} / {of_nothing[:200]}")
    print(
        f"T1 {world.kernel.db.dialect}: {asked} writes with links to others' records or nothing, {len(faults)} faults"
    )
    assert asked > 20
    assert not faults, "\n".join(faults)


async def test_links_that_a_record_holds_already_may_be_sent_again(world: World) -> None:
    """Rep B's deal is with rep A's company: saving the form does not take that away."""
    registry = world.kernel.registry
    company = await world.record(registry.entity("core.company"))
    async with world.kernel.write(SYSTEM) as uow:
        deal = await kinds.make(uow, registry.entity("core.deal"), "Mine", world.people.known["sales", "rep-b"].id,
                                company_id=str(company.id))  # fmt: skip
    same = {"company_id": str(company.id), "name": "Still mine"}
    answer = await ask(world, "PATCH", f"deals/{deal.id}", json=same)
    assert answer.status_code == 200, answer.text
    assert answer.json()["company_id"] == str(company.id)


@pytest.mark.counted
async def test_filters_sorts_and_expansion_over_links_tell_nothing_of_what_is_behind(world: World) -> None:
    registry, asked, faults = world.kernel.registry, 0, []
    rep_b = world.people.known["sales", "rep-b"].id
    for entity in sorted(registry.entities.values(), key=lambda e: e.name):
        if entity.field("owner_id") is None or entity.protected:
            continue
        for name, one, target, child in links(world, entity):
            if child is not None or not isinstance(one, f.Link) or one.name == "owner_id":
                continue
            theirs = await world.record(target)
            async with world.kernel.write(SYSTEM) as uow:
                await kinds.make(uow, entity, "Mine", rep_b, **{name: str(theirs.id)})
            step = name.removesuffix("_id")
            probe = {"field": f"{step}.{target.title}", "op": "contains", "value": MARK[:5]}
            for params in (
                {"filter": json.dumps(probe)},
                {"filter": json.dumps({"none": [probe]}), "sort": f"{step}.{target.title}"},
                {"expand": step}, {"expand": name}, {"fields": f"id,{step}.{target.title}"}, {"q": MARK[:5]},
            ):  # fmt: skip
                answer = await ask(world, "GET", entity.path, params=params)
                asked += 1
                found = answer.json().get("items", []) if answer.status_code == 200 else []
                if MARK.lower() in answer.text.lower() or answer.status_code >= 500:
                    faults.append(f"{entity.name}.{name} {params}: {answer.status_code} {answer.text[:200]}")
                if probe == json.loads(params.get("filter", "{}")) and found:
                    faults.append(f"{entity.name}.{name} {params}: found by what may not be read")
    print(f"T1 {world.kernel.db.dialect}: {asked} lists over links to others' records, {len(faults)} faults")
    assert asked > 10
    assert not faults, "\n".join(faults)
