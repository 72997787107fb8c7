"""Favourites by page: the star on a record, and the list."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.features.favourites import actions, queries
from crm_core.i18n import Strings
from crm_core.plugin import Ref
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


class FavouritePages(PageController):
    """What the reader has starred; rights are those on each record."""

    path = "/favourites"
    signed_in = True

    @get()
    async def listed(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with the reader's favourites."""
        return await page(request, uow, "core/favourites.html", rows=await queries.mine(uow))

    @get("/star")
    async def star(self, request: AnyRequest, uow: Uow, of: FromQuery[str] = "") -> Response[Any]:
        """Answer with the star of a record's page."""
        entity, record = await queries.record_of(uow, of)
        held = await queries.starred(uow, Ref(entity.name, record.id))
        return await page(request, uow, "core/_star.html", of=of, starred=held)

    @post(status_code=200)
    async def change(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Star a record, or take the star off."""
        form = await request.form()
        entity, record = await queries.record_of(uow, str(form.get("of", "")))
        ref = Ref(entity.name, record.id)
        where = "/favourites" if form.get("then") == "list" else f"/{entity.path}/{record.id}"
        if form.get("stop"):
            await actions.unstar(uow, ref)
            return await redirect(request, uow, where, _("No longer a favourite."))
        await actions.star(uow, ref)
        return await redirect(request, uow, where, _("Added to your favourites."))
