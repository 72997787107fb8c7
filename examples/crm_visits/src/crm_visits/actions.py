"""What changes visits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from crm_core.plugin import Action, Ref, Strings, records
from crm_core.plugin.errors import Invalid

from crm_visits.entities import VISIT
from crm_visits.events import VisitDone
from crm_visits.models import Visit

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_visits")


class FinishVisit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How long it took, in minutes."""

    minutes: int


async def finish_visit(uow: UnitOfWork, visit: Visit, params: FinishVisit) -> None:
    """Write down that a visit took place."""
    if params.minutes < 1:
        raise Invalid(_("A visit takes at least a minute."), fields={"minutes": _("1 or more")})
    await records.update(uow, VISIT, visit, {"minutes": params.minutes}, trusted=True)
    await uow.emit(VisitDone(visit_id=visit.id, minutes=params.minutes), about=[Ref(VISIT.name, visit.id)])


FINISH = Action(
    entity=VISIT.name,
    name="finish",
    label=_("Finish"),
    icon="check",
    params=FinishVisit,
    run=finish_visit,
    permission="visits.visit.edit",
    when={"field": "minutes", "op": "empty"},
)
