"""The ledger (without a server: the mail catcher), the server's form with its test, and the pause."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.errors import Invalid
from crm_core.features.mail import actions, queries, server
from crm_core.features.mail.messages import LOGO
from crm_core.features.mail.schemas import ServerIn, State
from crm_core.features.mail.server import MailSettings
from crm_core.features.organisation.public import imprint
from crm_core.i18n import Strings, Text
from crm_core.plugin import hookspecs
from crm_core.uow import UnitOfWork
from crm_core.web import FormInvalid, Page, PageController, page, redirect
from crm_core.web.content import HEADERS
from crm_core.web.forms import Form
from crm_core.web.struct_forms import read_struct, struct_form

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
SHOWN = 50
STATES: dict[str, tuple[Text, str]] = {
    State.queued: (_("Waiting"), "blue"),
    State.sending: (_("Being sent"), "blue"),
    State.sent: (_("Sent"), "green"),
    State.caught: (_("Kept here"), "violet"),
    State.ambiguous: (_("Unknown"), "amber"),
    State.failed: (_("Failed"), "red"),
    State.suppressed: (_("Suppressed"), "grey"),
}
KINDS = {"transactional": _("Notice"), "marketing": _("Marketing"), "security": _("Sign-in")}


class LedgerPages(PageController):
    """Every mail, what became of it, and its text."""

    path = "/admin/mails"
    permission = "core.mail.manage"

    @get()
    async def ledger(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with mails, newest first."""
        asked = request.query_params
        tab, q = asked.get("tab", ""), asked.get("q", "").strip()
        states = next((states for name, _label, states in queries.TABS if name == tab), ())
        before = _id(asked.get("before", ""))
        found = await queries.ledger(uow, states=states if tab else (), recipient=q, before=before, limit=SHOWN + 1)
        more = urlencode({"tab": tab, "q": q, "before": found[SHOWN - 1].id}) if len(found) > SHOWN else ""
        return await page(
            request, uow, "core/mails.html", mails=found[:SHOWN], more=more, tab=tab, q=q, tabs=queries.TABS,
            states=STATES, kinds=KINDS, catching=not await server.is_set_up(uow), pause=await queries.paused(uow),
        )  # fmt: skip

    @get("/{mail_id:uuid}")
    async def show(self, request: AnyRequest, uow: Uow, mail_id: FromPath[UUID]) -> Response[Any]:
        """Answer with one mail."""
        row = await actions.get(uow, mail_id)
        readable = actions.may_read(row)
        text, html = actions.body_of(uow.kernel, row) if readable else ("", "")
        return await page(
            request, uow, "core/mail.html", mail=row, text=text, has_html=bool(html), readable=readable,
            retryable=row.state in actions.RETRYABLE, states=STATES, kinds=KINDS,
            files=await queries.files_of(uow, mail_id),
        )  # fmt: skip

    @get("/{mail_id:uuid}/html")
    async def html(self, uow: Uow, mail_id: FromPath[UUID]) -> Response[str]:
        """Answer with a mail's HTML in a sandbox of its own, as `/content` does: no scripts, nothing from outside."""
        row = await actions.get(uow, mail_id)
        if not actions.may_read(row):
            raise actions.MailUnknown(_("There is no such mail."))
        shown = actions.body_of(uow.kernel, row)[1].replace(LOGO, (await imprint(uow)).logo)
        return Response(shown, media_type="text/html; charset=utf-8", headers=HEADERS)

    @post("/{mail_id:uuid}/retry")
    async def retry(self, request: AnyRequest, uow: Uow, mail_id: FromPath[UUID]) -> Response[Any]:
        """Send a mail again, because a person says so."""
        await actions.retry(uow, mail_id)
        return await redirect(request, uow, f"/admin/mails/{mail_id}", _("The mail is on its way."))


class MailPages(PageController):
    """How mail leaves."""

    path = "/admin/mail"
    permission = "core.mail.manage"

    @get()
    async def server(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with the form of the server."""
        return await page(request, uow, "core/mail_server.html", **await _server(uow), form=await _form(uow))

    @post(status_code=200)
    async def save(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Save the server."""
        form, posted = await _form(uow), await request.form()
        view = Page(request, uow, "core/mail_server.html", **await _server(uow))
        typed = read_struct(form, posted, ServerIn)
        if typed is None:
            raise FormInvalid(view, form)
        given = {k: posted.get(k) for k in ("password", "transport")}
        values = {**msgspec.to_builtins(typed), **{k: v if isinstance(v, str) else "" for k, v in given.items()}}
        try:
            await server.save(uow, msgspec.convert(values, MailSettings))
        except Invalid as problem:
            form.add(problem)
            raise FormInvalid(view, form) from problem
        return await redirect(request, uow, "/admin/mail", _("Saved."))

    @post("/test")
    async def test(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Send a test mail and show what becomes of it."""
        to = (await request.form()).get("to")
        mail_id = await actions.send_test(uow, to if isinstance(to, str) else "")
        return await redirect(request, uow, f"/admin/mails/{mail_id}", _("The test mail is on its way."))

    @post("/pause")
    async def pause(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Stop all sending."""
        await actions.pause(uow, _("paused by {name}", name=uow.actor.name).to(uow.locale))
        return await redirect(request, uow, "/admin/mail", _("Nothing is sent from now on."))

    @post("/resume")
    async def resume(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Let sending go on, with or without what waits."""
        discard = bool((await request.form()).get("discard"))
        await actions.resume(uow, discard=discard)
        return await redirect(request, uow, "/admin/mail", _("Sending goes on."))

    @get("/notice")
    async def notice(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with what somebody should look at, or with nothing."""
        pause = await queries.paused(uow)
        unknown = await queries.counts(uow, (State.ambiguous,))
        failed = await queries.counts(uow, (State.failed,), days=1)
        if not (pause or unknown or failed):
            return Response(b"", status_code=204)
        return await page(request, uow, "core/_mail_notice.html", pause=pause, unknown=unknown, failed=failed)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _form(uow: UnitOfWork) -> Form:
    """Return the form with everything but the password in it."""
    stored = await server.load(uow)
    return await struct_form(uow, ServerIn, ServerIn(**{n: getattr(stored, n) for n in server.KEPT}))


async def _server(uow: UnitOfWork) -> dict[str, Any]:
    stored = await server.load(uow)
    return {
        "stored": stored,
        "pause": await queries.paused(uow),
        "waiting": await queries.counts(uow, (State.queued,)),
        "transports": [t.name for t in uow.registry.gather(hookspecs.crm_mail_transports)],
    }
