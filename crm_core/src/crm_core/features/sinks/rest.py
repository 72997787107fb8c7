"""Event sinks by API, for administrators."""

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.features.sinks import actions, queries
from crm_core.features.sinks.schemas import SinkList, SinkOut, Skip
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController

Uow = NamedDependency[UnitOfWork]


class SinksApi(ApiController):
    """Where events leave the system: how far each sink is, why one is stuck, pause, resume, skip."""

    path = "/admin/sinks"
    permission = "core.sinks.manage"
    tags = ("Administration",)

    @get(operation_id="list_sinks", summary="List event sinks")
    async def show_all(self, uow: Uow) -> SinkList:
        """Return all sinks with position, lag and last error."""
        return SinkList(items=await queries.sinks(uow))

    @get("/{name:str}", operation_id="get_sink", summary="Get an event sink")
    async def show(self, uow: Uow, name: FromPath[str]) -> SinkOut:
        """Return one sink."""
        return await queries.sink_of(uow, name)

    @post("/{name:str}/pause", status_code=200, operation_id="pause_sink", summary="Pause an event sink")
    async def pause(self, uow: Uow, name: FromPath[str]) -> SinkOut:
        """Send nothing by this sink; its events wait."""
        await actions.pause(uow, name)
        return await queries.sink_of(uow, name)

    @post("/{name:str}/resume", status_code=200, operation_id="resume_sink", summary="Resume an event sink")
    async def resume(self, uow: Uow, name: FromPath[str]) -> SinkOut:
        """Send again at once, also when the sink waits for its next try."""
        await actions.resume(uow, name)
        return await queries.sink_of(uow, name)

    @post("/{name:str}/skip", status_code=200, operation_id="skip_sink_event", summary="Skip the event at the front")
    async def skip(self, uow: Uow, name: FromPath[str], data: JSONBody[Skip]) -> SinkOut:
        """Pass over one event that the sink cannot take; 409 when another is at the front by now."""
        await actions.skip(uow, name, data.position)
        return await queries.sink_of(uow, name)
