"""Following by page: the button on a record, who follows it, and what one follows."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.errors import CrmError
from crm_core.features.followers import actions, queries
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


class FollowPages(PageController):
    """What the reader follows; rights are those on each record."""

    path = "/follows"
    signed_in = True

    @get()
    async def listed(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with the records the reader follows."""
        return await page(request, uow, "core/follows.html", rows=[o for _i, o in await queries.mine(uow, limit=500)])

    @get("/on")
    async def of_record(self, request: AnyRequest, uow: Uow, of: FromQuery[str] = "") -> Response[Any]:
        """Answer with who follows a record."""
        entity, record = await queries.record_of(uow, of)
        return await page(
            request, uow, "core/followers.html", of=of, entity=entity, id=record.id,
            title=getattr(record, entity.title, None) or "–", following=await queries.follows(uow, entity, record),
            people=await queries.followers_of(uow, entity, record),
        )  # fmt: skip

    @get("/button")
    async def button(self, request: AnyRequest, uow: Uow, of: FromQuery[str] = "") -> Response[Any]:
        """Answer with the button of a record's page; nothing where records are not followed."""
        try:
            entity, record = await queries.record_of(uow, of)
        except CrmError:
            return Response("", status_code=204)
        following = await queries.follows(uow, entity, record)
        return await page(request, uow, "core/_follow.html", of=of, following=following)

    @post(status_code=200)
    async def change(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Follow a record or leave it."""
        form = await request.form()
        entity, record = await queries.record_of(uow, str(form.get("of", "")))
        where = f"/{entity.path}/{record.id}"
        if form.get("stop"):
            await actions.unfollow(uow, entity, record)
            return await redirect(request, uow, where, _("You hear no more of this."))
        await actions.follow(uow, entity, record)
        return await redirect(request, uow, where, _("You follow this."))
