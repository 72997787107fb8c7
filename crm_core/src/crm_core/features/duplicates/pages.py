"""The page of possible duplicates."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.errors import Forbidden, Invalid
from crm_core.features.duplicates import actions, queries
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.page import page, redirect
from crm_core.web.views import may

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


class DuplicatePages(PageController):
    """Pairs found by night; those who may read both records see them."""

    path = "/duplicates"
    signed_in = True

    @get()
    async def listed(
        self, request: AnyRequest, uow: Uow, entity: FromQuery[str] = "", skip: FromQuery[int] = 0
    ) -> Response[Any]:
        """Show the pairs of one kind of records, the likeliest first."""
        kinds = [e for e in uow.registry.entities.values() if e.mergeable and may(uow, e, "read")]
        kinds.sort(key=lambda e: e.order)
        if not kinds:
            raise Forbidden(_("You may see none of the records that are compared."))
        shown = actions.entity_named(uow, entity) if entity else kinds[0]
        skip = max(0, min(skip, 100_000))
        found = await queries.pairs(uow, shown, skip=skip)
        return await page(
            request, uow, "core/duplicates.html", kinds=kinds, shown=shown, found=found, skip=skip,
            more=skip + queries.PAGE, may_search=uow.actor.may(actions.SEARCH),
            may_edit=may(uow, shown, "edit") and may(uow, shown, "delete"),
        )  # fmt: skip

    @post("/dismiss", status_code=200)
    async def dismiss(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Remember that two records are not the same."""
        posted = await request.form()
        entity = actions.entity_named(uow, str(posted.get("entity") or ""))
        try:
            first, second = (UUID(str(posted.get(k))) for k in ("first", "second"))
        except ValueError as error:
            raise Invalid(_("This is not the id of a record.")) from error
        await actions.dismiss(uow, entity, first, second)
        return await redirect(request, uow, f"/duplicates?entity={entity.name}", _("Noted: not a duplicate."))

    @post("/search", status_code=200)
    async def search(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Search all records now."""
        if not uow.actor.may(actions.SEARCH):
            raise Forbidden(_("You lack the right {permission}.", permission=actions.SEARCH))
        await actions.search_all(uow)
        return await redirect(request, uow, "/duplicates", _("The search has begun; come back in a moment."))
