"""The page of one record: key facts, fields, parts, related lists, actions, what happened; trash and restore."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity import access, query, records
from crm_core.entity import fields as f
from crm_core.entity.merged import successor
from crm_core.errors import NotFound
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web import htmx
from crm_core.web.action_pages import action_page, action_verbs, offered, run_action
from crm_core.web.list_pages import options_of
from crm_core.web.page import page, redirect, web_of
from crm_core.web.timeline import entries, gather, timeline
from crm_core.web.views import display_for, may, plain, refs_in, seen_fields

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
RELATED = 5
KEY_KINDS = ("stage", "money", "choice", "date", "link", "percent")
SIDE = ("owner", "times")


@dataclass(slots=True)
class Related:
    """One list of records that link to this one."""

    entity: Entity
    label: Text
    link: f.Field
    columns: list[f.Field]
    rows: list[dict[str, Any]]
    more: bool
    may_create: bool


def record_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the record page, its timeline, its actions, and the way to the trash and back."""
    key, opt = f"/{entity.path}/{{record_id:uuid}}", options_of(registry, entity)

    @get(key, opt=opt, name=f"page:record:{entity.path}", include_in_schema=False)
    async def show_record(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        return await record_page(request, uow, entity, record_id)

    @get(f"{key}/timeline", opt=opt, include_in_schema=False)
    async def more_timeline(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        if not htmx.is_partial(request):
            return await history_page(request, uow, entity, record_id)
        record = await access.get(uow, entity, record_id)
        before = request.query_params.get("before", "")
        shown, more = await timeline(uow, web_of(request), entity, record.id, before)
        context: dict[str, Any] = {
            "entity": entity,
            "id": record_id,
            "entries": shown,
            "more": more,
            "title": _title(entity, record),
        }
        return await page(request, uow, "core/_timeline.html", **context)

    @get(f"{key}/history", opt=opt, include_in_schema=False)
    async def show_history(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        return await history_page(request, uow, entity, record_id)

    @get(f"{key}/delete", opt=opt, include_in_schema=False)
    async def ask_delete(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        record = await access.get(uow, entity, record_id, "delete")
        return await page(request, uow, "core/delete.html", entity=entity, id=record_id, title=_title(entity, record))

    @post(f"{key}/delete", opt=opt | {"verb": "delete"}, status_code=200, include_in_schema=False)
    async def delete(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        record = await access.get(uow, entity, record_id, "delete")
        await records.delete(uow, entity, record)
        return await redirect(
            request, uow, f"/{entity.path}", _("{title} is in the trash.", title=_title(entity, record)), undo=True
        )

    @post(f"{key}/restore", opt=opt | {"verb": "delete"}, status_code=200, include_in_schema=False)
    async def restore(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        record = await access.get(uow, entity, record_id, "delete", deleted=True)
        await records.restore(uow, entity, record)
        return await redirect(request, uow, f"/{entity.path}/{record_id}", _("Restored."), undo=True)

    @get(f"{key}/do/{{name:str}}", opt=opt, include_in_schema=False)
    async def ask_action(
        request: AnyRequest, uow: Uow, record_id: FromPath[UUID], name: FromPath[str]
    ) -> Response[Any]:
        return await action_page(request, uow, entity, record_id, name)

    @post(f"{key}/do/{{name:str}}", opt=opt | {"verb": "edit"}, status_code=200, include_in_schema=False)
    async def do_action(request: AnyRequest, uow: Uow, record_id: FromPath[UUID], name: FromPath[str]) -> Response[Any]:
        return await run_action(request, uow, entity, record_id, name)

    return [show_record, more_timeline, show_history, ask_delete, delete, restore, ask_action, do_action]


def _title(entity: Entity, record: Any) -> str:
    return str(getattr(record, entity.title, None) or "–")


async def record_page(request: AnyRequest, uow: UnitOfWork, entity: Entity, record_id: UUID) -> Response[Any]:
    """Answer with a record; one in the trash says so to those who may restore it."""
    try:
        record, trashed = await live_or_trashed(uow, entity, record_id)
    except NotFound:
        target = await successor(uow, entity, record_id)
        if target is None:
            raise
        await access.get(uow, entity, target)
        return await redirect(request, uow, f"/{entity.path}/{target}", _("It was merged into this record."))
    row = plain((await query.values_of(uow, entity, [record]))[0])
    fields, web = seen_fields(uow, entity), web_of(request)
    lists = await related(uow, entity, record_id)
    children = [(c, [plain(x) for x in row.get(c.name) or ()]) for c in entity.children if c.in_form]
    linked = {r for one in lists for r in refs_in(one.columns, one.rows)}
    linked |= {r for child, lines in children for r in refs_in(child.fields, lines)}
    events = await gather(uow, entity, record_id)
    stages = events.stages or any(isinstance(c, f.Stage) for one in lists for c in one.columns)
    display = await display_for(uow, web, fields, [row], linked | events.needed, stages_too=stages)
    verbs = await verbs_on(uow, entity, record_id, {"edit", "delete", *action_verbs(uow, entity)})
    return await page(
        request, uow, "core/record.html", entity=entity, row=row, id=record_id, display=display, trashed=trashed,
        title=row.get(entity.title) or "–", key_fields=_key_fields(entity, fields),
        groups=_groups(entity, _worth(fields, row)), children=[x for x in children if x[1]], related=lists,
        actions=[] if trashed else await offered(uow, entity, record, verbs),
        entries=entries(uow, events, display), more=events.more, may_edit="edit" in verbs and not trashed,
        may_delete="delete" in verbs, tags=row.get("tags") or [], version=record.version,
        filled=[k for k, v in row.items() if v not in (None, "", [])],
    )  # fmt: skip


async def live_or_trashed(uow: UnitOfWork, entity: Entity, record_id: UUID) -> tuple[Any, bool]:
    """Return a record and whether it is in the trash, where those who may restore it see it too."""
    try:
        return await access.get(uow, entity, record_id), False
    except NotFound:
        return await access.get(uow, entity, record_id, "delete", deleted=True), True


async def history_page(request: AnyRequest, uow: UnitOfWork, entity: Entity, record_id: UUID) -> Response[Any]:
    """Answer with who changed what, with values before and after, and a way to undo each change."""
    record, trashed = await live_or_trashed(uow, entity, record_id)
    before = request.query_params.get("before", "")
    shown, more = await timeline(uow, web_of(request), entity, record.id, before, whole=True)
    verbs = await verbs_on(uow, entity, record_id, ("edit", "delete"))
    template = "core/_history.html" if htmx.is_partial(request) else "core/history.html"
    return await page(
        request, uow, template, entity=entity, id=record_id, entries=shown, more=more, trashed=trashed,
        title=_title(entity, record), may_undo=bool(verbs),
    )  # fmt: skip


async def verbs_on(uow: UnitOfWork, entity: Entity, record_id: UUID, verbs: Iterable[str]) -> frozenset[str]:
    """Return which of these verbs the actor has on this record, in the list or in the trash: one query."""
    asked = sorted(v for v in verbs if may(uow, entity, v))
    if not asked:
        return frozenset()
    table = access.table_of(entity)
    conditions = (access.rows(uow.registry, uow.actor, entity, v, deleted=None) for v in asked)
    query = sa.select(*(sa.func.coalesce(c, sa.false()) for c in conditions)).where(table.c.id == record_id)
    found = (await uow.session.execute(query)).one_or_none()
    return frozenset(v for v, yes in zip(asked, found or (), strict=False) if yes)


def _key_fields(entity: Entity, fields: list[f.Field]) -> list[f.Field]:
    by_name = {x.name: x for x in fields}
    wanted = [by_name[n] for n in entity.list_columns if n in by_name and n != entity.title]
    return [x for x in wanted if x.kind in (*KEY_KINDS, "email", "phone")][:5]


def _worth(fields: list[f.Field], row: dict[str, Any]) -> list[f.Field]:
    """Leave out the rate and its day of amounts that needed none: those in base currency, and empty ones."""
    bare = [x.name for x in fields if x.kind == "money" and float(row.get(f"{x.name}_rate") or 1) == 1]
    return [x for x in fields if x.name not in {n + end for n in bare for end in ("_rate", "_rate_on")}]


def _groups(entity: Entity, fields: list[f.Field]) -> list[tuple[str, list[f.Field]]]:
    """Return fields by heading: the main one, those with a name, then owner and times."""
    found: dict[str, list[f.Field]] = {"": []}
    for one in fields:
        if one.kind == "tags" or one.name == entity.title:
            continue
        group = "times" if one.readonly and one.kind == "datetime" else one.group
        found.setdefault(group, []).append(one)
    order = ["", *(g for g in found if g and g not in SIDE), *(g for g in SIDE if g in found)]
    return [(g, found[g]) for g in order if found[g]]


async def related(uow: UnitOfWork, entity: Entity, record_id: UUID) -> list[Related]:
    """Return the newest few of every list of records that link here: a query each, their links are named together."""
    found = []
    for other, link in uow.registry.reverses.get(entity.name, ()):
        if not may(uow, other, "read") or not uow.actor.may_see(other.name, link.name):
            continue
        by_name = {x.name: x for x in seen_fields(uow, other)}
        columns = [by_name[n] for n in other.list_columns if n in by_name and n != link.name][:4]
        names = tuple(dict.fromkeys([other.title, *(c.name for c in columns)]))
        condition = {"field": link.name, "op": "is", "value": str(record_id)}
        listed = await query.list_records(uow, other, query.ListParams(filter=condition, fields=names, limit=RELATED))
        rows = [plain(i) for i in listed.items]
        label = link.reverse_label or other.plural
        found.append(Related(other, label, link, columns, rows, listed.has_more, may(uow, other, "create")))
    return found
