"""T3: a field a role may not see is absent from every read, and refused as filter, sort, column and import target."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Role, RoleField, RoleGrant, UserRole
from crm_core.auth.rights import EPOCH
from crm_core.db.types import new_id
from crm_core.errors import Invalid
from crm_core.kernel import Kernel
from crm_core.plugin.declare import VERBS, Entity
from crm_core.testing.people import People
from crm_rows import kinds

BOTH = ["sqlite", "postgresql"] if os.environ.get("CRM_FAULTS") == "full" else ["sqlite"]
pytestmark = pytest.mark.parametrize("dialect", BOTH, indirect=True)
OWNING = ("owner_id",)  # rights themselves need it
TITLES = {
    "core.contact": ("first_name", "last_name"),
}  # a title is made from them, and who reads a record reads its title


async def a_role(kernel: Kernel, user: Any) -> Any:
    """Give a user a role with every verb on every record; its barred fields come and go."""
    async with kernel.write(system("test")) as uow:
        role = Role(name="Hides")
        uow.session.add(role)
        await uow.session.flush()
        grants = [{"id": new_id(), "created_at": uow.now, "role_id": role.id, "name": f"{e}.{v}", "scope": "all"}
                  for e in kernel.registry.entities for v in VERBS]  # fmt: skip
        await uow.session.execute(sa.insert(RoleGrant), grants)
        await uow.session.execute(sa.delete(UserRole).where(UserRole.user_id == user.id))
        row = {"user_id": user.id, "role_id": role.id}
        row |= {"id": new_id(), "created_at": uow.now} if "id" in UserRole.__table__.c else {}
        await uow.session.execute(sa.insert(UserRole), [row])
        await uow.raise_epoch(EPOCH)
    return role.id


async def bar(kernel: Kernel, role: Any, entity: str, field: str) -> None:
    """Hide one field from the role, and nothing else."""
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.delete(RoleField).where(RoleField.role_id == role))
        row = {"id": new_id(), "created_at": uow.now, "role_id": role, "entity": entity, "field": field,
               "level": "hidden"}  # fmt: skip
        await uow.session.execute(sa.insert(RoleField), [row])
        await uow.raise_epoch(EPOCH)


async def leaks(who: Any, entity: Entity, one: Any, record: Any, canary: str) -> list[str]:
    """Return the places that show or take the field."""
    base, name, found = f"/api/v1/{entity.path}", one.name, []
    headers = who.api.headers

    async def get(path: str, **params: str) -> Any:
        return await who.client.get(path, params=params, headers=headers)

    for place, answer in (("get", await get(f"{base}/{record.id}")), ("list", await get(base)),
                          ("export", await get(f"{base}/export")),
                          ("page", await who.client.get(f"/{entity.path}/{record.id}")),
                          ("search", await get("/api/v1/search", q=canary))):  # fmt: skip
        shown = canary.lower() in answer.text.lower() if one.kind in ("text", "long_text") else False
        keyed = answer.status_code == 200 and place in ("get", "list") and f'"{name}":' in answer.text
        header = place == "export" and name in answer.text.split("\n")[0].replace('"', "").strip().split(",")
        found += [place] if shown or keyed or header or answer.status_code >= 500 else []
    operator = json.dumps({"field": name, "op": "not_empty"})
    for place, params in (("filter", {"filter": operator}), ("sort", {"sort": name}), ("sort down", {"sort": f"-{name}"}),  # noqa: E501
                          ("fields", {"fields": name})):  # fmt: skip
        answer = await get(base, **params)
        found += [place] if answer.status_code not in (400, 403, 422) else []
    answer = await get(f"{base}/export", fields=name)
    found += ["export column"] if answer.status_code not in (400, 403, 422) else []
    if not one.readonly:
        answer = await who.client.patch(f"{base}/{record.id}", json={name: None}, headers=headers)
        found += ["write"] if answer.status_code not in (400, 403, 422) else []
        answer = await who.client.post("/api/v1/imports", params={"entity": entity.path, "map": f"x={name}"},
                                       content=b"x\ny\n", headers=headers)  # fmt: skip
        found += ["import"] if answer.status_code not in (400, 403, 422) else []
    return found


@pytest.mark.counted
async def test_field_hidden_by_a_role_is_nowhere(kernel: Kernel, as_user: People) -> None:
    kernel.db.write_limit = None
    who, tried, faults = await as_user("sales", "hidden-from"), 0, []
    role = await a_role(kernel, who)
    for entity in kernel.registry.entities.values():
        for one in entity.fields:
            if (
                one.name in (entity.title, *TITLES.get(entity.name, ()))
                or one.hidden
                or entity.field("owner_id") is None
                or one.name in OWNING
            ):
                continue
            await bar(kernel, role, entity.name, one.name)
            canary = f"Qx9canary{tried}x"
            given = {one.name: canary} if one.kind in ("text", "long_text") and not one.readonly else {}
            try:
                async with kernel.write(system("test")) as uow:
                    record = await kinds.make(uow, entity, "Plain", who.id, **given)
            except Invalid:  # a text with a rule of its own does not take the canary
                async with kernel.write(system("test")) as uow:
                    record = await kinds.make(uow, entity, "Plain", who.id)
            tried += 1
            faults += [f"{entity.name}.{one.name}: {p}" for p in await leaks(who, entity, one, record, canary)]
    print(f"T3: {tried} hidden fields x up to 12 places, {len(faults)} leaks")
    assert not faults, "\n".join(faults)
