"""T14: nothing changes by GET, nor by a request that another site could make a browser send."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from crm_core.kernel import Kernel
from crm_core.testing.people import People
from crm_rows.actors import World
from crm_rows.asking import aimed, asks, line, others
from crm_rows.routes import Ask
from crm_rows.tables import Tables
from litestar import Litestar

BOTH = ["sqlite", "postgresql"] if os.environ.get("CRM_FAULTS") == "full" else ["sqlite"]
pytestmark = pytest.mark.parametrize("dialect", BOTH, indirect=True)
FORM = "application/x-www-form-urlencoded"
FOREIGN = (
    {"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
)  # fmt: skip


@pytest.fixture
async def world(kernel: Kernel, as_user: People) -> AsyncIterator[World]:
    tables = Tables(kernel)
    yield await World(kernel, as_user, tables).make()
    tables.close()


async def everything(world: World, app: Litestar) -> AsyncIterator[Ask]:
    """Yield a valid request of an administrator for every route."""
    for entity in world.kernel.registry.entities.values():
        live, trashed = await world.record(entity), await world.record(entity, trashed=True)
        for ask in asks(world, app, entity):
            yield await aimed(world, entity, ask, trashed if ask.reach == "trashed" else live)
    for ask in others():
        if ask.reach != "public":
            yield ask


def forged(ask: Ask, own: str, other: str) -> list[tuple[str, dict[str, Any]]]:
    """Return what another site could have the browser send: the cookie goes along, the token does not."""
    values = ask.body.get("json") or ask.body.get("data") or {}
    text = json.dumps(values, default=str)
    form = urlencode({k: v for k, v in values.items() if isinstance(v, str)})
    found: list[tuple[str, dict[str, Any]]] = [
        ("no token", {"content": text, "headers": {"content-type": "application/json"}}),
        ("another's token", {"content": text, "headers": {"content-type": "application/json", "x-csrf-token": other}}),
        ("JSON as text", {"content": text, "headers": {"content-type": "text/plain"}}),
        ("JSON in a form", {"content": f"{text}=", "headers": {"content-type": FORM}}),
        ("form without a token", {"content": form, "headers": {"content-type": FORM}}),
        ("form with another's", {"content": f"_csrf={other}&{form}", "headers": {"content-type": FORM}}),
        ("multipart", {"files": {"x": (None, "y")}}),
    ]
    for headers in FOREIGN:
        right = {"content-type": FORM, "x-csrf-token": own, **headers}
        found.append((f"the right token from {headers}", {"content": form, "headers": right}))
    return found


@pytest.mark.counted
async def test_no_unsafe_route_is_moved_by_a_forged_request(world: World, app: Litestar) -> None:
    boss, other = await world.people("admin", "boss"), await world.people("admin", "second")
    own, foreign = boss.client.headers["x-csrf-token"], other.client.headers["x-csrf-token"]
    client = world.people.browser()
    client.cookies = boss.client.cookies
    tried, seen, faults = 0, 0, []
    async for ask in everything(world, app):
        if not ask.unsafe:
            continue
        seen += 1
        await world.tables.changed()
        for how, request in forged(ask, own, foreign):
            tried += 1
            answer = await client.request(ask.method, ask.path, **request)
            if answer.status_code not in (403, 405) or (changed := await world.tables.changed()):
                faults.append(f"{line(ask)}, {how}: {answer.status_code} {answer.text[:80]}")
        for verb in ("GET", "POST"):  # a form can only GET and POST
            for headers in ({"x-http-method-override": ask.method}, {"x-method-override": ask.method}):
                tried += 1
                answer = await client.request(verb, ask.path, headers=headers, params={"_method": ask.method})
                if changed := await world.tables.changed():
                    faults.append(f"{line(ask)}, {verb} with {headers}: {answer.status_code}, changed {changed}")
    print(f"T14: {tried} forged requests at {seen} unsafe routes, {len(faults)} moved something")
    assert not faults, "\n".join(faults)


@pytest.mark.counted
async def test_get_and_head_change_nothing(world: World, app: Litestar) -> None:
    tried, faults = 0, []
    async for ask in everything(world, app):
        if ask.unsafe:
            continue
        await world.tables.changed()
        for method in ("GET", "HEAD", "OPTIONS"):
            tried += 1
            answer = await world.send("admin", replace(ask, method=method))
            if answer.status_code >= 500 or (changed := await world.tables.changed()):
                faults.append(f"{method} {ask.path}: {answer.status_code}, {changed}")
    print(f"T14: {tried} GET, HEAD and OPTIONS as an administrator, {len(faults)} changed something")
    assert not faults, "\n".join(faults)
