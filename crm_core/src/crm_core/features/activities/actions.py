"""What can be done with an activity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_core.features.activities.models import Activity
from crm_core.plugin import Action, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


async def complete(uow: UnitOfWork, activity: Activity, params: None = None) -> None:
    """Mark an activity as done now; one that is done stays as it is."""
    if activity.done_at is None:
        activity.done_at = uow.now


async def reopen(uow: UnitOfWork, activity: Activity, params: None = None) -> None:
    """Mark an activity as not done."""
    activity.done_at = None


ACTIONS = (
    Action(
        entity="core.activity",
        name="complete",
        label=_("Mark as done"),
        icon="check",
        run=complete,
        permission="core.activity.edit",
        when={"field": "done_at", "op": "empty"},
        bulk=True,
    ),
    Action(
        entity="core.activity",
        name="reopen",
        label=_("Open again"),
        icon="rotate",
        run=reopen,
        permission="core.activity.edit",
        when={"field": "done_at", "op": "not_empty"},
    ),
)
