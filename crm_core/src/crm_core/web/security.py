"""What guards every request before a route is known: host, foreign origins, form tokens, NUL bytes, headers."""

from __future__ import annotations

import hmac
import re
from collections import deque
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from crm_core.auth.session import csrf_token, session_token
from crm_core.config import Config
from crm_core.errors import CrmError, Forbidden, Invalid, StartupError, TooLarge
from crm_core.i18n import Strings
from crm_core.web import errors

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
BODY_LIMIT = 10 * 1024 * 1024
"""Bytes of a body; Litestar holds each route to it, announced or not. Upload routes state their own."""
HEAD = 64 * 1024
"""Bytes at the start of a multipart body in which its token must be: the token is the form's first field."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
TOKEN_HEADER = b"x-csrf-token"
"""Forms send the same token as the field `_csrf`, their first."""
PROBES = frozenset({"/health", "/ready"})  # asked for by address, before any name leads here

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self' 'sha256-{hash}'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]*)?")
_NUL_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000|\x00")
_NUL_IN_FORM = re.compile(rb"%00|\x00")


class UnknownHost(CrmError):
    """The request names a host that is not ours; links and cookies belong to the configured address only."""

    status = 421


class ForeignRequest(Forbidden):
    """A page of another site tried to change something here."""


class NulByte(Invalid):
    """Text with a NUL byte, which no database column takes."""


def demand_safe_address(config: Config) -> None:
    """Raise StartupError for plain http beyond this machine, unless the installer said `insecure_http`."""
    if not (config.testing or config.secure or config.insecure_http or urlsplit(config.url).hostname in LOOPBACK):
        raise StartupError(
            f"{config.url} is not https: passwords would cross the network readable. Set base_url to the https "
            "address, or insecure_http = true in crm.toml if you accept that."
        )


def hosts_of(config: Config) -> frozenset[str]:
    """Return the host names this installation answers to."""
    own = urlsplit(config.url).hostname or ""
    found = {own} | (LOOPBACK if own in LOOPBACK else set())
    return frozenset(found | ({"testserver", "testserver.local"} if config.testing else set()))


def protect(app: Any, kernel: Kernel, import_map_hash: str) -> None:
    """Put the guard around a Litestar application, answers to unknown routes included."""
    demand_safe_address(kernel.config)
    app.asgi_handler = Guard(app.asgi_handler, kernel, import_map_hash, foreign_paths(app))


def foreign_paths(app: Any) -> tuple[str, ...]:
    """Return what the paths begin with that take posts from other sites: public ones, which look at no cookie."""
    return tuple(
        {
            route.path.partition("{")[0]
            for route in app.routes
            for handler in getattr(route, "route_handlers", ())
            if handler.opt.get("foreign") and handler.opt.get("kind") == "public" and route.path.startswith("/public/")
        }
    )


class Guard:
    """Pure ASGI; costs a few microseconds and no database access."""

    def __init__(self, app: ASGIApp, kernel: Kernel, import_map_hash: str, foreign: tuple[str, ...] = ()) -> None:
        self.app, self.kernel, self.hosts = app, kernel, hosts_of(kernel.config)
        self.foreign = foreign
        policy = CONTENT_SECURITY.format(hash=import_map_hash)
        extra = {"strict-transport-security": "max-age=31536000"} if kernel.config.secure else {}
        self.headers = [
            (name.encode(), value.encode())
            for name, value in {**HEADERS, "content-security-policy": policy, **extra}.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, then pass it on with its guards in place."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return

        began, count = perf_counter(), self.kernel.requests.answered

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = str(scope.get("path_template") or "")
                count(scope["method"], route, message["status"], perf_counter() - began)
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _value in given}
                message["headers"] = given + [h for h in self.headers if h[0] not in names]
                if "usage" in scope:  # of a token, put there by `app.admit`
                    message["headers"] += cast("Any", scope)["usage"].headers()
                if "cause" in scope and scope["path"].startswith("/api/"):  # of what was written, by `app.provide_uow`
                    message["headers"] = [*message["headers"], (b"cause-id", str(cast("Any", scope)["cause"]).encode())]
            await send(message)

        try:
            receive = await self.check(scope, receive)
        except CrmError as problem:
            await errors.send(problem, scope, guarded)
            return
        await self.app(scope, receive, guarded)

    async def check(self, scope: Any, receive: Receive) -> Receive:
        """Return the `receive` that the application may use; raise what the request is refused with."""
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, value)
        host = headers.get(b"host", b"").decode("latin-1")
        self._check_host(scope, host)
        if b"\x00" in (scope.get("raw_path") or b"") or "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            raise NulByte(_("Text must not contain NUL bytes."))
        signed = b"authorization" in headers
        token = None if signed else session_token(self.kernel.config, scope)
        expected = csrf_token(self.kernel.key, token) if token else ""
        scope["csrf_token"] = expected
        if scope["method"] in SAFE:
            return receive
        if not signed and not scope["path"].startswith(self.foreign):
            self._check_origin(headers, host)
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        body = Body(without_nul(receive, kind))
        if token:
            # Asked once the session is known to be a living one with the route's right: it may read the whole form.
            scope["form_token_ok"] = partial(_has_token, body, headers, kind, expected)
        return body

    def _check_host(self, scope: Any, host: str) -> None:
        if scope["path"] not in PROBES and host_name(host) not in self.hosts:
            raise UnknownHost(_("This CRM does not answer under this address; its base_url is another."))

    def _check_origin(self, headers: dict[bytes, bytes], host: str) -> None:
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if site is not None:
            ours = site in (b"same-origin", b"none")
        else:
            ours = origin is None or urlsplit(origin.decode("latin-1")).netloc in (
                host,
                urlsplit(self.kernel.config.url).netloc,
            )
        if not ours:
            raise ForeignRequest(_("This request comes from another site."))


def host_name(host: str) -> str:
    """Return the name of a Host header without its port; "" for what is no name and port ("ours:80@evil.example")."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""


class Body:
    """A request's `receive` that can be looked into before it is read: what was seen is given again."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.seen: deque[Any] = deque()

    async def __call__(self) -> Any:
        """Give the next message."""
        return self.seen.popleft() if self.seen else await self.receive()

    async def peek(self, limit: int, *, whole: bool = True) -> bytes:
        """Return the body, or at least its first `limit` bytes; TooLarge when the whole is more than `limit`."""
        size, more = 0, True
        while more and (whole or size < limit):
            message: Any = await self.receive()
            self.seen.append(message)
            size += len(message.get("body", b""))
            more = message["type"] == "http.request" and bool(message.get("more_body"))
            if whole and size > limit:
                raise TooLarge(_("The request is too large."))
        return b"".join(m.get("body", b"") for m in self.seen)


async def _has_token(body: Body, headers: dict[bytes, bytes], kind: bytes, expected: str) -> bool:
    """Return whether a request carries the form token, in its header, else in its form."""
    given = headers.get(TOKEN_HEADER, b"")
    if not given and kind == b"application/x-www-form-urlencoded":
        found = re.search(rb"(?:^|&)_csrf=([0-9a-f]{64})(?:&|$)", await body.peek(BODY_LIMIT))
        given = found[1] if found else b""
    elif not given and kind == b"multipart/form-data":
        start = await body.peek(HEAD, whole=False)
        found = re.search(rb'name="_csrf"[^\r\n]*\r\n\r\n([0-9a-f]{64})\r\n', start)
        given = found[1] if found else b""
    return hmac.compare_digest(given, expected.encode())


def without_nul(receive: Receive, kind: bytes) -> Receive:
    """Return a `receive` that raises NulByte when JSON or form text holds one, also across chunks."""
    pattern = _NUL_IN_FORM if kind == b"application/x-www-form-urlencoded" else _NUL_IN_JSON
    spreadsheet = kind.startswith(b"application/vnd.") and not kind.endswith(b"json")
    if spreadsheet or not kind.startswith((b"application/", b"text/")):
        return receive  # files are bytes; the fields beside them are checked when they are read
    tail = b""

    async def checked() -> Any:
        nonlocal tail
        message = await receive()
        body: bytes = message.get("body", b"")  # type: ignore[assignment]  # bytes by the specification
        if body and pattern.search(tail + body):
            raise NulByte(_("Text must not contain NUL bytes."))
        tail = (tail + body)[-16:]
        return message

    return checked
