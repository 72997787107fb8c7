"""The page that asks for a field and its value for the ticked records of a list.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency

from crm_core.entity import query, records
from crm_core.errors import Invalid
from crm_core.features.bulk_edit.actions import MODES, set_on_all
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity, Ref
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.forms import Form
from crm_core.web.page import FormInvalid, Page, form_invalid, page, redirect
from crm_core.web.views import entity_form, fill_options, parent_of, resolve_typed

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
MOST = 500  # records in one bulk edit
FIRST = {"assign": "owner_id", "tag": "tags"}  # buttons that know their field
LISTS = ("tags", "links", "multi_choice")  # kinds that can be added to


def page_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the page of an entity; it comes by POST, as it carries the ticked records."""
    right = f"{parent_of(registry, entity)}.read"
    opt = {"kind": "page", "entity": entity.name, "permission": right, "verb": "bulk_edit"}

    again: Any = {FormInvalid: form_invalid}

    @post(f"/{entity.path}/bulk-edit", opt=opt, status_code=200, include_in_schema=False, exception_handlers=again)
    async def bulk_edit(request: AnyRequest, uow: Uow) -> Response[Any]:
        posted = await request.form()
        ids = _ids(posted.getall("id", []))
        if not ids:
            return await redirect(request, uow, f"/{entity.path}", _("Nothing was selected."))
        what = str(posted.get("what") or "")
        if what == "export":
            chosen = msgspec.json.encode({"field": "id", "op": "in", "value": [str(x) for x in ids]}).decode()
            address = urlencode({"format": "csv", "filter": chosen})
            return await redirect(request, uow, f"/api/v1/{entity.path}/export?{address}")
        records.demand(uow, entity, "bulk_edit")
        return await _edit(request, uow, entity, ids, FIRST.get(what) or str(posted.get("field") or ""), posted)

    return [bulk_edit]


async def _edit(
    request: AnyRequest, uow: UnitOfWork, entity: Entity, ids: list[UUID], name: str, posted: Any
) -> Response[Any]:
    """Ask for the field, then for its value; set it when both are known."""
    full = entity_form(uow, entity, new=False)
    offered = [i for i in full.inputs if i.kind != "file" and i.name != entity.title]
    one = next((i for i in offered if i.name == name), None)
    context: dict[str, Any] = {"entity": entity, "ids": ids, "offered": offered, "field": one}
    if one is None:
        return await page(request, uow, "core/bulk_edit.html", **context, form=None)
    form = Form([one], locale=uow.locale, zone=uow.zone)
    mode = str(posted.get("mode") or ("add" if one.kind in LISTS else "replace"))
    context |= {"several": one.kind in LISTS, "mode": mode}
    if posted.get("sure") != "1":
        await fill_options(uow, form)
        return await page(request, uow, "core/bulk_edit.html", **context, form=form)
    values = form.read(posted)
    values |= await resolve_typed(uow, form)
    if mode not in MODES or (mode != "replace" and one.kind not in LISTS):
        raise Invalid(_("Unknown value {value}.", value=mode))
    if not form.ok:
        await fill_options(uow, form)
        raise FormInvalid(Page(request, uow, "core/bulk_edit.html", **context), form)
    done, failed = await set_on_all(uow, entity, ids, values, mode)
    if failed:
        titles = await query.labels(uow, {Ref(entity.name, key) for key, _reason in failed})
        more: dict[str, Any] = {"done": done, "failed": failed, "titles": {r.id: text for r, text in titles.items()}}
        return await page(request, uow, "core/bulk_result.html", entity=entity, **more)
    said = _("{count} records changed.", count=done)
    return await redirect(request, uow, f"/{entity.path}", said, undo=uow.has_changes)


def _ids(values: list[Any]) -> list[UUID]:
    try:
        found = list(dict.fromkeys(UUID(str(v)) for v in values))
    except ValueError as error:
        raise Invalid(_("This is not the id of a record.")) from error
    if len(found) > MOST:
        raise Invalid(_("At most {count} records at once.", count=MOST))
    return found
