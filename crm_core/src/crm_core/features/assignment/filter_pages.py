"""Choosing a pool's filters with the controls of a list, in place of typing them."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity import access, records
from crm_core.errors import Invalid, NotFound
from crm_core.features.assignment.entities import POOL
from crm_core.features.assignment.models import Pool
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page, redirect
from crm_core.web.list_pages import chips, filter_form
from crm_core.web.list_state import ListState, list_state

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
LABELS = {"where": _("Only records with"), "counted_where": _("Load: only those with")}


class PoolFilterPages(PageController):
    """Rights are those on the pool."""

    path = "/pools/{record_id:uuid}/filter/{part:str}"
    permission = "core.pool.edit"

    @get()
    async def show(
        self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID], part: FromPath[str]
    ) -> Response[Any]:
        """Show the controls, and what the filter says that they make."""
        pool, entity = await _of(uow, record_id, part)
        state = _state(request, uow, entity, record_id, part)
        form = await filter_form(uow, state)
        condition = state.condition(uow)
        return await page(
            request, uow, "core/pool_filter.html", pool=pool, part=part, label=LABELS[part], target=entity, state=state,
            filters=form, chips=await chips(uow, state, form, request), now=getattr(pool, part),
            made=msgspec.json.encode(condition).decode() if condition else "",
            matching=state.link().replace(state.path, f"/{entity.path}", 1),
        )  # fmt: skip

    @post(status_code=200)
    async def take(
        self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID], part: FromPath[str]
    ) -> Response[Any]:
        """Store the filter, or none."""
        pool, _entity = await _of(uow, record_id, part)
        made = str((await request.form()).get("made") or "")
        await records.update(uow, POOL, pool, {part: made})
        return await redirect(request, uow, f"/pools/{record_id}", _("Saved."), undo=uow.has_changes)


async def _of(uow: UnitOfWork, record_id: UUID, part: str) -> tuple[Pool, Entity]:
    """Return the pool and the kind of records that this filter of it is about."""
    if part not in LABELS:
        raise NotFound(_("There is no such page."))
    pool: Pool = await access.get(uow, POOL, record_id, "edit")
    name = (pool.counted_entity or pool.entity) if part == "counted_where" else pool.entity
    entity = uow.registry.entities.get(name)
    if entity is None:
        raise Invalid(_("There are no such records with an owner."))
    return pool, entity


def _state(request: AnyRequest, uow: UnitOfWork, entity: Entity, record_id: UUID, part: str) -> ListState:
    state = list_state(request, uow, entity)
    state.path, state.q, state.trash, state.group = f"/pools/{record_id}/filter/{part}", "", False, ""
    return state
