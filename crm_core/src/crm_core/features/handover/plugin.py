"""Handing over."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.handover import actions, jobs
from crm_core.features.handover.events import EVENT_TYPES
from crm_core.features.handover.pages import HandOverPages
from crm_core.features.handover.rest import HandOverApi
from crm_core.features.handover.schemas import HandOver, UndoHandOver
from crm_core.plugin import EventType, Job, Permission, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (HandOverApi, HandOverPages)


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name=actions.RIGHT, label=_("Hand over what a user holds"), roles=("admin",)),)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="record.header", entity="core.user", label=_("Hand over"), template="core/_handover_link.html",
            permission=actions.RIGHT, order=30,
        ),
    )  # fmt: skip


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=HandOver, run=jobs.hand_over, time_limit=3600.0),
        Job(call=UndoHandOver, run=jobs.undo_hand_over, time_limit=3600.0),
    )
