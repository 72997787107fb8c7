"""The forecast of deals by API."""

from typing import Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.errors import Invalid
from crm_core.features.deals.forecast import forecast
from crm_core.features.deals.schemas import Forecast
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

_ = Strings("crm_core")


class DealForecasts(ApiController):
    """What deals are expected to bring."""

    path = "/deals/forecast"
    permission = "core.deal.read"
    tags = ("Deals",)

    @get(operation_id="forecast_deals", summary="Forecast: won, committed, best case and weighted amounts of a period")
    async def show(
        self,
        uow: NamedDependency[UnitOfWork],
        period: FromQuery[str] = "",
        group: FromQuery[str] = "owner",
        filter: FromQuery[str] = "",  # noqa: A002 - the API's word
    ) -> Forecast:
        """Sums in the base currency over the deals the caller may see, by owner, team or pipeline.

        period: 2026, 2026-Q4, 2026-11 or 2026-11-01..2026-12-31; this quarter when left out. filter narrows the
        deals as in lists.
        """
        try:
            wanted: Any = msgspec.json.decode(filter) if filter else None
        except msgspec.DecodeError as error:
            raise Invalid(_("filter is not JSON."), fields={"filter": str(error)}) from error
        return await forecast(uow, period, group, wanted)
