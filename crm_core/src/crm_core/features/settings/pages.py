"""Settings: a page for each declared group, with a form made from its Struct."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.errors import CrmError, Invalid
from crm_core.features.settings.actions import group_of, groups_for
from crm_core.i18n import Strings
from crm_core.plugin.declare import SettingsGroup
from crm_core.uow import UnitOfWork
from crm_core.web import FormInvalid, Page, PageController, page, redirect
from crm_core.web.page import web_of
from crm_core.web.slots import slots_at
from crm_core.web.struct_forms import read_struct, struct_form

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


def _context(request: AnyRequest, uow: UnitOfWork, group: SettingsGroup | None) -> dict[str, Any]:
    groups = groups_for(uow)
    pages = slots_at(web_of(request), uow.actor, "settings.pages")
    return {"groups": groups, "group": group, "pages": pages}


async def _shown(request: AnyRequest, uow: UnitOfWork, group: SettingsGroup) -> Response[Any]:
    form = await struct_form(uow, group.struct, await uow.settings(group.struct))
    return await page(request, uow, "core/settings.html", **_context(request, uow, group), form=form)


class SettingsPages(PageController):
    """A page for each declared group."""

    signed_in = True

    @get("/settings")
    async def settings(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with the first group that has a form here, or with the list alone when there is none."""
        groups = [g for g in groups_for(uow) if not g.page]
        if not groups:
            return await page(request, uow, "core/settings.html", **_context(request, uow, None))
        return await _shown(request, uow, groups[0])

    @get("/settings/{name:str}")
    async def settings_group(self, request: AnyRequest, uow: Uow, name: FromPath[str]) -> Response[Any]:
        """Answer with one group's form."""
        group = group_of(uow, name)
        return await redirect(request, uow, group.page) if group.page else await _shown(request, uow, group)

    @post("/settings/{name:str}", status_code=200)
    async def save_settings(self, request: AnyRequest, uow: Uow, name: FromPath[str]) -> Response[Any]:
        """Save one group."""
        group = group_of(uow, name)
        form = await struct_form(uow, group.struct, await uow.settings(group.struct))
        value = read_struct(form, await request.form(), group.struct)
        if value is None:
            raise FormInvalid(Page(request, uow, "core/settings.html", **_context(request, uow, group)), form)
        try:
            async with uow.savepoint():
                await uow.save_settings(value)
        except CrmError as problem:
            if not problem.fields:
                raise
            form.add(Invalid(problem.text, fields=problem.fields))
            view = Page(request, uow, "core/settings.html", **_context(request, uow, group))
            raise FormInvalid(view, form, problem.status) from problem
        return await redirect(request, uow, f"/settings/{name}", _("Saved."))
