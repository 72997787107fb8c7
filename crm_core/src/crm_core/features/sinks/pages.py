"""The page about event sinks, for administrators."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.errors import Invalid
from crm_core.features.sinks import actions, queries
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, htmx, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
WORDS = {"running": _("Running"), "paused": _("Paused"), "failing": _("Failing"), "absent": _("Absent")}
COLOURS = {"running": "green", "paused": "grey", "failing": "red", "absent": "amber"}


class SinkPages(PageController):
    """Event sinks."""

    path = "/admin/sinks"
    permission = "core.sinks.manage"

    @get()
    async def show_all(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with all sinks."""
        return await page(
            request, uow, "core/sinks.html", sinks=await queries.sinks(uow), words=WORDS, colours=COLOURS,
            block="list" if htmx.target(request) == "sinks" else "",
        )  # fmt: skip

    @post("/{name:str}/pause")
    async def pause(self, request: AnyRequest, uow: Uow, name: FromPath[str]) -> Response[Any]:
        """Pause a sink."""
        await actions.pause(uow, name)
        return await redirect(request, uow, "/admin/sinks", _("The sink is paused."))

    @post("/{name:str}/resume")
    async def resume(self, request: AnyRequest, uow: Uow, name: FromPath[str]) -> Response[Any]:
        """Resume a sink, or try it again at once."""
        await actions.resume(uow, name)
        return await redirect(request, uow, "/admin/sinks", _("The sink sends again."))

    @post("/{name:str}/skip")
    async def skip(self, request: AnyRequest, uow: Uow, name: FromPath[str]) -> Response[Any]:
        """Skip the event at the front that was shown."""
        given = str((await request.form()).get("position", ""))
        if not given.isdecimal():
            raise Invalid(_("Which event is to be skipped?"))
        await actions.skip(uow, name, int(given))
        return await redirect(request, uow, "/admin/sinks", _("The event is skipped."))
