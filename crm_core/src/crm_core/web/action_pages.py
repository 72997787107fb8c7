"""Actions on one record: which are offered, what one would do, its parameters, its confirmation, running it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from litestar import Request, Response
from litestar.datastructures import FormMultiDict

from crm_core.entity import filters, query, records
from crm_core.entity.actions import allowed, perform
from crm_core.errors import Invalid, NotFound
from crm_core.i18n import Strings
from crm_core.plugin.declare import Action, Entity
from crm_core.uow import UnitOfWork
from crm_core.web.forms import Form
from crm_core.web.page import FormInvalid, Page, page, redirect
from crm_core.web.struct_forms import params_or_again, struct_form
from crm_core.web.views import entity_form, fill_options, resolve_typed

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
FORM = ("_csrf", "sure")


async def offered(uow: UnitOfWork, entity: Entity, record: Any, verbs: frozenset[str]) -> list[Action]:
    """Return the actions possible on this record now; `verbs` are those the actor has on it."""
    found = []
    for action in uow.registry.actions.get(entity.name, {}).values():
        name, _dot, verb = action.permission.rpartition(".")
        if not uow.actor.may(action.permission) or (name == entity.name and verb not in verbs):
            continue
        if action.when is not None:
            node = filters.parse(uow.registry, uow.actor, entity, action.when)
            if not await query.matches(uow, entity, node, record):
                continue
        found.append(action)
    return found


def action_verbs(uow: UnitOfWork, entity: Entity) -> set[str]:
    """Return the verbs on the row that actions of an entity ask for."""
    names = [a.permission.rpartition(".") for a in uow.registry.actions.get(entity.name, {}).values()]
    return {verb for name, _dot, verb in names if name == entity.name}


def action_of(uow: UnitOfWork, entity: Entity, name: str) -> Action:
    """Return an action by name; NotFound if there is none."""
    action = uow.registry.actions.get(entity.name, {}).get(name)
    if action is None:
        raise NotFound(_("There is no such action."))
    return action


def kept(posted: FormMultiDict) -> list[tuple[str, str]]:
    """Return what was typed, for the step that only confirms it."""
    return [(k, v) for k, v in posted.multi_items() if k not in FORM and isinstance(v, str)]


async def plan_of(uow: UnitOfWork, action: Action, record: Any, params: Any) -> list[Any]:
    """Return what the action says it would do, nothing when it has no plan."""
    return list(await action.plan(uow, record, params)) if action.plan is not None else []


async def action_page(
    request: AnyRequest, uow: UnitOfWork, entity: Entity, record_id: UUID, name: str
) -> Response[Any]:
    """Answer with an action's parameters and its question; what it would do, when nothing has to be typed first."""
    action = action_of(uow, entity, name)
    record = await allowed(uow, entity, action, record_id)
    form = await struct_form(uow, action.params, of=record) if action.params else None
    plan = await plan_of(uow, action, record, None) if form is None else []
    return await page(request, uow, "core/action.html", **_context(entity, record, action, form, plan))


def _context(entity: Entity, record: Any, action: Action, form: Form | None, plan: list[Any]) -> dict[str, Any]:
    title = str(getattr(record, entity.title, None) or "–")
    return {"entity": entity, "id": record.id, "action": action, "action_form": form, "plan": plan, "title": title,
            "typed": (), "lacks": ()}  # fmt: skip


async def run_action(request: AnyRequest, uow: UnitOfWork, entity: Entity, record_id: UUID, name: str) -> Response[Any]:
    """Run an action with what was typed, and go back to the record; show what it would do before, where it says so.

    Fields of the record that the action finds empty are asked for; they come back as `lacks` and are set before it.
    """
    action, posted, params, form = action_of(uow, entity, name), await request.form(), None, None
    record = await allowed(uow, entity, action, record_id)  # asked before the plan tells what would be done
    if action.params:
        form = await struct_form(uow, action.params, of=record)
        context = _context(entity, record, action, form, [])
        params = params_or_again(request, uow, form, posted, action.params, "core/action.html", **context)
        if action.plan is not None and posted.get("sure") != "1":
            context |= {"plan": await plan_of(uow, action, record, params), "typed": kept(posted)}
            return Page(request, uow, "core/action.html", **context).response()
    own = _own_inputs(uow, entity, action, form, posted.getall("lacks", []))
    values = own.read(posted) | await resolve_typed(uow, own)
    try:
        if not own.ok:
            raise Invalid(_("Please check the marked fields."), fields=own.errors)
        if values:
            await records.update(uow, entity, record, values)
        await perform(uow, entity, action, record_id, params)
    except Invalid as problem:
        fresh = problem.fields.keys() - {i.name for i in own.inputs}
        own.inputs += _own_inputs(uow, entity, action, form, fresh).inputs
        if form is None and not own.inputs:
            raise
        raise await _again(request, uow, entity, action, record, form, own, problem) from problem
    toast = _("Done: {action}", action=action.label)
    return await redirect(request, uow, f"/{entity.path}/{record_id}", toast, undo=uow.has_changes)


def _own_inputs(uow: UnitOfWork, entity: Entity, action: Action, form: Form | None, names: Collection[str]) -> Form:
    """Return controls of the record's own fields of these names, for an action whose right is that to edit it."""
    made = entity_form(uow, entity, new=False) if names and action.permission == f"{entity.name}.edit" else Form([])
    taken = {i.name for i in form.inputs} if form is not None else ()
    wanted = [i for i in made.inputs if i.name in names and i.name not in taken and i.kind != "file"]
    return Form(wanted, locale=uow.locale, zone=uow.zone)


async def _again(
    request: AnyRequest, uow: UnitOfWork, entity: Entity, action: Action, record: Any, form: Form | None, own: Form,
    problem: Invalid,
) -> FormInvalid:  # fmt: skip
    """Return the page that says what the action needs, with the controls to give it."""
    shown = Form([*(form.inputs if form else ()), *own.inputs], locale=uow.locale, zone=uow.zone)
    await fill_options(uow, shown, of=record)
    shown.add(problem)
    shown.general = problem.text
    context = _context(entity, record, action, None, []) | {"lacks": [i.name for i in own.inputs]}
    return FormInvalid(Page(request, uow, "core/action.html", **context), shown)
