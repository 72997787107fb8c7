"""What the description calls a boolean or a number is one in every body: no number for a truth value, no text."""

from __future__ import annotations

from typing import Any

import pytest
from crm_core.kernel import Kernel
from crm_core.plugin.declare import Entity
from crm_core.testing.people import Api
from litestar import Litestar

NOWHERE = "01890000-0000-7000-8000-000000000000"
WRONG: dict[str, tuple[Any, ...]] = {
    "boolean": (0, 1, "true", "yes", "1", [], {}),
    "integer": ("5", True, 1.5, [], {}),
}


def typed(entity: Entity) -> list[tuple[str, str]]:
    """Return (key, kind) of the fields a body may set that JSON has a type of its own for."""
    return [(x.name, x.kind) for x in entity.fields if x.kind in WRONG and not x.readonly and not x.hidden]


async def test_no_boolean_or_integer_field_of_any_entity_takes_another_type(api: Api, kernel: Kernel) -> None:
    asked, faults = 0, []
    for entity in kernel.registry.entities.values():
        for name, kind in typed(entity):
            for value in WRONG[kind]:
                for method, path in (("POST", entity.path), ("PATCH", f"{entity.path}/{NOWHERE}")):
                    asked += 1
                    answer = await api.client.request(
                        method, f"/api/v1/{path}", json={name: value}, headers=api.headers
                    )
                    said = answer.json().get("fields", {}).get(name, "")
                    missing = "required field" in str(answer.json().get("fields"))
                    if answer.status_code != 400 or not (said or missing):
                        faults.append(f"{method} {path} {name}={value!r}: {answer.status_code} {answer.text[:150]}")
    print(f"strict types {kernel.db.dialect}: {asked} bodies, {len(faults)} taken")
    assert asked > 100
    assert not faults, "\n".join(faults[:20])


def bodies(app: Litestar) -> list[tuple[str, str, str, Any]]:
    """Return (method, path, key, wrong value) for each top-level boolean or integer of every described body."""
    from crm_core.web.openapi import description, operations

    document = description(app)
    known, found = document["components"]["schemas"], []
    for path, method, operation in operations(document):
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        shape = known.get(schema.get("$ref", "").rpartition("/")[2], schema)
        for key, one in shape.get("properties", {}).items():
            kinds = {k.get("type") for k in (one, *one.get("oneOf", ()), *one.get("anyOf", ()))}
            for kind in kinds & set(WRONG):
                found += [(method.upper(), path, key, value) for value in WRONG[str(kind)][:2]]
    return found


async def test_no_described_body_takes_another_type(api: Api, app: Litestar, kernel: Kernel) -> None:
    faults, asked = [], bodies(app)
    for method, path, key, value in asked:
        for name in ("record_id", "id"):
            path = path.replace("{" + name + "}", NOWHERE)
        path = "/".join(NOWHERE if part.startswith("{") else part for part in path.split("/"))
        answer = await api.client.request(method, path, json={key: value}, headers=api.headers)
        if answer.status_code < 400 or (answer.status_code == 400 and "fields" not in answer.json()):
            faults.append(f"{method} {path} {key}={value!r}: {answer.status_code} {answer.text[:150]}")
    print(f"strict bodies {kernel.db.dialect}: {len(asked)} bodies of described routes, {len(faults)} taken")
    assert len(asked) > 20
    assert not faults, "\n".join(faults[:20])


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_bulk_values_are_as_strict_as_a_change(api: Api) -> None:
    made = await api.post("/activities", {"subject": "Call", "kind": "task"})
    body = {"ids": [made["id"]], "action": "update", "values": {"all_day": 1}}
    told = (await api.post("/activities/bulk", body, status=200))["results"][0]
    assert (told["status"], told["error"]) == (422, "Expected `bool | null`, got `int` - at `$.all_day`")


async def test_an_action_with_wrong_parameters_in_bulk_is_refused_row_by_row(api: Api) -> None:
    deal = await api.post("/deals", {"name": "Big"})
    body = {"ids": [deal["id"]], "action": "move_stage", "values": {"stage_id": 5}}
    told = (await api.post("/deals/bulk", body, status=200))["results"][0]
    assert told["status"] == 422, told


async def test_unreadable_json_and_an_unknown_key_are_told_apart(api: Api) -> None:
    headers = {**api.headers, "content-type": "application/json"}
    broken = await api.client.post("/api/v1/companies", content="{", headers=headers)
    assert broken.status_code == 400
    unknown = (await api.client.post("/api/v1/companies", json={"nmae": "x"}, headers=headers)).json()
    assert list(unknown["fields"]) in (["nmae"], ["name"])
    wrong = (await api.client.post("/api/v1/companies", json={"name": 5}, headers=headers)).json()
    assert wrong["fields"] == {"name": "Expected `str`, got `int`"}
