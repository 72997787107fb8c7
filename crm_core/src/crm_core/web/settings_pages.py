"""Settings: a page for each declared group, with a form made from its Struct."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.errors import Forbidden, NotFound
from crm_core.i18n import Strings
from crm_core.plugin import hookspecs
from crm_core.plugin.declare import SettingsGroup
from crm_core.uow import UnitOfWork
from crm_core.web.page import FormInvalid, Page, page, redirect, web_of
from crm_core.web.slots import slots_at
from crm_core.web.struct_forms import read_struct, struct_form

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
SIGNED_IN = {"kind": "page"}


def groups_for(uow: UnitOfWork) -> list[SettingsGroup]:
    """Return the groups the actor may change: the own ones, and those of the system with their right."""
    found = [
        g
        for g in uow.registry.gather(hookspecs.crm_settings)
        if (g.scope == "user" and uow.actor.user_id) or (g.scope != "user" and uow.actor.may(g.permission))
    ]
    return sorted(found, key=lambda g: (g.scope != "user", g.order, str(g.label)))


def _context(request: AnyRequest, uow: UnitOfWork, group: SettingsGroup | None) -> dict[str, Any]:
    groups = groups_for(uow)
    pages = slots_at(web_of(request), uow.actor, "settings.pages")
    return {"groups": groups, "group": group, "pages": pages}


def _group(uow: UnitOfWork, name: str) -> SettingsGroup:
    known = {g.name: g for g in uow.registry.gather(hookspecs.crm_settings)}
    if name not in known:
        raise NotFound(_("There are no such settings."))
    if known[name] not in groups_for(uow):
        raise Forbidden(_("You may not change these settings."))
    return known[name]


@get("/settings", opt=SIGNED_IN, include_in_schema=False)
async def settings(request: AnyRequest, uow: Uow) -> Response[Any]:
    """Answer with the first group, or with the list alone when there is none."""
    groups = groups_for(uow)
    if not groups:
        return await page(request, uow, "core/settings.html", **_context(request, uow, None))
    return await _shown(request, uow, groups[0])


async def _shown(request: AnyRequest, uow: UnitOfWork, group: SettingsGroup) -> Response[Any]:
    form = await struct_form(uow, group.struct, await uow.settings(group.struct))
    return await page(request, uow, "core/settings.html", **_context(request, uow, group), form=form)


@get("/settings/{name:str}", opt=SIGNED_IN, include_in_schema=False)
async def settings_group(request: AnyRequest, uow: Uow, name: FromPath[str]) -> Response[Any]:
    """Answer with one group's form."""
    return await _shown(request, uow, _group(uow, name))


@post("/settings/{name:str}", opt=SIGNED_IN, status_code=200, include_in_schema=False)
async def save_settings(request: AnyRequest, uow: Uow, name: FromPath[str]) -> Response[Any]:
    """Save one group."""
    group = _group(uow, name)
    form = await struct_form(uow, group.struct, await uow.settings(group.struct))
    value = read_struct(form, await request.form(), group.struct)
    if value is None:
        raise FormInvalid(Page(request, uow, "core/settings.html", **_context(request, uow, group)), form)
    await uow.save_settings(value)
    return await redirect(request, uow, f"/settings/{name}", _("Saved."))


SETTINGS_ROUTES = [settings, settings_group, save_settings]
