"""The form strangers see, in a frame or on its own; what they send; and the link that confirms it.

A plain HTML form of another site posts to the same address: this is the one place that takes posts from elsewhere,
and it looks at no cookie.
"""

import secrets
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Response

from crm_core.errors import CrmError, Forbidden, Invalid
from crm_core.features.web_forms import actions, rules, targets, uploads
from crm_core.features.web_forms.actions import Sent
from crm_core.features.web_forms.models import WebForm, WebFormSubmission
from crm_core.i18n import Strings
from crm_core.plugin.links import LinkNotValid, PublicLink
from crm_core.uow import UnitOfWork
from crm_core.web.forms import Form
from crm_core.web.inputs import Input
from crm_core.web.page import page
from crm_core.web.public import FormRefused, PublicController, check_form, form_stamp, public_headers

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
Link = NamedDependency[PublicLink]
TEMPLATE, CONFIRM_PAGE = "core/web_form.html", "core/web_form_confirm.html"
LARGEST_BODY = 200_000  # bytes of one post with texts only
PER_ADDRESS = 10  # posts a minute to one form from one address
KINDS = ("application/x-www-form-urlencoded", "multipart/form-data")
CACHE = "public, max-age=60"


class HostNotAllowed(Forbidden):
    """The page that sent this is not on the form's list of web sites."""


class NotAForm(CrmError):
    """The body is of a kind that no HTML form sends."""

    status = 415


class WebFormPage(PublicController):
    """Shows a form and takes it in."""

    path = "/forms/{token:str}"
    purpose = rules.PURPOSE
    limit = 120
    link_limit = 6000
    foreign = True

    @get("/")
    async def show(self, request: AnyRequest, uow: Uow, link: Link) -> Response[str]:
        """Answer with the empty form: the same for everybody, no cookie."""
        form = await living(uow, link)
        shown = await form_of(uow, form)
        return await _page(request, uow, link, form, shown, headers={"cache-control": CACHE})

    @post("/", status_code=200, request_max_body_size=LARGEST_BODY)
    async def submit(self, request: AnyRequest, uow: Uow, link: Link) -> Response[Any]:
        """Take in what was typed; it comes back with texts when it cannot be taken."""
        return await self._submit(request, uow, link, await living(uow, link))

    @post("/files", status_code=200, request_max_body_size=uploads.LARGEST_BODY)
    async def submit_files(self, request: AnyRequest, uow: Uow, link: Link) -> Response[Any]:
        """Take in a form that has fields for files; of others, so large a body is not read."""
        form = await living(uow, link)
        if not uploads.split(await form_of(uow, form)):
            raise LinkNotValid(_("This link is not valid (any more)."))
        return await self._submit(request, uow, link, form)

    async def _submit(self, request: AnyRequest, uow: UnitOfWork, link: PublicLink, form: WebForm) -> Response[Any]:
        address = request.client.host if request.client else ""
        uow.kernel.limits.hit(f"form {form.id} {address}", PER_ADDRESS).demand()
        if (request.content_type or ("",))[0] not in KINDS:
            raise NotAForm(_("Send this as an HTML form does."))
        foreign = demand_host(request, uow, form)
        posted = await request.form()
        shown = await form_of(uow, form)
        answers = shown.read(posted)
        spam = "trap" if posted.get("_website") else ""
        sent_files = [] if spam else uploads.check(uploads.split(shown), posted)
        if not spam and (problem := _refused(uow, link, form, shown, posted, foreign)) is not None:
            shown.general = shown.general or problem.text
            return await _page(request, uow, link, form, shown, status=422, posted=posted)
        sent = Sent(
            answers=_kept(posted) if spam else {**answers, **await _hidden(uow, form)}, address=address, spam=spam,
            key=str(posted.get("_key") or "")[:64], page_url=_page_url(request, posted),
            utm={n: _line(posted.get(n) or request.query_params.get(n)) for n in actions.UTM},
            files=await uploads.store(uow, sent_files),
        )  # fmt: skip
        try:
            async with uow.savepoint():
                row = await actions.submit(uow, form, sent)
        except Invalid as invalid:
            shown.add(invalid)
            return await _page(request, uow, link, form, shown, status=422, posted=posted)
        return await _thanks(request, uow, link, form, row, sent)

    @post("/again", status_code=200, request_max_body_size=LARGEST_BODY)
    async def again(self, request: AnyRequest, uow: Uow, link: Link) -> Response[Any]:
        """Send the link that confirms again; the answer is the same for every key."""
        form = await living(uow, link)
        address = request.client.host if request.client else ""
        uow.kernel.limits.hit(f"form again {form.id} {address}", 3).demand()
        posted = await request.form()
        key = _line(posted.get("_key"))
        await actions.resend(uow, form, key)
        return await _answer(request, uow, link, form, done="pending", key=key)


class ConfirmPage(PublicController):
    """What the link in the mail opens."""

    path = "/form-confirm/{token:str}"
    purpose = actions.CONFIRM

    @get("/")
    async def show(self, request: AnyRequest, uow: Uow, link: Link) -> Response[str]:
        """Show the button; scanners that fetch every link confirm nothing."""
        form, _row = await waiting(uow, link)
        shown = Form(await file_inputs(uow, form), locale=uow.locale, zone=uow.zone)
        return await page(request, uow, CONFIRM_PAGE, form_record=form, form=shown, done=False, csrf="")

    @post("/", status_code=200, request_max_body_size=uploads.LARGEST_BODY)
    async def confirm(self, request: AnyRequest, uow: Uow, link: Link) -> Response[Any]:
        """Make the record, with the files that are asked for here: nothing of an unconfirmed visitor's is stored."""
        form, row = await waiting(uow, link)
        shown = Form(await file_inputs(uow, form), locale=uow.locale, zone=uow.zone)
        sent = uploads.check(shown.inputs, await request.form()) if shown.inputs else []
        if any(one.error for one in shown.inputs):
            shown.errors |= {one.name: one.error for one in shown.inputs if one.error}
            return await page(request, uow, CONFIRM_PAGE, form_record=form, form=shown, done=False, csrf="", status=422)
        await actions.confirm(uow, link, form, row, await uploads.store(uow, sent))
        return await page(request, uow, CONFIRM_PAGE, form_record=form, form=None, done=True, csrf="")


async def living(uow: UnitOfWork, link: PublicLink) -> WebForm:
    """Return the form of a link; LinkNotValid when it is off, in the trash, or its target is gone."""
    form = await uow.session.get(WebForm, link.ref_id)
    if form is None or not form.is_active or form.deleted_at is not None:
        raise LinkNotValid(_("This link is not valid (any more)."))
    if form.target not in targets.targets(uow.registry):
        raise LinkNotValid(_("This link is not valid (any more)."))
    return form


async def waiting(uow: UnitOfWork, link: PublicLink) -> tuple[WebForm, WebFormSubmission]:
    """Return the submission that a link confirms; LinkNotValid when it waits no more."""
    row = await uow.session.get(WebFormSubmission, link.ref_id)
    form = await uow.session.get(WebForm, row.form_id) if row else None
    if row is None or form is None or row.state != "pending" or row.deleted_at is not None:
        raise LinkNotValid(_("This link is not valid (any more)."))
    return form, row


async def form_of(uow: UnitOfWork, form: WebForm) -> Form:
    """Return the controls of a form with what they begin with; files are asked for once the address is confirmed."""
    inputs = await _inputs(uow, form)
    if form.is_double_opt_in:
        inputs = [one for one in inputs if one.kind != "file"]
    return Form(inputs, locale=uow.locale, zone=uow.zone)


async def file_inputs(uow: UnitOfWork, form: WebForm) -> list[Input]:
    """Return the controls for files of the page that confirms."""
    return [one for one in await _inputs(uow, form) if one.kind == "file"]


async def _inputs(uow: UnitOfWork, form: WebForm) -> list[Input]:
    target = targets.targets(uow.registry).get(form.target)
    return targets.inputs_of(uow.registry, target, await rules.lines_of(uow, form)) if target else []


async def _hidden(uow: UnitOfWork, form: WebForm) -> dict[str, Any]:
    target = targets.targets(uow.registry)[form.target]
    return targets.hidden_values(uow.registry, target, await rules.lines_of(uow, form))


def demand_host(request: AnyRequest, uow: UnitOfWork, form: WebForm) -> bool:
    """Return whether a listed web site sent this post; HostNotAllowed for one that is not on the list."""
    said = request.headers.get("origin") or ""
    if said in ("", "null"):
        said = request.headers.get("referer") or ""
    try:
        host = urlsplit(said).netloc.lower()
    except ValueError:
        host = said.lower()
    ours = {urlsplit(uow.kernel.config.url).netloc.lower(), request.headers.get("host", "").lower()}
    if not host or host in ours:
        return False
    if any(_matches(host, one) for one in rules.hosts_of(form.allowed_hosts)):
        return True
    raise HostNotAllowed(_("This form may not be used on this web site."))


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern


def _refused(
    uow: UnitOfWork, link: PublicLink, form: WebForm, shown: Form, posted: Any, foreign: bool
) -> Invalid | None:
    """Return why a form cannot be taken yet: marked fields, no consent, filled in no time or a day ago."""
    shown.errors |= {one.name: one.error for one in uploads.split(shown) if one.error}
    for one in shown.inputs:
        if one.kind == "boolean" and one.field.required and not one.raw:
            shown.errors[one.name] = _("This is required.")
    if form.consent and not posted.get("_consent"):
        shown.errors["_consent"] = _("Please agree to this.")
    shown.mark()
    if shown.errors:
        return Invalid(_("Please check the marked fields."))
    if foreign and "_at" not in posted:
        return None  # a plain form of a listed site has no stamp
    try:
        check_form(uow.kernel.key, link, posted)
    except FormRefused:
        return Invalid(_("Please check what you typed and send it again."))
    return None


def _kept(posted: Any) -> dict[str, str]:
    """Return what spam said, as text: people may look at it for 30 days."""
    kept: dict[str, str] = {}
    for name, value in list(posted.items())[:60]:
        if isinstance(value, str) and not name.startswith("_") and len(name) <= 64:
            kept[name] = value.replace("\x00", "").encode(errors="replace").decode()[: actions.LARGEST]
    return kept


def _line(value: Any) -> str:
    return " ".join(str(value or "").replace("\x00", "").split()).encode(errors="replace").decode()[:255]


def _page_url(request: AnyRequest, posted: Any) -> str:
    """Return the page a post came from, without what follows its path: that can hold anything."""
    for said in (posted.get("_page"), request.headers.get("referer")):
        try:
            parts = urlsplit(_line(said))
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc:
            return f"{parts.scheme}://{parts.netloc}{parts.path}"
    return ""


def _headers(form: WebForm) -> dict[str, str]:
    """Return the headers of a form's pages: the sites on its list may frame them, and it may lead to its own end."""
    found = public_headers(("'self'", *rules.hosts_of(form.allowed_hosts)))
    if form.thanks_url:
        parts = urlsplit(form.thanks_url)
        policy = found["content-security-policy"]
        to = f"form-action 'self' {parts.scheme}://{parts.netloc}"
        found["content-security-policy"] = policy.replace("form-action 'self'", to)
    return {**found, "cross-origin-resource-policy": "cross-origin", "vary": "accept-language"}


async def _page(
    request: AnyRequest, uow: UnitOfWork, link: PublicLink, form: WebForm, shown: Form, *, status: int = 200,
    posted: Any = None, headers: dict[str, str] | None = None,
) -> Response[str]:  # fmt: skip
    given = {n: _line((posted or {}).get(n) or request.query_params.get(n)) for n in actions.UTM}
    later = form.is_double_opt_in and bool(await file_inputs(uow, form))
    return await page(
        request, uow, TEMPLATE, status=status, headers={**_headers(form), **(headers or {})}, csrf="", toasts=[],
        files_later=later,
        form_record=form, form=shown, done="", stamp=form_stamp(uow.kernel.key, link), key=secrets.token_hex(16),
        utm={k: v for k, v in given.items() if v}, page_url=_page_url(request, posted or {}),
        agreed=bool((posted or {}).get("_consent")), token=str(request.path_params.get("token", "")),
    )  # fmt: skip


async def _thanks(
    request: AnyRequest, uow: UnitOfWork, link: PublicLink, form: WebForm, row: WebFormSubmission | None, sent: Sent
) -> Response[Any]:
    """Answer alike to what was taken in, to a double click and to spam."""
    await uow.settle()
    if form.is_double_opt_in:
        return await _answer(request, uow, link, form, done="pending", key=row.key if row else sent.key)
    if form.thanks_url:
        return Redirect(form.thanks_url, status_code=303, headers=_headers(form))
    return await _answer(request, uow, link, form, done="sent")


async def _answer(
    request: AnyRequest, uow: UnitOfWork, link: PublicLink, form: WebForm, *, done: str, key: str = ""
) -> Response[Any]:
    return await page(
        request, uow, TEMPLATE, headers=_headers(form), csrf="", toasts=[], form_record=form, form=None, done=done,
        key=key, token=str(request.path_params.get("token", "")),
    )  # fmt: skip
