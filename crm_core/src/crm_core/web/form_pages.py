"""Making and changing a record of any entity in a form; what two people changed at once is shown side by side."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity import access, query, records
from crm_core.entity.clean import BadValue, clean
from crm_core.errors import Invalid, MayBeThere
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity, Ref
from crm_core.plugin.registry import Registry
from crm_core.uow import RecordChanged, UnitOfWork
from crm_core.web.forms import Form
from crm_core.web.list_pages import options_of
from crm_core.web.page import FormInvalid, Page, page, redirect, web_of
from crm_core.web.uploads import BODY, hang_files, has_files, name_files, read_files
from crm_core.web.views import display_for, entity_form, fill_options, plain, resolve_typed

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


def form_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the forms for a new record and for an existing one."""
    base, opt = f"/{entity.path}", options_of(registry, entity)
    key = f"{base}/{{record_id:uuid}}/edit"
    made: dict[str, Any] = {"status_code": 200, "include_in_schema": False}
    if has_files(registry, entity):
        made["request_max_body_size"] = BODY

    @get(f"{base}/new", opt=opt, include_in_schema=False)
    async def new(request: AnyRequest, uow: Uow) -> Response[Any]:
        records.demand(uow, entity, "create")
        form = entity_form(uow, entity, new=True)
        form.show(await _started(uow, entity, _given(request, form)))
        await fill_options(uow, form)
        return await page(request, uow, "core/form.html", **_context(entity, form))

    @post(f"{base}/new", opt=opt | {"verb": "create"}, **made)
    async def create(request: AnyRequest, uow: Uow) -> Response[Any]:
        form = entity_form(uow, entity, new=True)
        posted = await request.form()
        values = form.read(posted)
        values |= await resolve_typed(uow, form)
        await read_files(uow, form, posted)
        values = {k: v for k, v in values.items() if v not in (None, "", [])}
        uow.duplicates, alike = "" if posted.get("duplicates") == "create" else "refuse", []
        try:
            if form.ok:
                async with uow.savepoint():
                    values |= await name_files(uow, form, None)
                    record = await records.create(uow, entity, values)
                    await hang_files(uow, form, entity, record.id, values)
                return await redirect(request, uow, f"{base}/{record.id}", _("{noun} created.", noun=entity.label))
        except Invalid as problem:
            form.add(problem)
        except MayBeThere as hint:
            alike = hint.extra["duplicates"]
        await fill_options(uow, form)
        again = Page(request, uow, "core/form.html", **_context(entity, form), duplicates=alike)
        raise FormInvalid(again, form, 409 if alike else 422)

    @get(key, opt=opt, include_in_schema=False)
    async def edit(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        record = await access.get(uow, entity, record_id, "edit")
        row = plain((await query.values_of(uow, entity, [record]))[0])
        form = entity_form(uow, entity, new=False).show({**row, "version": record.version})
        await fill_options(uow, form, of=record)
        return await page(request, uow, "core/form.html", **_context(entity, form, row, record_id))

    @post(key, opt=opt | {"verb": "edit"}, **made)
    async def update(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        return await change(request, uow, entity, record_id)

    return [new, create, edit, update]


async def change(request: AnyRequest, uow: UnitOfWork, entity: Entity, record_id: UUID) -> Response[Any]:
    """Take an edited form: save it, or show it again with what is wrong, or what somebody else changed."""
    record = await access.get(uow, entity, record_id, "edit")
    row = plain((await query.values_of(uow, entity, [record]))[0])
    form = entity_form(uow, entity, new=False)
    posted = await request.form()
    values = form.read(posted)
    values |= await resolve_typed(uow, form)
    await read_files(uow, form, posted)
    version = int(form.version) if form.version.isdigit() else None
    try:
        if form.ok:
            async with uow.savepoint():
                values |= await name_files(uow, form, Ref(entity.name, record_id))
                await records.update(uow, entity, record, values, version=version)
            return await redirect(request, uow, f"/{entity.path}/{record_id}", _("Saved."), undo=uow.has_changes)
    except Invalid as problem:
        form.add(problem)
    except RecordChanged as problem:
        row = plain((await query.values_of(uow, entity, [record]))[0])  # as it is now, not as it was asked for
        raise await _conflict(request, uow, entity, record_id, row, form, posted, values, problem) from problem
    await fill_options(uow, form, of=record)
    raise FormInvalid(Page(request, uow, "core/form.html", **_context(entity, form, row, record_id)), form)


async def _conflict(
    request: AnyRequest, uow: UnitOfWork, entity: Entity, record_id: UUID, row: dict[str, Any], form: Form,
    posted: Any, values: dict[str, Any], problem: RecordChanged,
) -> FormInvalid:  # fmt: skip
    """Return the page that shows both values, as the error that undoes the request."""
    names = set(problem.extra.get("conflicts") or values)
    fields = [i.field for i in form.inputs if i.field.name in names]
    display = await display_for(uow, web_of(request), fields, [row, values])
    clashes = [(x.label, display.text(x, values), display.text(x, row)) for x in fields]
    clashes += [(r.child.label, _lines(values, r.child.name), _lines(row, r.child.name)) for r in form.children
                if r.child.name in names]  # fmt: skip
    notes = [(f"{i.name}__kept", i.staged.note) for i in form.inputs if i.staged is not None]
    skip = ("version", "_csrf", *(name for name, _note in notes))
    kept = [(k, v) for k, v in posted.multi_items() if k not in skip and isinstance(v, str)] + notes
    version = problem.extra.get("version") or row.get("version")
    view = Page(
        request, uow, "core/conflict.html", entity=entity, id=record_id, clashes=clashes, kept=kept, now_version=version
    )
    return FormInvalid(view, form, 409)


def _lines(row: dict[str, Any], name: str) -> str:
    lines = [plain(x) for x in row.get(name) or ()]
    return "; ".join(", ".join(str(v) for k, v in x.items() if v not in (None, "") and k != "id") for x in lines)


def _context(
    entity: Entity, form: Form, row: dict[str, Any] | None = None, record_id: UUID | None = None
) -> dict[str, Any]:
    back = f"/{entity.path}" + (f"/{record_id}" if record_id else "")
    return {
        "entity": entity,
        "form": form,
        "id": record_id,
        "back": back,
        "title": (row or {}).get(entity.title) or "–",
    }


def _given(request: AnyRequest, form: Form) -> dict[str, Any]:
    """Return the values an address such as /deals/new?company_id=… proposes; what a field does not take is dropped."""
    found = {}
    for name, text in request.query_params.items():
        one = form.input(name)
        if one is None:
            continue
        try:
            found[name] = clean(one.field, text)
        except BadValue:
            continue
    return found


async def _started(uow: UnitOfWork, entity: Entity, given: dict[str, Any]) -> dict[str, Any]:
    """Return what a new record starts with: declared defaults, the entity's own, and what the address says."""
    values: dict[str, Any] = {}
    for one in uow.registry.fields(entity):
        if one.default is not None:
            values[one.name] = one.default() if callable(one.default) else one.default
    if entity.field("owner_id") is not None and uow.actor.user_id:
        values["owner_id"] = uow.actor.user_id
    values |= given
    return {**values, **await entity.defaults(uow, dict(values))} if entity.defaults else values
