"""The list of any entity: filters as chips, quick search, sort, load more, columns, bulk actions."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from crm_core.entity import access, query, records
from crm_core.entity import fields as f
from crm_core.entity.actions import perform
from crm_core.errors import CrmError, Invalid
from crm_core.i18n import Strings, show
from crm_core.plugin.declare import Action, Entity, Ref
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web import htmx
from crm_core.web.action_pages import kept, plan_of
from crm_core.web.display import Display
from crm_core.web.forms import Form
from crm_core.web.inputs import Input
from crm_core.web.list_state import EMPTY, ME, PERIODS, TIMES, Chip, ListSettings, ListState, list_state
from crm_core.web.page import page, redirect, web_of
from crm_core.web.struct_forms import params_or_again, struct_form
from crm_core.web.views import display_for, fill_options, first_of, may, parent_of, plain

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
MOST = 500  # records in one bulk action
PLANNED = 10  # records whose plan is shown before
BULK = ("bulk_edit",)  # what each row must allow beside the action's own right


def options_of(registry: Registry, entity: Entity, **more: Any) -> dict[str, Any]:
    """Return the route options of an entity's pages."""
    right = "" if entity.public_read else f"{parent_of(registry, entity)}.read"
    who = {"permission": right} if right else {"signed_in": True}
    return {"kind": "page", "entity": entity.name, **who, **more}


def list_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the list page, the options of its links, and bulk actions."""
    base, opt = f"/{entity.path}", options_of(registry, entity)

    @get(base, opt=opt, name=f"page:list:{entity.path}", include_in_schema=False)
    async def show_list(request: AnyRequest, uow: Uow) -> Response[Any]:
        return await listing(request, uow, entity)

    @get(f"{base}/pick", opt=opt, include_in_schema=False)
    async def pick(request: AnyRequest, uow: Uow) -> dict[str, Any]:
        text = request.query_params.get("q", "").strip()
        if not text:
            return {"items": [{"value": v, "text": t} for v, t in (await first_of(uow, entity))[0]]}
        wanted = query.ListParams(q=text, fields=(entity.title,), limit=20)
        found = map(plain, (await query.list_records(uow, entity, wanted)).items)
        return {"items": [{"value": str(r["id"]), "text": str(r.get(entity.title) or "–")} for r in found]}

    @post(f"{base}/bulk", opt=opt | {"verb": "bulk_edit"}, status_code=200, include_in_schema=False)
    async def bulk(request: AnyRequest, uow: Uow) -> Response[Any]:
        return await bulk_action(request, uow, entity)

    return [show_list, pick, bulk]


async def listing(request: AnyRequest, uow: UnitOfWork, entity: Entity) -> Response[Any]:
    """Answer with the list page, or only with more rows when its button asked."""
    if not request.query_params and (first := (await uow.settings(ListSettings)).first.get(entity.name)):
        return await redirect(request, uow, f"/views/{first}?first={entity.path}")
    state = list_state(request, uow, entity)
    found = await query.list_records(uow, entity, state.params(uow))
    rows = [plain(i) for i in found.items]
    display = await display_for(uow, web_of(request), state.columns, rows)
    context: dict[str, Any] = {
        "entity": entity, "state": state, "rows": rows, "display": display, "columns": state.columns,
        "more": state.link(cursor=found.next_cursor or "") if found.has_more else "",
        "numeric": ("integer", "decimal", "percent", "money"),
    }  # fmt: skip
    if htmx.is_partial(request) and htmx.target(request) == "rows":
        return await page(request, uow, "core/_list_more.html", **context)
    filters = await filter_form(uow, state)
    condition = state.condition(uow)
    wanted = {"q": state.q, "sort": state.sort, "filter": msgspec.json.encode(condition).decode() if condition else ""}
    context["export"] = urlencode({k: v for k, v in wanted.items() if v})
    context |= {
        "filters": filters, "chips": await chips(uow, state, filters, request), "bulk": bulk_actions(uow, entity),
        "may_create": may(uow, entity, "create"), "may_export": may(uow, entity, "export"),
        "may_import": may(uow, entity, "import"), "may_delete": may(uow, entity, "delete"),
        "may_bulk": may(uow, entity, "bulk_edit"), "count": len(rows),
    }  # fmt: skip
    return await page(request, uow, "core/list.html", **context)


def bulk_actions(uow: UnitOfWork, entity: Entity) -> list[Action]:
    """Return the bulk actions the actor may use."""
    actions = uow.registry.actions.get(entity.name, {}).values()
    return [a for a in actions if a.bulk and uow.actor.may(a.permission) and may(uow, entity, "bulk_edit")]


async def filter_form(uow: UnitOfWork, state: ListState) -> Form:
    """Return the filter controls: a simple one for each field that is worth it."""
    wanted = [x for x in state.filterable() if _offered(x, state)]
    form = Form([Input(x, f"f.{x.name}") for x in wanted], locale=uow.locale, zone=uow.zone)
    for one in form.inputs:
        several = one.kind in ("multi_choice", "links", "tags")
        one.raw = state.filters.get(one.name, []) if several else state.value(one.name)
    own = next((i for i in form.inputs if isinstance(i.field, f.Link) and i.raw in (ME, EMPTY)), None)
    held, raw = own, own.raw if own else ""
    if own:
        own.raw = ""
    await fill_options(uow, form)
    if held:
        held.raw = raw
    for one in form.inputs:
        if isinstance(one.field, f.Link) and one.field.target == "core.user" and uow.actor.user_id:
            one.options = [(ME, _("Me")), *one.options]
        if isinstance(one.field, f.Link | f.Choice):
            one.options = [*one.options, (EMPTY, _("(empty)"))]
    return form


def _offered(one: f.Field, state: ListState) -> bool:
    shown = {c.name for c in state.columns} | set(state.entity.list_columns)
    return one.name in shown or one.kind in ("choice", "stage", "boolean", "tags") or f"f.{one.name}" in state.filters


async def chips(uow: UnitOfWork, state: ListState, form: Form, request: AnyRequest) -> list[Chip]:
    """Return the active filters in words."""
    found = []
    for one in form.inputs:
        name = one.name
        texts = [_said(uow, one, v) for v in state.filters.get(name, [])]
        ends = (("≥", state.value(f"{name}.from")), ("≤", state.value(f"{name}.to")))
        texts += [f"{sign} {_end(uow, one, value)}" for sign, value in ends if value]
        if texts:
            found.append(Chip(one.field.label, ", ".join(texts), state.link((name, f"{name}.from", f"{name}.to"))))
    if state.advanced:
        found.append(Chip(_("Filter"), state.advanced[:60], state.link(("filter",))))
    return found


def _end(uow: UnitOfWork, one: Input, value: str) -> str:
    if one.kind not in TIMES:
        return value
    try:
        return Display(uow.locale, uow.zone).day(value)
    except ValueError:
        return value


def _said(uow: UnitOfWork, one: Input, value: str) -> str:
    if value == EMPTY:
        return _("(empty)").to(uow.locale)
    if one.kind in TIMES and value in PERIODS:
        return PERIODS[value][0].to(uow.locale)
    if one.kind == "boolean":
        return (_("Yes") if value == "1" else _("No")).to(uow.locale)
    return next((show(label, uow.locale) for v, label in one.options if v == value), value)


async def bulk_action(request: AnyRequest, uow: UnitOfWork, entity: Entity) -> Response[Any]:
    """Do what the bar below the list says with the ticked records; ask first for deletion and for parameters."""
    records.demand(uow, entity, "bulk_edit")
    posted = await request.form()
    name, ids = str(posted.get("action") or ""), _ids(posted.getall("id", []))
    if not ids:
        return await redirect(request, uow, f"/{entity.path}", _("Nothing was selected."))
    if len(ids) > MOST:
        raise Invalid(_("At most {count} records at once.", count=MOST))
    action = next((a for a in bulk_actions(uow, entity) if a.name == name), None)
    if action is None and name not in ("delete", "restore"):
        raise Invalid(_("Unknown bulk action {name}.", name=name))
    form = await struct_form(uow, action.params) if action is not None and action.params else None
    context: dict[str, Any] = {"entity": entity, "action": action, "ids": ids, "name": name, "plans": [], "typed": ()}
    ask = name == "delete" or (action is not None and bool(action.confirm or action.params or action.plan))
    if ask and posted.get("sure") != "1":
        plans = await _plans(uow, entity, action, ids, None) if form is None else []
        return await page(request, uow, "core/bulk.html", **context | {"form": form, "plans": plans})
    params = None
    if form is not None and action is not None and action.params is not None:
        params = params_or_again(request, uow, form, posted, action.params, "core/bulk.html", **context)
        if action.plan is not None and posted.get("planned") != "1":
            typed = [(k, v) for k, v in kept(posted) if k not in ("id", "action", "planned")]
            plans = await _plans(uow, entity, action, ids, params)
            return await page(request, uow, "core/bulk.html", **context | {"plans": plans, "typed": typed})
    done, failed = await _each(uow, entity, name, action, ids, params)
    if failed:
        titles = {r.id: t for r, t in (await query.labels(uow, {Ref(entity.name, k) for k, _why in failed})).items()}
        return await page(request, uow, "core/bulk_result.html", entity=entity, done=done, failed=failed, titles=titles)
    return await redirect(request, uow, f"/{entity.path}", _("{count} records changed.", count=done), undo=True)


async def _plans(
    uow: UnitOfWork, entity: Entity, action: Action | None, ids: list[UUID], params: Any
) -> list[tuple[str, list[Any]]]:
    """Return title and plan of the first few records, in the order they were ticked."""
    found = []
    for key in ids[:PLANNED] if action is not None and action.plan is not None else []:
        try:
            record = await access.get(uow, entity, key)
            lines = await plan_of(uow, action, record, params) if action is not None else []
        except CrmError as problem:
            found.append(("–", [problem.text]))
            continue
        found.append((str(getattr(record, entity.title, None) or "–"), lines))
    return found


async def _each(
    uow: UnitOfWork, entity: Entity, name: str, action: Action | None, ids: list[UUID], params: Any
) -> tuple[int, list[tuple[UUID, str]]]:
    failed = []
    for key in ids:
        try:
            async with uow.savepoint():
                if action is not None:
                    await perform(uow, entity, action, key, params, also=BULK)
                elif name == "restore":
                    found = await access.get(uow, entity, key, "delete", also=BULK, deleted=True)
                    await records.restore(uow, entity, found)
                else:
                    await records.delete(uow, entity, await access.get(uow, entity, key, "delete", also=BULK))
        except CrmError as error:
            failed.append((key, show(error.text, uow.locale)))
    return len(ids) - len(failed), failed


def _ids(values: list[Any]) -> list[UUID]:
    try:
        return list(dict.fromkeys(UUID(str(v)) for v in values))
    except ValueError as error:
        raise Invalid(_("This is not the id of a record.")) from error
