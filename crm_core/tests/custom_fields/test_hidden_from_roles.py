"""T3: a custom field of any kind that a role hides is in no answer, and refused as filter, sort, column and target."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from crm_core.auth.actor import Actor
from crm_core.auth.rights import actor_by_email
from crm_core.kernel import Kernel
from crm_core.liquid import Values, check, gather, render
from crm_core.plugin import Ref
from crm_core.testing.people import Api, People

CANARY = "qx9canary"
GIVEN: dict[str, Any] = {
    "nickname": CANARY, "story": CANARY, "profile": f"<p>{CANARY}</p>", "seats": 4_711_007, "factor": "4711.007",
    "share": "47.11", "budget": "4711007.25", "due_on": "2031-05-17", "seen_at": "2031-05-17T14:00:00+02:00",
    "meets_at": "2031-05-17T09:00:00+02:00", "meets_at_zone": "Europe/Berlin", "vip": True, "region": "north",
    "markets": ["south", "west"], "billing": f"{CANARY}@example.com", "hotline": "+49 (40) 47-11-00-7",
    "shop": f"https://{CANARY}.example.com", "number": CANARY,
}  # fmt: skip
MARKS = (CANARY, "4711007", "4711.007", "47.11", "2031-05-17")
"""Values that stand nowhere but in the field under test; the others are looked for by their key."""


async def bar(api: Api, key: str) -> None:
    """Hide one custom field from salespeople, and nothing else."""
    [role] = (await api.get("/roles", params={"filter": '{"field": "name", "op": "is", "value": "sales"}'}))["items"]
    rights = await api.get(f"/roles/{role['id']}/rights")
    bars = {"core.company": {f"custom.{key}": "hidden"}}
    await api.patch(f"/roles/{role['id']}/rights", {"version": rights["version"], "fields": bars})


async def leaks(who: Any, actor: Actor, kernel: Kernel, key: str, record: str) -> list[str]:
    """Return the places that show or take the field."""
    base, name, found = "/api/v1/companies", f"custom.{key}", []

    async def get(path: str, **params: str) -> Any:
        return await who.client.get(path, params=params, headers=who.api.headers)

    for place, answer in (
        ("get", await get(f"{base}/{record}")), ("list", await get(base)), ("export", await get(f"{base}/export")),
        ("history", await get(f"{base}/{record}/history")), ("search", await get("/api/v1/search", q=CANARY)),
        ("filtered by words", await get(base, q=CANARY)),
        ("page", await who.client.get(f"/companies/{record}")), ("list page", await who.client.get("/companies")),
        ("form", await who.client.get(f"/companies/{record}/edit")),
    ):  # fmt: skip
        assert answer.status_code == 200, (place, answer.text[:300])
        shown = any(mark in answer.text for mark in MARKS)
        keyed = f'"{key}":' in answer.text or f'name="{name}"' in answer.text or f"{name}," in answer.text
        found += [place] if shown or keyed else []
    condition = json.dumps({"field": name, "op": "not_empty"})
    for place, params in (("filter", {"filter": condition}), ("sort", {"sort": name}), ("sort down", {"sort": f"-{name}"}),  # noqa: E501
                          ("fields", {"fields": name})):  # fmt: skip
        found += [place] if (await get(base, **params)).status_code not in (400, 403, 422) else []
    found += ["export column"] if (await get(f"{base}/export", fields=name)).status_code not in (400, 403, 422) else []
    answer = await who.client.patch(f"{base}/{record}", json={"custom": {key: None}}, headers=who.api.headers)
    found += ["write"] if answer.status_code not in (400, 403, 422) else []
    answer = await who.client.post("/api/v1/imports", params={"entity": "companies", "map": f"x={name}"},
                                   content=b"x\ny\n", headers=who.api.headers)  # fmt: skip
    found += ["import"] if answer.status_code not in (400, 403, 422) else []
    text = f"{{{{ c.custom.{key} }}}}"
    async with kernel.read(actor) as uow:
        values = await gather(uow, text, {"c": Ref("core.company", UUID(record))})
    shown = await render(text, values)
    return found + (["template"] if shown.strip() else []) + (["check"] if not check_of(kernel, actor, text) else [])


def check_of(kernel: Kernel, actor: Actor, text: str) -> Any:
    """Return what saving the template would say."""
    return check(kernel.registry, actor, text, {"c": "core.company"})


@pytest.mark.counted
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("fields")
async def test_custom_field_hidden_by_a_role_is_nowhere(kernel: Kernel, api: Api, as_user: People) -> None:
    kernel.db.write_limit = None
    who, tried, faults = await as_user("sales", "hidden-from"), 0, []
    assert await render("{{ 1 }}", Values({})) == "1"
    for key, value in GIVEN.items():
        if key == "meets_at_zone":
            continue
        zone = {"meets_at_zone": GIVEN["meets_at_zone"]} if key == "meets_at" else {}
        made = await who.api.post("/companies", {"name": "Plain", "custom": {key: value, **zone}})
        seen = (await who.client.get("/api/v1/companies", headers=who.api.headers)).text
        assert f'"{key}":' in seen or key in ("story", "profile"), f"{key} is seen before it is hidden"
        await bar(api, key)
        actor = await actor_by_email(kernel, who.email)
        tried += 1
        faults += [f"{key}: {place}" for place in await leaks(who, actor, kernel, key, made["id"])]
        await api.delete(f"/companies/{made['id']}")
    print(f"\nT3 {kernel.db.dialect}: N = {tried} kinds of custom fields, each hidden x 18 places, {len(faults)} leaks")
    assert not faults, "\n".join(faults)
