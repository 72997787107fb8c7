"""Merging ticked records into one: the action on lists and records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm_core.entity import access
from crm_core.features.merge.actions import CannotMerge, merge
from crm_core.features.merge.schemas import MergeIn, MergeOut
from crm_core.i18n import Strings, Text
from crm_core.plugin import Action

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
OFFERED = ("core.company", "core.contact", "core.lead", "core.deal")


def action(name: str) -> Action:
    """Return the action that merges records of an entity into one that is named."""

    into = Annotated[UUID, Meta(title=str(_("Merge into")), extra={"target": name})]
    noun = name.partition(".")[2].title()
    params = msgspec.defstruct(f"Merge{noun}Into", [("into", into)], forbid_unknown_fields=True, module=__name__)

    async def run(uow: UnitOfWork, record: Any, params: Any) -> MergeOut | None:
        entity = uow.registry.entity(name)
        if record.id == params.into:
            raise CannotMerge(_("A record cannot be merged with itself; name another one."))
        return await merge(uow, entity, params.into, MergeIn([record.id]))

    async def plan(uow: UnitOfWork, record: Any, params: Any) -> list[Text]:
        entity = uow.registry.entity(name)
        if params is None:
            return []
        into = await access.get(uow, entity, params.into, "edit")
        return [
            _("{title} becomes part of {into}; what refers to it refers to that one.",
              title=getattr(record, entity.title) or "–", into=getattr(into, entity.title) or "–")
        ]  # fmt: skip

    return Action(
        entity=name, name="merge_into", label=_("Merge into …"), icon="arrows-join", params=params, run=run,
        plan=plan, permission=f"{name}.delete", bulk=True, danger=True,
    )  # fmt: skip


ACTIONS = tuple(action(name) for name in OFFERED)
