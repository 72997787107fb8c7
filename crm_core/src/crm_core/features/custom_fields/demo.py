"""Sample data: a few custom fields on companies and deals, and their values."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from crm_core.entity import records
from crm_core.features.sample import choices, every
from crm_core.plugin import DemoData

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

FIELDS: tuple[dict[str, Any], ...] = (
    {
        "entity": "core.company", "name": "service_level", "kind": "choice", "label": "Service level",
        "label_de": "Betreuungsstufe", "is_listed": True, "position": 10, "options": [
            {"value": "basic", "label": "Basic", "label_de": "Basis", "colour": "grey"},
            {"value": "plus", "label": "Plus", "label_de": "Plus", "colour": "blue"},
            {"value": "premium", "label": "Premium", "label_de": "Premium", "colour": "violet"},
        ],
    },
    {
        "entity": "core.company", "name": "customer_number", "kind": "text", "label": "Customer number",
        "label_de": "Kundennummer", "length": 20, "is_unique": True, "is_searched": True, "position": 20,
    },
    {
        "entity": "core.company", "name": "contract_until", "kind": "date", "label": "Contract until",
        "label_de": "Vertrag bis", "position": 30,
    },
    {
        "entity": "core.deal", "name": "training_days", "kind": "integer", "label": "Training days",
        "label_de": "Schulungstage", "minimum": 0, "maximum": 60, "position": 10,
    },
    {
        "entity": "core.deal", "name": "has_reference", "kind": "boolean", "label": "May be named as reference",
        "label_de": "Darf als Referenz genannt werden", "position": 20,
    },
)  # fmt: skip


async def load_fields(uow: UnitOfWork, as_of: date) -> None:
    """Define the fields."""
    for values in FIELDS:
        await records.create(uow, uow.registry.entity("core.field"), values, trusted=True)


async def load_values(uow: UnitOfWork, as_of: date) -> None:
    """Fill them in, on most records."""
    pick = choices("custom fields")
    for number, company in enumerate(await every(uow, uow.registry.entity("core.company").model)):
        custom: dict[str, Any] = {
            "service_level": pick.choice(("basic", "basic", "plus", "premium", None)),
            "customer_number": f"C-{10_001 + number}",
            "contract_until": (as_of + timedelta(days=pick.randint(-60, 700))).isoformat(),
        }
        await records.update(uow, uow.registry.entity("core.company"), company, {"custom": custom}, trusted=True)
    for deal in await every(uow, uow.registry.entity("core.deal").model):
        more: dict[str, Any] = {"training_days": pick.choice((0, 1, 2, 5, 10)), "has_reference": pick.random() < 0.3}
        await records.update(uow, uow.registry.entity("core.deal"), deal, {"custom": more}, trusted=True)


DEMO = (
    DemoData("custom_fields", load_fields),
    DemoData("custom_values", load_values, after=("custom_fields", "companies", "deals")),
)
