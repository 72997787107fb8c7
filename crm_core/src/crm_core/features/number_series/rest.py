"""Number series by API, beyond their entities' own routes."""

from datetime import date
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.entity import access
from crm_core.features.number_series import queries
from crm_core.features.number_series.schemas import NextNumber
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController


class NumberSeriesApi(ApiController):
    """What comes next in a series."""

    path = "/number-series-next"
    permission = "core.number_series.read"
    tags = ("Number series",)

    @get("/{record_id:uuid}", summary="Preview the next number")
    async def following(
        self, uow: NamedDependency[UnitOfWork], record_id: FromPath[UUID], on: FromQuery[date | None] = None
    ) -> NextNumber:
        """Return the number that would be drawn for a day (today when left out); it is not taken."""
        series = await access.get(uow, uow.registry.entity("core.number_series"), record_id, "read")
        return NextNumber(number=await queries.preview(uow, series, on), last=await queries.last_used(uow, series.id))
