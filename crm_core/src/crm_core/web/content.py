"""HTML from strangers, at addresses of its own: signed, sandboxed, and without anything of our pages.

A frame made from `srcdoc` would inherit the page's policy; this address sends its own, also when somebody
opens it directly.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from litestar import Request, Response, get
from litestar.params import FromPath

from crm_core.errors import NotFound
from crm_core.i18n import Strings

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
VALID = 12 * 3600
"""Seconds an address works: as long as a page stays open."""

POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data: 'self'; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "cache-control": "private, max-age=3600",
}


def content_url(key: bytes, blob: str, now: float | None = None) -> str:
    """Return the path that shows a stored blob as sandboxed HTML until `VALID` seconds from now.

    The caller has checked that the reader may see it: whoever has the address can open it.
    """
    until = int(time.time() if now is None else now) + VALID
    return f"/content/{blob}.{until}.{_sign(key, blob, until)}"


def opened(key: bytes, signed: str, now: float | None = None) -> str:
    """Return the blob a signed id names; NotFound for a foreign, changed or expired one."""
    blob, _dot, rest = signed.partition(".")
    until, _dot, signature = rest.partition(".")
    if until.isascii() and until.isdigit() and len(until) < 16:
        right = hmac.compare_digest(signature.encode("utf-8", "replace"), _sign(key, blob, int(until)).encode())
        if right and int(until) >= (time.time() if now is None else now):
            return blob
    raise NotFound(_("There is no such content."))


def _sign(key: bytes, blob: str, until: int) -> str:
    return hmac.new(key, f"content:{blob}:{until}".encode(), sha256).hexdigest()


@get("/content/{signed:str}", opt={"public": True}, include_in_schema=False)
async def content(request: Request[Any, Any, Any], signed: FromPath[str]) -> Response[bytes]:
    """Show stored HTML in its sandbox; no cookie is read."""
    kernel: Kernel = request.app.state.kernel
    file = await kernel.blobs.fetch(opened(kernel.key, signed))
    body = await asyncio.to_thread(file.read_bytes)
    return Response(body, media_type="text/html; charset=utf-8", headers=HEADERS)
