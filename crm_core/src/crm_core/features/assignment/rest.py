"""Receipts by API."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.errors import Invalid
from crm_core.features.assignment import queries
from crm_core.features.assignment.schemas import Receipt
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

_ = Strings("crm_core")
Uow = NamedDependency[UnitOfWork]


class AssignmentsApi(ApiController):
    """How records the caller may read were given out."""

    path = "/assignments"
    tags = ("Assignments",)
    signed_in = True

    @get(operation_id="list_assignments", summary="List how a record was assigned")
    async def show_all(self, uow: Uow, about: FromQuery[str]) -> dict[str, list[Receipt]]:
        """Return the receipts of a record ("core.lead:<id>"), the latest first, at most 50: every candidate with why
        they were skipped."""
        try:
            ref = Ref.parse(about)
            uow.registry.entities[ref.entity]
        except (ValueError, KeyError) as error:
            raise Invalid(_("There is no such record."), fields={"about": str(error)}) from error
        return {"items": await queries.receipts(uow, ref)}
