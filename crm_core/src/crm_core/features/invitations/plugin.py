"""Invitations."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.invitations.events import EVENT_TYPES
from crm_core.features.invitations.pages import InvitationPages
from crm_core.features.invitations.public_pages import InvitationPage
from crm_core.features.invitations.rest import InvitationApi
from crm_core.plugin import EventType, Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (InvitationPages, InvitationPage, InvitationApi)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (
        Slot(
            place="list.actions", label=_("Invite"), template="core/_invite_button.html", entity="core.user",
            permission="core.user.create",
        ),
    )  # fmt: skip
