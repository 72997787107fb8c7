"""A valid request for every route: what the matrix and the CSRF rows send."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from crm_core.plugin.declare import Entity
from litestar import Litestar

from crm_rows import kinds
from crm_rows.actors import MARK, SYSTEM, World
from crm_rows.routes import OTHERS, PARAMETER, Ask, routes, shape_of

NOWHERE = "01890000-0000-7000-8000-000000000000"


def asks(world: World, app: Litestar, entity: Entity) -> list[Ask]:
    """Return a request for every generic route of an entity; `aimed` gives it its record and body."""
    registry, found = world.kernel.registry, []
    for method, template, _opt in routes(app):
        shape = shape_of(registry, method, template)
        if shape is None or shape[0] is not entity:
            continue
        _entity, reach, verb, api = shape
        for name in registry.actions.get(entity.name, {}) if "{name}" in template else ("",):
            found.append(Ask(method, template.replace("{name}", name), reach, verb, entity.name, template, api=api))  # noqa: PERF401
    return found


async def aimed(world: World, entity: Entity, ask: Ask, record: Any) -> Ask:
    """Return the request about a record, with a valid body."""
    path = ask.path.replace("{record_id}", str(record.id)).replace("{share_id}", NOWHERE)
    values: dict[str, Any] = {}
    if not ask.unsafe or ask.method == "DELETE":
        body = {"params": {"q": MARK[:-2]}} if ask.reach == "rows" and ask.verb == "read" else {}
        return replace(ask, path=path, body=body)
    if ask.reach == "bulk":
        values = {"ids": [str(record.id)], "id": str(record.id), "action": "delete"}
        values.pop("id" if ask.api else "ids")
    elif ask.reach == "action":
        action = world.kernel.registry.actions[entity.name][ask.path.rpartition("/")[2]]
        values = {x.name: NOWHERE for x in msgspec.structs.fields(action.params) if x.required} if action.params else {}
    elif ask.reach == "rows" and ask.template.endswith("/duplicates"):
        values = {"values": {entity.title: MARK}}
    elif ask.reach in ("kind", "row") and ask.verb in ("create", "edit"):
        async with world.kernel.write(SYSTEM) as uow:
            values = await kinds.values_for(uow, entity, "Other", world.owner.id if world.owner else None)
        if ask.verb == "create" and entity.mergeable and not ask.api:
            values["duplicates"] = "create"  # a page asks once more before it makes what may be there already
        if ask.verb == "edit":
            values = {k: v for k, v in values.items() if str(v).startswith("Other")} or values
            values |= {} if ask.api else {k: v for k, v in kinds.form_of(entity, record).items() if k not in values}
    return replace(ask, path=path, body={"json": values} if ask.api else {"data": values})


def others() -> list[Ask]:
    """Return a request for every route that is no entity's generic one, ids of nowhere in their paths."""
    found = []
    for key, (who, body) in OTHERS.items():
        method, _space, template = key.partition(" ")
        path = PARAMETER.sub(lambda m: NOWHERE if m[1].endswith(("id", "cause")) else "nothing", template)
        found.append(Ask(method, path, who, template=template, api=path.startswith("/api/"), body=body))
    # What ends somebody's own session comes last, else whatever follows is asked by strangers.
    ends = ("logout", "sessions", "session", "password", "second-factor")
    return sorted(found, key=lambda a: a.unsafe and any(word in a.template for word in ends))


def line(ask: Ask) -> str:
    """Return a request as one line."""
    return f"{ask.method} {ask.template}"
