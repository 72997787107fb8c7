"""Every failure becomes one answer: problem+json for the API, a page for people, 503 while the database is away."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.background_tasks import BackgroundTask
from litestar.exceptions import HTTPException
from litestar.types import Send
from markupsafe import escape

from crm_core.auth.actor import ActorKind
from crm_core.errors import CrmError, Forbidden, Invalid, Unavailable
from crm_core.i18n import LOCALES, Strings, show

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
log = logging.getLogger(__name__)

TITLES = {
    400: _("Bad request"), 401: _("Please sign in"), 403: _("Not allowed"), 404: _("Not found"),
    405: _("Method not allowed"), 409: _("Changed meanwhile"), 413: _("Too large"), 421: _("Unknown address"),
    422: _("Not acceptable"), 429: _("Too many requests"), 500: _("Something went wrong"), 503: _("Not available"),
    507: _("No room left"),
}  # fmt: skip
_PLACE = re.compile(r"(?:unknown|required) field `(\w+)`|at `\$\.([\w.\[\]]+)`")
RETRY_AFTER = 2
"""Seconds a client waits when nothing better is known."""


class TooDeep(CrmError):
    """JSON nested deeper than anything of ours."""


class NotUtf8(CrmError):
    """The body is not text in UTF-8."""


class ValueNotStorable(Invalid):
    """A value the database cannot take (out of range, not text in its encoding)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body, for Litestar and for the guard around it."""

    status: int
    headers: dict[str, str]
    body: bytes
    media_type: str


def known(error: Exception) -> CrmError | None:
    """Return what an exception means to the caller; None for a bug of ours."""
    from crm_core.db.engine import unavailable

    if isinstance(error, CrmError):
        return error
    if isinstance(error, ExceptionGroup):  # Litestar wraps what the unit of work raises while it ends
        return next((found for e in error.exceptions if (found := known(e)) is not None), None)
    if isinstance(error, RecursionError):
        log.warning("a request nested too deep", exc_info=error)
        return TooDeep(_("The request is nested too deep."))
    if isinstance(error, UnicodeDecodeError):  # what reads JSON lets it through
        log.warning("a request is not in UTF-8", exc_info=error)
        return NotUtf8(_("The request is not text in UTF-8."))
    if (away := unavailable(error)) is not None:
        return away
    state = str(getattr(getattr(error, "orig", error), "sqlstate", "") or "")
    if state.startswith("22"):
        return ValueNotStorable(_("A value is out of range or cannot be stored."))
    return None


def describe(error: Exception, locale: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the problem document and the headers of an error."""
    crm = known(error)
    headers: dict[str, str] = {}
    extra: dict[str, Any] = {}
    fields: dict[str, str] = {}
    if crm is not None:
        status, code, detail, extra = crm.status, crm.code, show(crm.text, locale), dict(crm.extra)
        fields = {name: show(text, locale) for name, text in crm.fields.items()}
    elif isinstance(error, HTTPException):
        status, code = error.status_code, f"core.http_{error.status_code}"
        detail, fields = _litestar(error)
        headers = dict(error.headers or {})
    else:
        status, code, detail = 500, "core.internal", show(_("This is our mistake; it was logged."), locale)
    if isinstance(crm, Unavailable) or "retry_after" in extra:
        headers["retry-after"] = str(int(extra.pop("retry_after", RETRY_AFTER)))
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    title = TITLES.get(status) or HTTPStatus(status).phrase
    problem = {"type": "about:blank", "title": show(title, locale), "status": status, "code": code, "detail": detail}
    return {**problem, **({"fields": fields} if fields else {}), **extra}, headers


def _litestar(error: HTTPException) -> tuple[str, dict[str, str]]:
    """Return detail and fields of Litestar's own errors; their text never holds a traceback."""
    fields: dict[str, str] = {}
    for one in error.extra if isinstance(error.extra, list) else ():
        if isinstance(one, dict) and "message" in one:
            text = str(one["message"])
            # msgspec names the place inside its text: "… unknown field `x`", "… - at `$.x`"
            inside = _PLACE.search(text)
            name = next(n for n in inside.groups() if n) if inside else one.get("key") or one.get("source") or "body"
            fields[str(name)] = text
    return str(error.detail or HTTPStatus(error.status_code).phrase), fields


def answer_to(error: Exception, scope: Any) -> Answer:
    """Return the answer to an error for whoever asked: API client, browser or htmx."""
    headers = {k.lower(): v for k, v in scope["headers"]}
    locale = locale_of(scope, headers)
    problem, extra = describe(error, locale)
    if problem["status"] >= 500 and known(error) is None:
        log.error("%s %s failed", scope["method"], _place(scope), exc_info=error)
    extra |= {"cache-control": "no-store"}
    if wants_json(scope, headers):
        body = msgspec.json.encode(problem, enc_hook=str)
        return Answer(problem["status"], extra, body, "application/problem+json")
    if problem["status"] == 401 and scope["method"] in ("GET", "HEAD"):
        return _to_login(scope, headers, extra)
    return Answer(problem["status"], extra, _page(problem, scope, locale), "text/html; charset=utf-8")


def _place(scope: Any) -> str:
    """Return the path for the log; of a public page its route, since whoever reads the path can open the page."""
    path: str = scope["path"]
    return str(scope.get("path_template") or "/public/…") if path.startswith("/public/") else path


def _to_login(scope: Any, headers: dict[bytes, bytes], extra: dict[str, str]) -> Answer:
    target = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    login = "/login" if target == "/" else f"/login?next={quote(target, safe='/')}"
    if headers.get(b"hx-request") == b"true":
        return Answer(200, extra | {"hx-redirect": login}, b"", "text/html; charset=utf-8")
    return Answer(303, extra | {"location": login}, b"", "text/html; charset=utf-8")


def wants_json(scope: Any, headers: dict[bytes, bytes]) -> bool:
    """Return whether the answer is for a program."""
    if scope["path"].startswith("/api/"):
        return True
    accept = headers.get(b"accept", b"")
    return b"text/html" not in accept and b"json" in accept


def locale_of(scope: Any, headers: dict[bytes, bytes]) -> str:
    """Return the signed-in person's language, else the first of `Accept-Language` that we have."""
    actor = scope.get("actor")
    if actor is not None and actor.user_id is not None:
        return str(actor.locale)
    return accepted(headers.get(b"accept-language", b"").decode("latin-1"))


def accepted(header: str) -> str:
    """Return the first language of an `Accept-Language` header that we have, English without one."""
    for part in header.split(","):
        language = part.partition(";")[0].strip().partition("-")[0].lower()
        if language in LOCALES:
            return language
    return "en"


def _page(problem: dict[str, Any], scope: Any, locale: str) -> bytes:
    from crm_core.web.page import surroundings

    try:
        request: Request[Any, Any, Any] = Request(scope)
        web = request.app.state.web
        context = {**surroundings(request, None), "problem": problem, **problem, "text": problem["detail"]}
        return str(web.templates.render("core/error.html", locale, context)).encode()
    except Exception:  # the page about an error must not fail with another
        log.debug("error page not rendered", exc_info=True)
        title, detail = escape(problem["title"]), escape(problem["detail"])
        plain = f"<!doctype html><html lang={locale}><title>{title}</title><h1>{title}</h1><p>{detail}</p>"
        return f'{plain}<p><a href="/">CRM</a></p>'.encode()


async def send(error: CrmError, scope: Any, send: Send) -> None:
    """Answer with an error below Litestar, where no route is known yet."""
    answer = answer_to(error, scope)
    headers = {**answer.headers, "content-type": answer.media_type, "content-length": str(len(answer.body))}
    raw = [(k.encode(), v.encode()) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer with an error; the transaction is rolled back by now. Refusals of known actors are audited."""
    answer = answer_to(error, request.scope)
    task = None
    actor: Any = request.scope.get("actor")
    if isinstance(error, Forbidden) and actor is not None and actor.kind in (ActorKind.user, ActorKind.token):
        task = BackgroundTask(_audit, request.app.state.kernel, actor, f"{request.method} {_route(request)}", request)
    return Response(
        answer.body, status_code=answer.status, headers=answer.headers, media_type=answer.media_type, background=task
    )


def _route(request: Request[Any, Any, Any]) -> str:
    return str(request.scope.get("path_template") or request.scope["path"])


async def _audit(kernel: Kernel, actor: Any, what: str, request: Request[Any, Any, Any]) -> None:
    from crm_core.auth.attempts import audit_denied

    try:
        await audit_denied(kernel, actor, what, request.client.host if request.client else "")
    except Exception:
        log.exception("refusal of %s to %s not audited", what, actor.label)


HANDLERS: dict[Any, Any] = {Exception: handle}
