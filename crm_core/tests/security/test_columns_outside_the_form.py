"""T16: every column of every model, and names people try, in every way to write: none undeclared moves."""

from __future__ import annotations

import os
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.kernel import Kernel
from crm_core.plugin.declare import Entity
from crm_core.testing.people import People
from crm_rows import kinds

BOTH = ["sqlite", "postgresql"] if os.environ.get("CRM_FAULTS") == "full" else ["sqlite"]
pytestmark = pytest.mark.parametrize("dialect", BOTH, indirect=True)
TRIED = (
    "id", "owner_id", "team_id", "role", "roles", "is_admin", "everything", "created_at", "updated_at", "version",
    "deleted_at", "deleted_by", "merged_into", "custom", "password", "password_hash", "tenant_id", "status", "_csrf",
    "__class__", "metadata", "permission", "scopes", "grants",
)  # fmt: skip
LOCK = "version"  # declared everywhere: what the caller read, never what is stored


def declared(entity: Entity) -> set[str]:
    """Return what people may set, by the declaration."""
    own = {n for x in entity.fields if not x.readonly and not x.hidden for n in (x.name, *x.columns)}
    return own | {c.name for c in entity.children} | {LOCK}


def outside(entity: Entity) -> list[str]:
    """Return the columns of the model and the names above that the declaration does not offer."""
    columns = [c.key for c in sa.inspect(entity.model).column_attrs]
    return [n for n in dict.fromkeys((*columns, *TRIED)) if n not in declared(entity)]


def value_of(name: str) -> Any:
    """Return a value that would be seen if it were stored."""
    if name.endswith("_at"):
        return "2001-02-03T04:05:06Z"
    return "01890000-0000-7000-8000-00000000beef" if name.endswith(("id", "_by", "_into")) else "1"


async def row_of(kernel: Kernel, entity: Entity, key: Any) -> dict[str, Any]:
    """Return the row as the database has it."""
    async with kernel.read(system("test")) as uow:
        table = entity.model.__table__
        return dict((await uow.session.execute(sa.select(table).where(table.c.id == key))).mappings().one())


def kept(before: dict[str, Any], after: dict[str, Any], names: list[str]) -> list[str]:
    """Return the columns of `names` that differ, but for what every change moves."""
    moving = {"updated_at", "version"}
    return [n for n in names if n in before and n not in moving and before[n] != after[n]]


@pytest.mark.counted
async def test_no_column_outside_the_declared_set_moves(kernel: Kernel, as_user: People) -> None:
    kernel.db.write_limit = None
    boss, tried, faults = await as_user("admin"), 0, []
    for entity in kernel.registry.entities.values():
        async with kernel.write(system("test")) as uow:
            record = await kinds.make(uow, entity, "Mine", boss.id)
            valid = await kinds.values_for(uow, entity, "New", boss.id)
        names, path = outside(entity), f"/api/v1/{entity.path}"
        before = await row_of(kernel, entity, record.id)
        for name in names:
            bodies = (("PATCH", f"{path}/{record.id}", {name: value_of(name)}),
                      ("POST", path, {**valid, name: value_of(name)}),
                      ("POST", f"{path}/bulk", {"ids": [str(record.id)], "action": "update",
                                                "values": {name: value_of(name)}}))  # fmt: skip
            for method, where, body in bodies:
                tried += 1
                answer = await boss.client.request(method, where, json=body, headers=boss.api.headers)
                refused = answer.status_code in (400, 422) or all(
                    r["status"] >= 400 for r in answer.json().get("results", [{"status": 0}])
                )
                if not refused:
                    faults.append(f"{method} {where} took {name}: {answer.status_code} {answer.text[:100]}")
        form = {**kinds.form_of(entity, record), **{n: str(value_of(n)) for n in names if n != "_csrf"}}
        await boss.client.post(f"/{entity.path}/{record.id}/edit", data=form)
        tried += len(names)
        if moved := kept(before, await row_of(kernel, entity, record.id), names):
            faults.append(f"{entity.name}: {moved} moved")
    print(f"T16: {tried} writes of undeclared columns over {len(kernel.registry.entities)} kinds, {len(faults)} taken")
    assert not faults, "\n".join(faults)


async def test_only_an_administrator_makes_a_role_mightier_or_gives_one(kernel: Kernel, as_user: People) -> None:
    lead, victim = await as_user("manager", "lead"), await as_user("sales", "rep")
    roles = (await (await as_user("admin")).api.get("/roles"))["items"]
    key = roles[0]["id"]
    for body in ({"roles": [{"role_id": key}]}, {"is_active": False}):
        await lead.api.patch(f"/users/{victim.id}", body, status=403)
    await lead.api.patch(f"/users/{victim.id}", {"everything": True}, status=400)
    await lead.api.patch(f"/roles/{key}", {"everything": True}, status=403)
