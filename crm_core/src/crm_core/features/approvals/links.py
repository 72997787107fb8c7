"""Deciding through a one-time link: with the rights its holder has at that moment, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from crm_core.auth.actor import Actor
from crm_core.errors import Invalid, NotFound
from crm_core.features.approvals import actions, asking, queries
from crm_core.features.approvals.notices import PURPOSE
from crm_core.features.approvals.schemas import ApprovalOut
from crm_core.i18n import Strings
from crm_core.plugin.links import LinkNotValid, PublicLink, use_link

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

__all__ = ["PURPOSE", "DecisionMissing", "decide", "shown"]
_ = Strings("crm_core")
LONGEST = 5000


class DecisionMissing(Invalid):
    """The form says neither yes nor no, or its comment is too long."""


async def _holder(uow: UnitOfWork, link: PublicLink) -> Actor:
    actor = await asking.actor_of(uow, UUID(str(link.data["user"])))
    if actor is None:
        raise _dead()
    return replace(actor, link_id=link.id)


def _dead() -> LinkNotValid:
    return LinkNotValid(_("This link is not valid (any more)."))


async def shown(uow: UnitOfWork, link: PublicLink) -> ApprovalOut:
    """Return the request behind a link, as its holder sees it; LinkNotValid when they cannot decide it now."""
    uow.actor = await _holder(uow, link)
    try:
        approval = await actions.get(uow, link.ref_id)
    except NotFound as error:
        raise _dead() from error
    (one,) = await queries.out(uow, [approval])
    if not one.may_decide and not one.is_stale:
        raise _dead()
    return one


async def decide(uow: UnitOfWork, link: PublicLink, decision: str, comment: str) -> ApprovalOut:
    """Use the link up and decide as its holder; DecisionMissing, ApprovalStale, LinkNotValid before anything is
    written."""
    one = await shown(uow, link)
    if decision not in ("approve", "reject") or len(comment) > LONGEST or "\x00" in comment:
        raise DecisionMissing(_("Choose whether you approve or refuse."))
    await use_link(uow, link)
    await actions.decide(uow, one.id, decision, comment.strip(), channel="link")
    return one
