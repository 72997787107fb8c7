"""Roles made before rights were held at every place keep what they could do, and are given no more."""

from __future__ import annotations

import sqlalchemy as sa
from crm_core.auth.people import Role, RoleGrant
from crm_core.db import migrate
from crm_core.db.packages import packages
from crm_core.db.types import new_id
from crm_core.plugin.registry import Registry

BEFORE = {
    "edits": {"read": "all", "create": "own", "edit": "team", "delete": "own", "assign": "all", "import": "own"},
    "trashes": {"read": "all", "delete": "all"},
    "reads": {"read": "all", "export": "all"},
    "bulky": {"read": "all", "edit": "all", "bulk_edit": "own"},
}
AFTER = {
    "edits": BEFORE["edits"] | {"bulk_edit": "team", "create": "all", "import": "all"},
    "trashes": BEFORE["trashes"] | {"bulk_edit": "all"},
    "reads": BEFORE["reads"],
    "bulky": BEFORE["bulky"],
}


async def test_roles_of_before_keep_what_they_could_do(empty_database_url: str, registry: Registry) -> None:
    own = packages(registry)[0]
    await migrate.upgrade(empty_database_url, (own,))
    await migrate.downgrade(empty_database_url, own, "core_0004")
    roles = {name: new_id() for name in BEFORE}
    async with migrate.connected(empty_database_url) as connection:
        await connection.execute(sa.insert(Role), [{"id": key, "name": name} for name, key in roles.items()])
        rows = [
            {"role_id": roles[name], "name": f"core.company.{verb}", "scope": scope}
            for name, verbs in BEFORE.items() for verb, scope in verbs.items()
        ]  # fmt: skip
        await connection.execute(sa.insert(RoleGrant), rows)
        await connection.commit()
    await migrate.upgrade(empty_database_url, (own,))
    async with migrate.connected(empty_database_url) as connection:
        query = sa.select(Role.name, RoleGrant.name, RoleGrant.scope).join(RoleGrant, RoleGrant.role_id == Role.id)
        found: dict[str, dict[str, str]] = {name: {} for name in BEFORE}
        for role, right, scope in await connection.execute(query):
            found[role][right.rpartition(".")[2]] = scope
    assert found == AFTER
