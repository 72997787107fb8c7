"""Pages for people without an account, opened by a link: signing, booking, unsubscribing."""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncGenerator, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from litestar import Controller, Request, Response
from litestar.di import NamedDependency, Provide

from crm_core.auth.actor import ANONYMOUS
from crm_core.auth.attempts import audit_denied, mark_right, record_attempt
from crm_core.auth.links import PublicLink, create_link, guest, open_link, revoke_links, use_link
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import errors

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PER_LINK = 60
"""Requests a minute through one link, from wherever they come."""
QUICKEST, SLOWEST = 2, 24 * 3600
"""Seconds between showing a form and sending it that a person needs at least, and at most gets."""


class FormRefused(Invalid):
    """The form was filled by a machine, or is a day old."""


def limit_public(
    kernel: Kernel, purpose: str, token: str, address: str, limit: int = 30, link_limit: int = PER_LINK
) -> None:
    """Count a request with a link, before any query; TooManyRequests above `limit` a minute from one address."""
    kernel.limits.hit(f"address {purpose} {address}", limit).demand()
    kernel.limits.hit(f"link {sha256(token.encode()).hexdigest()}", link_limit).demand()


async def provide_public_uow(request: Request[Any, Any, Any]) -> AsyncGenerator[UnitOfWork]:
    """Give a public handler its unit of work with the guest of the link as actor. GET and HEAD only read.

    Limits come before any query; unknown, expired, used-up and revoked links get one answer.
    """
    kernel: Kernel = request.app.state.kernel
    opt, token = request.route_handler.opt, str(request.path_params.get("token", ""))
    address = request.client.host if request.client else ""
    limit_public(kernel, opt["purpose"], token, address, opt["limit"], opt["link_limit"])
    locale = errors.accepted(request.headers.get("accept-language", ""))
    begin = kernel.read if request.method in SAFE else kernel.write
    async with begin(ANONYMOUS, locale=locale) as uow:
        link = await open_link(uow, opt["purpose"], token)
        uow.actor = guest(link, locale)
        request.scope["public_link"] = link  # type: ignore[typeddict-unknown-key]  # ours
        yield uow


async def provide_link(request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork]) -> PublicLink:
    """Give a public handler the link it was opened with."""
    return request.scope["public_link"]  # type: ignore[typeddict-item,no-any-return]  # ours


class PublicController(Controller):
    """Handlers below `/public`; `path` holds `{token:str}`, e.g. "/quotes/sign/{token:str}".

    They take `uow: NamedDependency[UnitOfWork]` and `link: NamedDependency[PublicLink]`; cookies are never read or set.
    purpose: what the link must be for. limit: requests a minute from one address; link_limit: through one link.
    frame_ancestors: origins that may show the page in a frame. foreign: pages of other sites may post here, and the
    handler looks at their origin. Effects are POST and call `use_link` in their transaction.
    """

    purpose: ClassVar[str]
    limit: ClassVar[int] = 30
    link_limit: ClassVar[int] = PER_LINK
    foreign: ClassVar[bool] = False
    frame_ancestors: ClassVar[tuple[str, ...]] = ()
    include_in_schema = False
    dependencies = MappingProxyType({"uow": Provide(provide_public_uow), "link": Provide(provide_link)})

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.path = "/public" + (self.path if self.path.startswith("/") else f"/{self.path}").rstrip("/")
        told = {"purpose": self.purpose, "limit": self.limit, "link_limit": self.link_limit, "foreign": self.foreign}
        self.opt = {"kind": "public", "public": True, **told, **(self.opt or {})}
        self.response_headers = public_headers(self.frame_ancestors)
        self.exception_handlers = {Exception: self._refused, **(self.exception_handlers or {})}

    def _refused(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        answer = errors.handle(request, error)
        for name, value in public_headers(self.frame_ancestors).items():
            answer.headers.setdefault(name, value)
        return answer


def public_headers(frame_ancestors: tuple[str, ...]) -> dict[str, str]:
    """Return the headers of public pages: own policy, no referrer, not for search engines or caches."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
        f"frame-ancestors {' '.join(frame_ancestors) or chr(39) + 'none' + chr(39)}"
    )
    return {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex, nofollow",
        "cache-control": "no-store",
    }


def form_stamp(key: bytes, link: PublicLink, now: float | None = None) -> str:
    """Return the value of a form's hidden field `_at`; the form has an empty, hidden field `_website` beside it."""
    text = str(int(time.time() if now is None else now))
    return f"{text}.{_sign(key, link, text)}"


def check_form(key: bytes, link: PublicLink, posted: Mapping[str, Any]) -> None:
    """Raise FormRefused for a form that a machine filled: the trap, the time, a foreign stamp."""
    text, _dot, signature = str(posted.get("_at", "")).partition(".")
    signed = hmac.compare_digest(signature.encode(), _sign(key, link, text).encode())
    if posted.get("_website") or not signed or not QUICKEST <= time.time() - int(text) <= SLOWEST:
        raise FormRefused(_("Please load the page again and repeat."))


def _sign(key: bytes, link: PublicLink, text: str) -> str:
    return hmac.new(key, f"form:{link.id}:{text}".encode(), sha256).hexdigest()[:32]


__all__ = [
    "PublicController", "PublicLink", "audit_denied", "check_form", "create_link", "form_stamp",
    "mark_right", "record_attempt", "revoke_links", "use_link",
]  # fmt: skip
