"""The OpenAPI document says what the routes do, and the reference page shows it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from crm_core.features.api_docs.reading import groups, resolved
from crm_core.web.openapi import description, operations
from litestar import Litestar
from litestar.routes import HTTPRoute

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def document(app: Litestar) -> dict[str, Any]:
    return description(app)


def test_every_api_route_is_described(app: Litestar, document: dict[str, Any]) -> None:
    described = {(path, method) for path, method, _operation in operations(document)}
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/v1"):
            for method in set(route.route_handler_map) - {"OPTIONS", "HEAD"}:
                assert (route.path_format, method.lower()) in described


def test_operations_have_unique_names_summaries_and_tags(document: dict[str, Any]) -> None:
    found = [(o.get("operationId"), o.get("summary"), o.get("tags")) for _p, _m, o in operations(document)]
    names = [name for name, _summary, _tags in found]
    assert len(set(names)) == len(names)
    assert [n for n, summary, tags in found if not summary or not tags] == []


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    text = msgspec.json.encode(document).decode()
    for part in text.split('"$ref":"')[1:]:
        assert resolved(document, {"$ref": part.partition('"')[0]})


def test_examples_of_new_records_are_accepted(app: Litestar, document: dict[str, Any]) -> None:
    from crm_core.entity.schemas import schemas

    registry = app.state.web.registry
    for entity in registry.entities.values():
        shape = schemas(registry, entity)
        for kind in (shape.out, shape.create, shape.update):
            [example] = document["components"]["schemas"][kind.__name__]["examples"]
            if kind is shape.out:
                example = {k: v for k, v in example.items() if k in kind.__struct_fields__}
            msgspec.convert(example, kind, strict=False)


async def test_every_key_of_a_record_is_in_its_schema(api: Any, app: Litestar) -> None:
    ada = {"first_name": "Ada", "last_name": "Lovelace", "emails": [{"address": "a@b.co"}]}
    made = await api.post("/contacts", ada)
    schema = description(app)["components"]["schemas"]["Contact"]
    assert set(made) <= set(schema["properties"])


async def test_public_routes_ask_for_no_token(document: dict[str, Any]) -> None:
    assert document["paths"]["/api/v1/session"]["post"]["security"] == []
    assert "security" not in document["paths"]["/api/v1/contacts"]["get"]


async def test_reference_page_shows_every_operation(client: Any, app: Litestar) -> None:
    shown = await client.get("/api/docs")
    assert shown.status_code == 200
    for group in groups(description(app)):
        for one in group.operations:
            assert f'id="{one.id}"' in shown.text


@pytest.mark.parametrize("name", ["count", "deleted"])
async def test_flag_that_is_neither_true_nor_false_is_refused(api: Any, name: str) -> None:
    await api.get("/contacts", params={name: "maybe"}, status=422)


def test_answers_that_are_files_are_described_as_such(document: dict[str, Any]) -> None:
    """Schemathesis found both told as JSON once it met ids that are there."""
    for path, kind in (("files/{record_id}/content", "*/*"), ("imports/{import_id}/errors", "text/csv")):
        answers = document["paths"][f"/api/v1/{path}"]["get"]["responses"]
        assert list(answers["200"]["content"]) == [kind]
