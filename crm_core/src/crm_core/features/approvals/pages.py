"""The page "waiting for me", one request, the form that asks, and the panel on a record."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.entity import access
from crm_core.entity import fields as f
from crm_core.entity.fields import Option
from crm_core.errors import CrmError, Invalid, NotFound
from crm_core.features.approvals import actions, queries
from crm_core.features.approvals.closing import NOTES
from crm_core.features.approvals.schemas import Step
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.forms import Form
from crm_core.web.inputs import Input
from crm_core.web.page import FormInvalid, Page, page, redirect, web_of
from crm_core.web.views import fill_options, may

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
STATES = {
    "waiting": (_("Waiting"), "blue"), "approved": (_("Approved"), "green"), "rejected": (_("Refused"), "red"),
    "expired": (_("Expired"), "grey"), "withdrawn": (_("Withdrawn"), "grey"), "stale": (_("Outdated"), "orange"),
    "skipped": (_("Skipped"), "grey"), "pending": (_("Later"), "grey"), "closed": (_("Closed"), "grey"),
}  # fmt: skip
SKIPPED = {
    "no_right": _("may not read the record"), "inactive": _("is switched off"), "own_request": _("asked for it"),
}  # fmt: skip
TABS = {"waiting": _("Waiting for me"), "requested": _("Asked by me"), "decided": _("Decided by me")}
NEEDED = (Option(value="all", label=_("Everybody")), Option(value="any", label=_("One of them")))
WORDS: dict[str, Any] = {"states": STATES, "skipped_words": SKIPPED, "notes": NOTES}


class ApprovalPages(PageController):
    """What concerns the reader; rights are those on each record."""

    path = "/approvals"
    signed_in = True

    @get()
    async def show_all(self, request: AnyRequest, uow: Uow, which: FromQuery[str] = "waiting") -> Response[Any]:
        """Answer with the requests that wait, or that the reader made or decided."""
        which = which if which in TABS else "waiting"
        found = await queries.out(uow, await queries.listed(uow, which))
        return await page(
            request, uow, "core/approvals.html", found=found, which=which, tabs=TABS, paths=_paths(request, found),
            **WORDS,
        )  # fmt: skip

    @get("/count")
    async def count(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with the number beside the menu entry, nothing for none."""
        return await page(request, uow, "core/_approvals_count.html", count=await queries.waiting_count(uow))

    @get("/panel")
    async def panel(
        self, request: AnyRequest, uow: Uow, entity: FromQuery[str], id: FromQuery[UUID]  # noqa: A002 - slots' name
    ) -> Response[Any]:  # fmt: skip
        """Show a record's requests; empty where there is none and nobody may ask."""
        about = Ref(entity, id)
        await _readable(uow, about)
        found = await queries.out(uow, await queries.listed(uow, "all", about))
        kind = uow.registry.entity(entity)
        if not found and not kind.has_activity:
            return Response(None, status_code=204)
        may_ask = may(uow, kind, "edit")
        return await page(
            request, uow, "core/_approvals_panel.html", found=found, about=about, may_ask=may_ask, **WORDS
        )

    @get("/new")
    async def new(self, request: AnyRequest, uow: Uow, about: FromQuery[str]) -> Response[Any]:
        """Show the form that asks for an approval of a record."""
        ref = queries.ref_of(about)
        return await page(request, uow, "core/approval_new.html", **await _new(uow, ref, await _form(uow)))

    @post("/new", status_code=200)
    async def ask(self, request: AnyRequest, uow: Uow, about: FromQuery[str]) -> Response[Any]:
        """Ask the people chosen."""
        ref, form = queries.ref_of(about), await _form(uow)
        values = form.read(await request.form())
        await _readable(uow, ref, "edit")
        try:
            if form.ok:
                async with uow.savepoint():
                    made = await _ask(uow, ref, values)
                return await redirect(request, uow, f"/approvals/{made}", _("Asked for approval."))
        except Invalid as problem:
            form.add(problem)
        await fill_options(uow, form)
        raise FormInvalid(Page(request, uow, "core/approval_new.html", **await _new(uow, ref, form)), form)

    @get("/{approval_id:uuid}")
    async def show(self, request: AnyRequest, uow: Uow, approval_id: FromPath[UUID]) -> Response[Any]:
        """Show a request and its history."""
        return await _shown(request, uow, approval_id)

    @post("/{approval_id:uuid}/decide", status_code=200)
    async def decide(self, request: AnyRequest, uow: Uow, approval_id: FromPath[UUID]) -> Response[Any]:
        """Approve or refuse; when it is too late, show what happened meanwhile."""
        form = await request.form()
        decision, comment = str(form.get("decision") or ""), str(form.get("comment") or "")[:5000]
        if decision not in ("approve", "reject"):
            return await _shown(request, uow, approval_id, Invalid(_("Choose whether you approve or refuse.")), 422)
        try:
            async with uow.savepoint():
                await actions.decide(uow, approval_id, decision, comment)
        except (actions.ApprovalClosed, actions.ApprovalStale, actions.AlreadyDecided) as problem:
            return await _shown(request, uow, approval_id, problem, 409)
        return await redirect(request, uow, "/approvals", _("Approved.") if decision == "approve" else _("Refused."))

    @post("/{approval_id:uuid}/withdraw", status_code=200)
    async def withdraw(self, request: AnyRequest, uow: Uow, approval_id: FromPath[UUID]) -> Response[Any]:
        """Take a request back."""
        try:
            async with uow.savepoint():
                await actions.withdraw(uow, approval_id)
        except actions.ApprovalClosed as problem:
            return await _shown(request, uow, approval_id, problem, 409)
        return await redirect(request, uow, f"/approvals/{approval_id}", _("Withdrawn."))


async def _shown(
    request: AnyRequest, uow: UnitOfWork, approval_id: UUID, problem: CrmError | None = None, status: int = 200
) -> Response[Any]:
    (one,) = await queries.out(uow, [await actions.get(uow, approval_id)])
    return await page(
        request,
        uow,
        "core/approval.html",
        one=one,
        problem=problem,
        status=status,
        paths=_paths(request, [one]),
        **WORDS,
    )


def _paths(request: AnyRequest, found: list[Any]) -> dict[str, str]:
    known = web_of(request).paths
    refs = {one.about: Ref.parse(one.about) for one in found}
    return {text: f"/{known[ref.entity]}/{ref.id}" for text, ref in refs.items() if ref.entity in known}


async def _readable(uow: UnitOfWork, about: Ref, verb: str = "read") -> Any:
    entity = uow.registry.entities.get(about.entity)
    if entity is None:
        raise NotFound(_("There is no such record."))
    return await access.get(uow, entity, about.id, verb)


async def _form(uow: UnitOfWork) -> Form:
    one = (
        f.Text("title", _("What is to be approved"), required=True),
        f.LongText("reason", _("Reason"), length=5000),
        f.Links("users", _("People"), target="core.user"),
        f.Links("teams", _("or everybody in teams"), target="core.team"),
        f.Choice("needed", _("Who has to approve"), options=NEEDED, default="all", required=True),
        f.DateTime("expires_at", _("Expires")),
    )
    form = Form([Input(x, x.name) for x in one], locale=uow.locale, zone=uow.zone).show({"needed": "all"})
    return await fill_options(uow, form)


async def _new(uow: UnitOfWork, about: Ref, form: Form) -> dict[str, Any]:
    record = await _readable(uow, about, "edit")
    entity = uow.registry.entity(about.entity)
    return {"form": form, "about": about, "entity": entity, "title": getattr(record, entity.title, None) or "–"}


async def _ask(uow: UnitOfWork, about: Ref, values: dict[str, Any]) -> UUID:
    step = Step(users=values.get("users") or [], teams=values.get("teams") or [], needed=values["needed"])
    made = await actions.request_approval(
        uow, about, values["title"], [step], reason=values.get("reason") or "", expires_at=values.get("expires_at")
    )
    return made.id
