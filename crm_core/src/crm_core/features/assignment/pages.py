"""The panel on a record: why it is this person's."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.errors import NotFound
from crm_core.features.assignment import queries
from crm_core.features.assignment.entities import STRATEGIES
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page

_ = Strings("crm_core")
Uow = NamedDependency[UnitOfWork]
SKIPPED = {
    "inactive": _("is switched off"), "paused": _("is paused"), "absent": _("is away"),
    "off_hours": _("is outside working hours"), "skill": _("lacks a skill"), "full": _("has enough to do"),
    "filter": _("does not take such records"),
    "weight": _("has no weight"),
}  # fmt: skip
OUTCOMES = {
    "assigned": _("Assigned"), "fallback": _("Nobody could: fallback"), "empty": _("Nobody could"),
    "passed_on": _("Nobody could: next pool"),
    "left_out": _("The pool's filter leaves it out"), "switched_off": _("The pool is switched off"),
}  # fmt: skip


class AssignmentPanel(PageController):
    """Rights are those on the record."""

    path = "/assignment-panel"
    signed_in = True

    @get()
    async def show(
        self, request: Request[Any, Any, Any], uow: Uow, entity: FromQuery[str], id: FromQuery[UUID]  # noqa: A002 - slots' name
    ) -> Response[Any]:  # fmt: skip
        """Answer with the receipts of a record."""
        if entity not in uow.registry.entities:
            raise NotFound(_("There is no such record."))
        return await page(
            request, uow, "core/_assignment_panel.html", found=await queries.receipts(uow, Ref(entity, id)),
            skipped=SKIPPED, outcomes=OUTCOMES, strategies={o.value: o.label for o in STRATEGIES},
        )  # fmt: skip
