"""Custom fields of every type on companies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from crm_core.testing.people import Api

OPTIONS = [
    {"value": "north", "label": "North", "label_de": "Norden", "colour": "blue"},
    {"value": "south", "label": "South", "colour": "red"},
    {"value": "west", "label": "West"},
]
FIELDS: dict[str, dict[str, Any]] = {
    "nickname": {"kind": "text", "is_searched": True, "is_listed": True, "label_de": "Spitzname"},
    "story": {"kind": "long_text", "is_searched": True},
    "profile": {"kind": "rich_text"},
    "seats": {"kind": "integer"},
    "factor": {"kind": "decimal", "digits": 3},
    "share": {"kind": "percent"},
    "budget": {"kind": "money"},
    "due_on": {"kind": "date"},
    "seen_at": {"kind": "datetime"},
    "meets_at": {"kind": "appointment"},
    "vip": {"kind": "boolean"},
    "region": {"kind": "choice", "options": OPTIONS, "is_listed": True},
    "markets": {"kind": "multi_choice", "options": OPTIONS},
    "billing": {"kind": "email"},
    "hotline": {"kind": "phone"},
    "shop": {"kind": "url"},
    "agent": {"kind": "link", "target": "core.contact"},
    "partners": {"kind": "links", "target": "core.company"},
    "contract": {"kind": "file"},
    "number": {"kind": "text", "is_unique": True},
}
Define = Callable[..., Awaitable[dict[str, Any]]]


async def make_field(api: Api, name: str, **values: Any) -> dict[str, Any]:
    """Define a field, on companies unless told otherwise, and return its definition."""
    body = {"entity": "core.company", "name": name, "label": name.replace("_", " ").capitalize(), **values}
    found: dict[str, Any] = await api.post("/custom-fields", body)
    return found


@pytest.fixture
def define(api: Api) -> Define:
    """`field = await define("region", kind="choice", options=…)`."""
    return partial(make_field, api)


@pytest_asyncio.fixture
async def fields(api: Api) -> dict[str, dict[str, Any]]:
    """Fields of all types on companies, by key."""
    return {name: await make_field(api, name, **values) for name, values in FIELDS.items()}
