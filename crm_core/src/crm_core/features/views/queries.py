"""Saved views: who sees them, what in them is unknown, and the address they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import Scope
from crm_core.entity import access, filters, query
from crm_core.errors import CrmError, Invalid, NotFound
from crm_core.features.notifications.public import me
from crm_core.features.views.models import SavedView
from crm_core.features.views.schemas import ViewOut, ViewState
from crm_core.plugin import Entity, Ref, Strings
from crm_core.web.list_state import ListSettings
from crm_core.web.views import seen_fields

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
MOST = 500
ALWAYS = ("id", "created_at", "updated_at", "version", "custom")


class ViewUnknown(NotFound):
    """There is no such view, or it is not shared with the actor."""


def visible(uow: UnitOfWork) -> sa.ColumnElement[bool]:
    """Return the condition on views that the actor sees: own ones, the team's, everybody's."""
    terms = [SavedView.owner_id == me(uow), SavedView.share == "everyone"]
    if uow.actor.team_ids:
        terms.append(sa.and_(SavedView.share == "team", SavedView.team_id.in_(sorted(uow.actor.team_ids))))
    return sa.or_(*terms)


def entity_of(uow: UnitOfWork, name: str) -> Entity:
    """Return an entity whose list the actor may open; Invalid for any other name."""
    entity = uow.registry.entities.get(name)
    if entity is None or access.scope_of(uow.registry, uow.actor, entity, "read") is Scope.none:
        text = _("There is no list of this name.")
        raise Invalid(text, fields={"entity": text})
    return entity


async def one(uow: UnitOfWork, view_id: UUID) -> SavedView:
    """Return a view that the actor sees; ViewUnknown otherwise."""
    found = await uow.session.scalar(sa.select(SavedView).where(SavedView.id == view_id, visible(uow)))
    if found is None or not _readable(uow, found):
        raise ViewUnknown(_("There is no such view."))
    return found


def _readable(uow: UnitOfWork, view: SavedView) -> bool:
    entity = uow.registry.entities.get(view.entity)
    # A view of a module that is off stays with its owner, to be looked at and removed.
    if entity is None:
        return view.owner_id == uow.actor.user_id
    return access.scope_of(uow.registry, uow.actor, entity, "read") is not Scope.none


async def listing(uow: UnitOfWork, entity: str = "") -> list[ViewOut]:
    """Return the views the actor sees, by name."""
    wanted = sa.select(SavedView).where(visible(uow))
    if entity:
        wanted = wanted.where(SavedView.entity == entity)
    rows = (await uow.session.scalars(wanted.order_by(SavedView.name, SavedView.id).limit(MOST))).all()
    return await shown(uow, [r for r in rows if _readable(uow, r)])


async def shown(uow: UnitOfWork, rows: Sequence[SavedView]) -> list[ViewOut]:
    """Return views as the API gives them."""
    names = await query.labels(uow, {Ref("core.user", r.owner_id) for r in rows}) if rows else {}
    first = (await uow.settings(ListSettings)).first
    return [
        ViewOut(
            id=r.id, name=r.name, entity=r.entity, share=r.share, team_id=r.team_id, owner_id=r.owner_id,
            owner=names.get(Ref("core.user", r.owner_id), ""), mine=r.owner_id == uow.actor.user_id,
            is_first=first.get(r.entity) == r.id, state=state_of(r), missing=missing(uow, r), href=f"/views/{r.id}",
            updated_at=r.updated_at,
        )
        for r in rows
    ]  # fmt: skip


def state_of(view: SavedView) -> ViewState:
    """Return the stored state."""
    return msgspec.convert(view.state, ViewState, strict=False)


def missing(uow: UnitOfWork, view: SavedView) -> list[str]:
    """Return the names in a view that are unknown today, or barred from the actor; the entity's when that is gone."""
    entity = uow.registry.entities.get(view.entity)
    if entity is None:
        return [view.entity]
    known, state = names_of(uow, entity), state_of(view)
    sortable = {f.name for f in seen_fields(uow, entity) if f.sortable}
    used = [*state.columns, *(n.partition(".")[2].partition(".")[0] for n in state.filters)]
    used += [n.partition(".")[0] for n in _fields(state.filter)]
    unknown = [n for n in [*used, *([state.group] if state.group else [])] if n not in known]
    if state.sort and state.sort.removeprefix("-") not in sortable:
        unknown.append(state.sort.removeprefix("-"))
    if not unknown and state.filter is not None:
        try:
            filters.parse(uow.registry, uow.actor, entity, state.filter)
        except CrmError:  # an operator or a path that went away
            unknown.append("filter")
    return list(dict.fromkeys(unknown))


def names_of(uow: UnitOfWork, entity: Entity) -> set[str]:
    """Return the names of fields and parts the actor may know."""
    found = {n for f in seen_fields(uow, entity) for n in (f.name, f.name.removesuffix("_id"), *f.columns)}
    return found | {c.name for c in entity.children} | set(ALWAYS)


def _fields(node: Any) -> Iterator[str]:
    """Yield the field names in a filter."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "field" and isinstance(value, str):
                yield value
            else:
                yield from _fields(value)
    elif isinstance(node, list):
        for part in node:
            yield from _fields(part)


def pairs(view_id: UUID, state: ViewState, without: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield the parameters of the list's address; `without`: names that are left out with all that uses them."""
    yield "view", str(view_id)
    if state.q:
        yield "q", state.q
    for name, value in (("sort", state.sort), ("group", state.group)):
        if value and value.removeprefix("-") not in without:
            yield name, value
    for name, values in state.filters.items():
        if name.partition(".")[2].partition(".")[0] not in without:
            yield from ((name, v) for v in values)
    unknown = "filter" in without or any(n.partition(".")[0] in without for n in _fields(state.filter))
    if state.filter is not None and not unknown:
        yield "filter", msgspec.json.encode(state.filter).decode()
    yield from (("columns", c) for c in state.columns if c not in without)


def address(uow: UnitOfWork, view: SavedView, without: Sequence[str] = ()) -> str:
    """Return the address of the list as the view has it."""
    path = uow.registry.entities[view.entity].path
    return f"/{path}?{urlencode(list(pairs(view.id, state_of(view), without)))}"


def state_at(address_query: str) -> ViewState:
    """Return the state of a list from the query of its address; what is no part of a view is left out."""
    found: dict[str, Any] = {"columns": [], "filters": {}}
    for name, value in parse_qsl(address_query[:20_000]):
        if name in ("q", "sort", "group"):
            found[name] = value
        elif name == "columns":
            found["columns"].append(value)
        elif name.startswith("f."):
            found["filters"].setdefault(name, []).append(value)
        elif name == "filter":
            try:
                found["filter"] = msgspec.json.decode(value)
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
                raise Invalid(_("The filter in this address cannot be read.")) from error
    try:
        return msgspec.convert(found, ViewState)
    except msgspec.ValidationError as error:
        raise Invalid(_("This list cannot be saved: its address is too long.")) from error
