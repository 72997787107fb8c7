"""Who sees an activity, and what is derived when one is written."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from crm_core.auth.actor import Actor
from crm_core.entity import about
from crm_core.errors import Invalid
from crm_core.features.activities.models import Activity, Participant
from crm_core.plugin import Ref, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PAST = ("note", "email")  # kinds that tell what has happened
NAME = "core.activity"


def also_visible(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on activities the actor takes part in, organises, or that are about seen records."""
    return sa.or_(_takes_part(actor), about.through_parent(Activity, actor, NAME))


def never_visible(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on other people's private activities."""
    mine = sa.or_(Activity.owner_id == actor.user_id, _takes_part(actor)) if actor.user_id else sa.false()
    # Without an organiser the comparison is null, and "not null" would hide nothing.
    return sa.and_(Activity.visibility == "private", sa.not_(sa.func.coalesce(mine, sa.false())))


def _takes_part(actor: Actor) -> sa.ColumnElement[bool]:
    if actor.user_id is None:
        return sa.false()
    invited = sa.select(Participant.id).where(
        Participant.activity_id == Activity.id, Participant.user_id == actor.user_id
    )
    return sa.or_(Activity.organiser_id == actor.user_id, invited.exists())


async def defaults(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Return values with organiser, zone and, for what has happened, the time of doing filled in."""
    found = {"organiser_id": uow.actor.user_id, **values}
    if (found.get("starts_at") or found.get("starts_on")) and not found.get("zone"):
        found["zone"] = uow.zone
    if found.get("kind") in PAST and not found.get("done_at"):
        found["done_at"] = found.get("due_at") or uow.now
    return found


async def validate(uow: UnitOfWork, activity: Activity, changed: frozenset[str]) -> None:
    """Check the times, derive `due_at`, and copy owner and team of the record it is about."""
    _check_times(activity)
    if activity.starts_at is not None or activity.starts_on is not None:
        activity.due_at = starts(activity, uow.zone)
    if "parent" in changed or "parent_id" in changed:
        activity.parent_owner_id = activity.parent_team_id = None
        if activity.parent_entity and activity.parent_id:
            ref = Ref(activity.parent_entity, activity.parent_id)
            found = await about.demand_parents(uow, [ref], "parent")
            activity.parent_owner_id, activity.parent_team_id = found[ref]


def starts(activity: Activity, zone: str) -> datetime | None:
    """Return the instant an activity begins; an all-day one at midnight in its zone."""
    if activity.starts_at is not None:
        return activity.starts_at
    if activity.starts_on is None:
        return None
    return datetime.combine(activity.starts_on, time(), ZoneInfo(activity.zone or zone)).astimezone(UTC)


def _check_times(activity: Activity) -> None:
    early = _("This is before the start.")
    if activity.starts_at and activity.ends_at and activity.ends_at < activity.starts_at:
        raise Invalid(early, fields={"ends_at": early})
    if activity.starts_on and activity.ends_on and activity.ends_on < activity.starts_on:
        raise Invalid(early, fields={"ends_on": early})
    if activity.all_day and not activity.starts_on and activity.kind != "task":
        needed = _("An all-day activity needs its first day.")
        raise Invalid(needed, fields={"starts_on": needed})
