"""Saved views by page: the menu of a list, saving, sharing, and the link that opens one."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.entity.money import MoneySettings
from crm_core.errors import Invalid, NotFound
from crm_core.features.views import actions, queries
from crm_core.features.views.groups import groups
from crm_core.features.views.schemas import NewView, ViewChange
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, htmx, page, redirect
from crm_core.web.list_state import EMPTY, list_state
from crm_core.web.page import web_of
from crm_core.web.views import display_for

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
SHARES = {"private": _("Only me"), "team": _("My team"), "everyone": _("Everyone")}


class ViewPages(PageController):
    """Views of lists; what a list shows is decided by the rights of whoever opens it."""

    path = "/views"
    signed_in = True

    @get()
    async def listed(
        self, request: AnyRequest, uow: Uow, of: FromQuery[str] = "", at: FromQuery[str] = ""
    ) -> Response[Any]:
        """Answer with the views of one list or all, and the form that saves the list at an address."""
        return await page(request, uow, "core/views.html", **await _context(uow, of, at))

    @get("/menu")
    async def menu(
        self, request: AnyRequest, uow: Uow, of: FromQuery[str] = "", at: FromQuery[str] = ""
    ) -> Response[Any]:
        """Answer with the views in a list's menu."""
        return await page(request, uow, "core/_views_list.html", **await _context(uow, of, at))

    @get("/groups")
    async def grouped(self, request: AnyRequest, uow: Uow, of: FromQuery[str]) -> Response[Any]:
        """Answer with the groups of the list at an address, whose parameters stand beside `of`."""
        entity = queries.entity_of(uow, of)
        state = list_state(request, uow, entity)
        sums = tuple(c.name for c in state.columns if c.kind == "money")
        found = await groups(uow, entity, state.params(uow), request.query_params.get("group", ""), sums)
        fields = {x.name: x for x in state.fields}
        display = await display_for(uow, web_of(request), [fields[state.group]], [])
        template = "core/_list_groups.html" if htmx.is_partial(request) else "core/list_groups.html"
        return await page(
            request, uow, template, entity=entity, state=state, groups=found, field=fields[state.group],
            sums=[fields[n] for n in sums], base=(await uow.settings(MoneySettings)).base_currency, display=display,
            links=[state.link((f"f.{state.group}", "group"), **{f"f.{state.group}": _said(g.value)})
                   for g in found.items],
        )  # fmt: skip

    @get("/{view_id:uuid}")
    async def open(
        self, request: AnyRequest, uow: Uow, view_id: FromPath[UUID], first: FromQuery[str] = "",
        without: FromQuery[str] = "",
    ) -> Response[Any]:  # fmt: skip
        """Open the list as the view has it, or say what in it is missing. first: the list of this name asked for it."""
        try:
            view = await queries.one(uow, view_id)
        except NotFound:
            entity = uow.registry.by_path.get(first)
            if entity is None:
                raise
            return await redirect(request, uow, f"/{entity.path}?view=none", _("The view of this list is gone."))
        missing = queries.missing(uow, view)
        if missing and not (without and view.entity in uow.registry.entities):
            (shown,) = await queries.shown(uow, [view])
            there = view.entity in uow.registry.entities
            return await page(request, uow, "core/view_missing.html", view=shown, there=there)
        return await redirect(request, uow, queries.address(uow, view, missing))

    @post(status_code=200)
    async def save(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Save the list at an address as a new view, or over one of one's own."""
        form = await request.form()
        state = queries.state_at(str(form.get("at", "")))
        share: Any = str(form.get("share", "private"))
        if share not in SHARES or len(str(form.get("name", ""))) > 100:
            raise Invalid(_("Some values are not acceptable."))
        new = NewView(name=str(form.get("name", "")), entity=str(form.get("of", "")), share=share, state=state)
        view = await actions.save(uow, new)
        if form.get("first"):
            await actions.open_first(uow, view.entity, view.id)
        return await redirect(request, uow, queries.address(uow, view, queries.missing(uow, view)), _("View saved."))

    @post("/{view_id:uuid}", status_code=200)
    async def change(self, request: AnyRequest, uow: Uow, view_id: FromPath[UUID]) -> Response[Any]:
        """Rename, share, take over the list at an address, open first, or remove a view: what `do` says."""
        form = await request.form()
        view, what = await queries.one(uow, view_id), str(form.get("do", ""))
        back = f"/views?of={view.entity}"
        if what == "first":
            await actions.open_first(uow, view.entity, view.id)
        elif what == "not_first":
            await actions.open_first(uow, view.entity, None)
        elif what == "remove":
            await actions.remove(uow, view)
            return await redirect(request, uow, back, _("View removed."))
        elif what == "state":
            await actions.change(uow, view, ViewChange(state=queries.state_at(str(form.get("at", "")))))
        else:
            share: Any = str(form.get("share", view.share))
            if share not in SHARES:
                raise Invalid(_("Some values are not acceptable."))
            await actions.change(uow, view, ViewChange(name=str(form.get("name", view.name))[:100], share=share))
        return await redirect(request, uow, back, _("Saved."))


def _said(value: Any) -> str:
    """Return a group's value as a list's address has it."""
    return {None: EMPTY, True: "1", False: "0"}[value] if value in (None, True, False) else str(value)


async def _context(uow: UnitOfWork, of: str, at: str) -> dict[str, Any]:
    entity = queries.entity_of(uow, of) if of else None
    return {
        "views": await queries.listing(uow, of), "of": of, "at": at, "entity": entity, "shares": SHARES,
        "may_share": uow.actor.may(actions.SHARE), "has_team": uow.actor.team_id is not None,
        "names": {e.name: e.plural for e in uow.registry.entities.values()},
    }  # fmt: skip
