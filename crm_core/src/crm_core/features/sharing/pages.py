"""The page and the panel that say who may see a record, and why.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.entity import access
from crm_core.entity import fields as f
from crm_core.entity.fields import Option
from crm_core.errors import Forbidden, Invalid, NotFound
from crm_core.features.sharing import actions, queries
from crm_core.features.sharing.asking import EXPLAIN, access_of, options
from crm_core.features.sharing.schemas import NewShare
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.forms import Form
from crm_core.web.inputs import Input
from crm_core.web.page import FormInvalid, Page, form_invalid, page, redirect
from crm_core.web.views import fill_options, resolve_typed

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
LEVELS = (Option(value="read", label=_("May read")), Option(value="edit", label=_("May edit")))
VERB_LABELS = {
    "read": _("Read"), "create": _("Create"), "edit": _("Edit"), "delete": _("Delete"), "assign": _("Assign"),
    "export": _("Export"), "import": _("Import"), "bulk_edit": _("Change many"),
}  # fmt: skip
SCOPE_LABELS = {
    "none": _("No records"), "own": _("Own records"), "team": _("Records of the team"), "all": _("All records"),
}  # fmt: skip


def page_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the page of one entity's records, and the forms on it."""
    key, opt = f"/{entity.path}/{{record_id:uuid}}", options(registry, entity, "page")
    made: dict[str, Any] = {"include_in_schema": False, "exception_handlers": {FormInvalid: form_invalid}}

    @get(f"{key}/access", opt=opt, **made)
    async def show(request: AnyRequest, uow: Uow, record_id: FromPath[UUID], user_id: FromQuery[str] = "") -> Any:
        return await page(request, uow, "core/access.html", **await _context(uow, entity, record_id, user_id))

    if not queries.shareable(entity):
        return [show]

    @post(f"{key}/share", opt=opt | {"verb": "assign"}, status_code=200, **made)
    async def share(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        form = share_form(uow)
        values = form.read(await request.form())
        values |= await resolve_typed(uow, form)
        try:
            if form.ok:
                new = NewShare(values.get("level") or "read", values.get("user_id"), values.get("team_id"))
                async with uow.savepoint():
                    await actions.share(uow, entity, record_id, new)
                return await redirect(request, uow, f"/{entity.path}/{record_id}/access", _("Shared."))
        except Invalid as problem:
            form.add(problem)
        await fill_options(uow, form)
        context = await _context(uow, entity, record_id, "") | {"form": form}
        raise FormInvalid(Page(request, uow, "core/access.html", **context), form)

    @post(f"{key}/shares/{{share_id:uuid}}/revoke", opt=opt | {"verb": "assign"}, status_code=200, **made)
    async def revoke(
        request: AnyRequest, uow: Uow, record_id: FromPath[UUID], share_id: FromPath[UUID]
    ) -> Response[Any]:
        await actions.revoke(uow, entity, record_id, share_id)
        return await redirect(request, uow, f"/{entity.path}/{record_id}/access", _("No longer shared."))

    return [show, share, revoke]


def share_form(uow: UnitOfWork) -> Form:
    """Return the empty form that opens a record."""
    one = (
        f.Link("user_id", _("User"), target="core.user"),
        f.Link("team_id", _("or team"), target="core.team"),
        f.Choice("level", _("May"), options=LEVELS, default="read", required=True),
    )
    form = Form([Input(x, x.name) for x in one], locale=uow.locale, zone=uow.zone)
    return form.show({"level": "read"})


async def _context(uow: UnitOfWork, entity: Entity, record_id: UUID, user_id: str) -> dict[str, Any]:
    record = await access.get(uow, entity, record_id)
    shareable = queries.shareable(entity)
    who = Form([Input(f.Link("user_id", _("User"), target="core.user"), "user_id")], locale=uow.locale, zone=uow.zone)
    who.show({"user_id": user_id})
    asked = _uuid(user_id)
    return {
        "entity": entity, "id": record_id, "title": getattr(record, entity.title, None) or "–",
        "found": await access_of(uow, entity, record_id, asked),
        "shares": await queries.shares_of(uow, entity, record_id) if shareable else [],
        "form": await fill_options(uow, share_form(uow)) if await may_share(uow, entity, record_id) else None,
        "who": await fill_options(uow, who) if uow.actor.may(EXPLAIN) else None,
        "verbs": VERB_LABELS, "scopes": SCOPE_LABELS, "levels": {o.value: o.label for o in LEVELS},
    }  # fmt: skip


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise NotFound(_("This user does not exist or is switched off.")) from error


async def may_share(uow: UnitOfWork, entity: Entity, record_id: UUID) -> bool:
    """Return whether the actor can open this record to others."""
    if not queries.may_share(uow, entity) or uow.actor.only_reads:
        return False
    try:
        await access.get(uow, entity, record_id, "assign")
    except (Forbidden, NotFound):
        return False
    return True


class SharingPages(PageController):
    """The panel beside a record."""

    path = "/sharing"
    signed_in = True

    @get("/panel")
    async def panel(
        self,
        request: AnyRequest,
        uow: Uow,
        entity: FromQuery[str],
        id: FromQuery[UUID],  # noqa: A002 - slots' name
    ) -> Response[Any]:
        """Show in short with whom a record is shared and why it is seen; empty for what the actor does not see."""
        found = uow.registry.entities.get(entity)
        if found is None:
            raise NotFound(_("There is no such record."))
        seen = await access_of(uow, found, id, None)
        return await page(
            request, uow, "core/_access_panel.html", entity=found, id=id,
            read=next(v for v in seen.verbs if v.verb == "read"), may=[v for v in seen.verbs if v.allowed],
            shares=await queries.shares_of(uow, found, id) if queries.shareable(found) else [],
            verbs=VERB_LABELS, levels={o.value: o.label for o in LEVELS},
        )  # fmt: skip
