"""The event log by API, for administrators."""

from typing import Any
from uuid import UUID

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.features.event_log import queries
from crm_core.features.event_log.schemas import EventDetail, EventsPage
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController

AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


class EventsApi(ApiController):
    """The event log: who did what when, over all records."""

    path = "/admin/events"
    permission = "core.events.read"
    tags = ("Administration",)

    @get(operation_id="list_events", summary="List events")
    async def show_all(
        self, request: AnyRequest, uow: Uow, type: FromQuery[str] = "", record: FromQuery[str] = "",  # noqa: A002 - the API's word
        actor: FromQuery[str] = "", cause: FromQuery[str] = "", days: FromQuery[str] = "7",
        cursor: FromQuery[str] = "", limit: FromQuery[str] = "50",
    ) -> EventsPage:  # fmt: skip
        """Return events of the last `days` (0 for all), newest first. `type` may be the start of names: `core.deal.`"""
        return await queries.events_wanted(uow, queries.wanted(request.query_params))

    @get("/{event_id:uuid}", operation_id="get_event", summary="Get an event")
    async def show(self, uow: Uow, event_id: FromPath[UUID]) -> EventDetail:
        """Return an event with its payload."""
        return await queries.event_of(uow, event_id)
