"""Every entity's routes for every kind of actor: what is not allowed answers 401, 403 or 404 and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.entity import records
from crm_core.kernel import Kernel
from crm_core.testing.people import People

QUIET = {
    "core_session", "core_token", "core_attempt", "core_idempotency", "core_event", "core_event_data",
    "core_event_ref", "core_plugin",
}  # fmt: skip


async def everything(kernel: Kernel) -> dict[str, Any]:
    """Return a count and the versions of every table that a refused request may not touch."""
    found: dict[str, Any] = {}
    async with kernel.read(system("test")) as uow:
        for name, table in metadata.tables.items():
            if name.startswith("core_") and name not in QUIET:
                column = table.c.version if "version" in table.c else sa.literal(0)
                query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(column), 0)).select_from(table)
                found[name] = tuple((await uow.session.execute(query)).one())
    return found


VALUES: dict[str, dict[str, Any]] = {
    "core.company": {"name": "Theirs"}, "core.contact": {"last_name": "Theirs"},
    "core.lead": {"last_name": "Theirs", "name": "Theirs"}, "core.deal": {"name": "Theirs"},
    "core.activity": {"subject": "Theirs", "kind": "task"},
}  # fmt: skip


async def theirs(kernel: Kernel, name: str) -> Any:
    """Return a record of somebody else."""
    entity = kernel.registry.entity(name)
    values = {k: v for k, v in VALUES[name].items() if (f := entity.field(k)) is not None and not f.readonly}
    async with kernel.write(system("test")) as uow:
        return await records.create(uow, entity, values)


@pytest.mark.parametrize("name", sorted(VALUES))
async def test_strangers_and_other_reps_reach_nothing(kernel: Kernel, as_user: People, name: str) -> None:
    record = await theirs(kernel, name)
    entity = kernel.registry.entity(name)
    rep, nobody = await as_user("sales"), await as_user("", "nobody")
    stranger = as_user.browser()
    path = f"/api/v1/{entity.path}/{record.id}"
    actions = [("POST", f"{path}/{a}", {}) for a in kernel.registry.actions.get(name, {})]
    routes = [("GET", path, None), ("PATCH", path, VALUES[name]), ("DELETE", path, None),
              ("POST", f"{path}/restore", {}),
              ("GET", f"/{entity.path}/{record.id}", None), *actions]  # fmt: skip
    before = await everything(kernel)
    for who, client, headers in (
        ("stranger", stranger, {}), ("nobody", nobody.client, nobody.api.headers), ("rep", rep.client, rep.api.headers),
    ):  # fmt: skip
        for verb, route, body in routes:
            answer = (
                await client.request(verb, route, headers=headers, json=body)
                if body is not None
                else (await client.request(verb, route, headers=headers))
            )
            allowed = (302, 303, 307, 400, 401, 403, 404, 422)
            assert answer.status_code in allowed, f"{who} {verb} {route}: {answer.status_code}"
            assert "Theirs" not in answer.text
    assert await everything(kernel) == before


@pytest.mark.parametrize("name", sorted(VALUES))
async def test_lists_and_counts_hide_what_others_own(kernel: Kernel, as_user: People, name: str) -> None:
    await theirs(kernel, name)
    rep = await as_user("sales")
    path = kernel.registry.entity(name).path
    found = await rep.api.get(f"/{path}", params={"count": "true"})
    assert (found["items"], found["count"]) == ([], 0)


async def test_every_route_has_a_right_or_says_that_it_is_public(kernel: Kernel, app: Any) -> None:
    bare = [
        f"{sorted(handler.http_methods)} {route.path}"
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if not ({"permission", "public", "signed_in", "kind"} & set(handler.opt))
        and "OPTIONS" not in handler.http_methods
    ]
    assert bare == []
