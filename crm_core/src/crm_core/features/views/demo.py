"""Sample data: views that everybody has."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from crm_core.features.sample import owners
from crm_core.features.views.models import SavedView
from crm_core.plugin import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
VIEWS = (
    ("My open tasks", "core.activity", {"filters": {"f.owner_id": ["me"], "f.done_at": ["empty"]}, "sort": "due_at"}),
    ("New this month", "core.contact", {"filters": {"f.created_at": ["last-30"]}, "sort": "-created_at"}),
    ("My deals", "core.deal", {"filters": {"f.owner_id": ["me"]}}),
)


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make some views of the first sales person, shared with everyone."""
    people = await owners(uow)
    for name, entity, state in VIEWS if people else ():
        uow.session.add(SavedView(name=name, entity=entity, owner_id=people[0].id, share="everyone", state=state))
