"""The page that hands a user's work over."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity import fields as f
from crm_core.errors import Invalid
from crm_core.features.handover import actions, queries
from crm_core.features.handover.queries import user_of
from crm_core.features.handover.schemas import HandOverOut, NewHandOver
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import htmx
from crm_core.web.controllers import PageController
from crm_core.web.forms import Form
from crm_core.web.inputs import Input
from crm_core.web.page import FormInvalid, Page, page, redirect
from crm_core.web.views import fill_options, resolve_typed

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


class HandOverPages(PageController):
    """Who gets what, and how far it is."""

    path = "/users/{user_id:uuid}/hand-over"
    permission = actions.RIGHT

    @get()
    async def show(self, request: AnyRequest, uow: Uow, user_id: FromPath[UUID]) -> Response[Any]:
        """Show what the user holds, with a choice for each kind, and the last hand-over."""
        held = await queries.held_by(uow, await user_of(uow, user_id))
        template = "core/_handover_run.html" if htmx.is_partial(request) else "core/handover.html"
        return await page(request, uow, template, held=held, form=await _form(uow, held), entities=_paths(uow))

    @post(status_code=200)
    async def begin(self, request: AnyRequest, uow: Uow, user_id: FromPath[UUID]) -> Response[Any]:
        """Take the choices: one person for everything, others for some kinds, what is unticked stays."""
        user, posted = await user_of(uow, user_id), await request.form()
        held = await queries.held_by(uow, user)
        form = await _form(uow, held)
        values = form.read(posted)
        values |= await resolve_typed(uow, form)
        ticked = {str(v) for v in posted.getall("what", [])}
        names = [e.name for e in held.entities] + [r.name for r in held.resources]
        choices = {n: values.get(f"to.{n}") or values.get("to") if n in ticked else None for n in names}
        try:
            if form.ok:
                new = NewHandOver(choices=choices, closed=bool(values.get("closed")), switch_off="off" in ticked)
                if not any(choices.values()) and not new.switch_off:
                    raise Invalid(_("Choose who gets it."), fields={"to": _("Choose another active user.")})
                async with uow.savepoint():
                    await actions.begin(uow, user, new)
                return await redirect(request, uow, f"/users/{user_id}/hand-over", _("The hand-over has begun."))
        except Invalid as problem:
            form.add(_at_controls(problem))
        await fill_options(uow, form)
        raise FormInvalid(Page(request, uow, "core/handover.html", held=held, form=form, entities=_paths(uow)), form)

    @post("/undo", status_code=200)
    async def undo(self, request: AnyRequest, uow: Uow, user_id: FromPath[UUID]) -> Response[Any]:
        """Give back what the last hand-over moved."""
        run = await queries.last(uow, (await user_of(uow, user_id)).id)
        if run is None:
            raise actions.NothingToUndo(_("There is no hand-over to undo."))
        await actions.undo(uow, user_id, run.cause)
        return await redirect(request, uow, f"/users/{user_id}/hand-over", _("It is being given back."))


def _at_controls(problem: Invalid) -> Invalid:
    """Return the problem with its texts at the controls of this form."""
    return Invalid(problem.text, fields={n if n == "to" else f"to.{n}": t for n, t in problem.fields.items()})


def _paths(uow: UnitOfWork) -> dict[str, str]:
    return {e.name: e.path for e in uow.registry.entities.values()}


async def _form(uow: UnitOfWork, held: HandOverOut) -> Form:
    names = [e.name for e in held.entities] + [r.name for r in held.resources]
    inputs = [
        Input(f.Link("to", _("New holder of everything ticked"), target="core.user"), "to"),
        *(Input(f.Link(f"to.{n}", _("Somebody else for this"), target="core.user"), f"to.{n}") for n in names),
        Input(f.Boolean("closed", _("Closed records as well")), "closed"),
    ]
    return await fill_options(uow, Form(inputs, locale=uow.locale, zone=uow.zone).show({}))
