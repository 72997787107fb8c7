"""Merging by page: records side by side, a value chosen per field.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity import access, query
from crm_core.entity import fields as f
from crm_core.errors import Invalid
from crm_core.features.duplicates.public import of_record
from crm_core.features.merge.actions import MOST, merge, pickable, picked
from crm_core.features.merge.queries import counts
from crm_core.features.merge.schemas import MergeIn
from crm_core.features.merge.values import told
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.forms import Form
from crm_core.web.inputs import Input
from crm_core.web.page import page, redirect, web_of
from crm_core.web.views import display_for, fill_options, plain, resolve_typed

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
ASIDE = 5  # records side by side; more are merged by API


def page_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the page that merges records of an entity; none where it is not declared to be mergeable."""
    if not entity.mergeable:
        return []
    key = f"/{entity.path}/{{record_id:uuid}}/merge"
    opt = {"kind": "page", "entity": entity.name, "permission": f"{entity.name}.read"}

    @get(key, opt=opt, include_in_schema=False)
    async def ask(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        others = _ids(request.query_params.getall("with", []), record_id)
        if not others:
            return await _choose(request, uow, entity, record_id)
        return await _side_by_side(request, uow, entity, record_id, others)

    @post(key, opt=opt | {"verb": "edit"}, status_code=200, include_in_schema=False)
    async def do(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        posted = await request.form()
        winner = _ids([posted.get("winner") or str(record_id)])[0]
        everybody = _ids([str(record_id), *posted.getall("with", [])])
        values = {
            k.removeprefix("pick."): _ids([v])[0] for k, v in posted.multi_items()
            if k.startswith("pick.") and isinstance(v, str)
        }  # fmt: skip
        versions = {key: int(v) for key in everybody if (v := str(posted.get(f"version.{key}") or "")).isdigit()}
        if winner not in everybody:
            raise Invalid(_("This is not the id of a record."))
        wanted = MergeIn([x for x in everybody if x != winner], values, versions)
        await merge(uow, entity, winner, wanted)
        return await redirect(request, uow, f"/{entity.path}/{winner}", _("Merged."), undo=True)

    return [ask, do]


def _ids(values: Iterable[Any], *but: UUID) -> list[UUID]:
    try:
        found = [UUID(str(v)) for v in values if v]
    except ValueError as error:
        raise Invalid(_("This is not the id of a record.")) from error
    if len(found) > MOST:
        raise Invalid(_("At most {count} records at once.", count=MOST))
    return [x for x in dict.fromkeys(found) if x not in but]


async def _choose(request: AnyRequest, uow: UnitOfWork, entity: Entity, record_id: UUID) -> Response[Any]:
    """Ask which record to merge with: likely ones first, or any."""
    record = await access.get(uow, entity, record_id, "edit")
    form = Form([Input(f.Link("with", entity.label, target=entity.name), "with")], locale=uow.locale, zone=uow.zone)
    await resolve_typed(uow, form)
    return await page(
        request, uow, "core/merge_choose.html", entity=entity, id=record_id, title=_title(entity, record),
        alike=await of_record(uow, entity, record_id), form=await fill_options(uow, form),
    )  # fmt: skip


async def _side_by_side(
    request: AnyRequest, uow: UnitOfWork, entity: Entity, record_id: UUID, others: list[UUID]
) -> Response[Any]:
    records = [await access.get(uow, entity, record_id, "edit")]
    records += [await access.get(uow, entity, key, "delete") for key in others[: ASIDE - 1]]
    values = await query.values_of(uow, entity, records)
    rows = [plain(r) for r in values]
    fields = [x for x in pickable(uow, entity) if x.kind not in ("tags", "links")]
    shown = [x for x in fields if len({repr(told(r, x.name)) for r in rows}) > 1]
    keep = picked(uow, entity, records, values, {})
    chosen = {
        x.name: next((r.id for r, row in zip(records, rows, strict=True) if told(row, x.name) not in (None, "", [])),
                     record_id)
        if x.name in keep else record_id
        for x in shown
    }  # fmt: skip
    return await page(
        request, uow, "core/merge.html", entity=entity, id=record_id, title=_title(entity, records[0]),
        records=records, titles=[_title(entity, r) for r in records], rows=rows, fields=shown, chosen=chosen,
        display=await display_for(uow, web_of(request), fields, rows), same=len(fields) - len(shown),
        moves=await counts(uow, entity, [r.id for r in records]),
    )  # fmt: skip


def _title(entity: Entity, record: Any) -> str:
    return str(getattr(record, entity.title, None) or "–")
