"""One trip of a browser to a provider and back: begun with a state for one use, ended in the same browser.

The state is the token of a link of ours, the browser's side a cookie; PKCE verifier and nonce are derived from
both and the installation's key, so neither the database nor the browser holds them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crm_core.auth.actor import ANONYMOUS, Actor, system
from crm_core.auth.links import LinkNotValid, create_link, open_link, use_link
from crm_core.auth.session import cookie_name
from crm_core.features.oauth2.discovery import TENANT, Client, Metadata, metadata_of
from crm_core.features.oauth2.errors import ExchangeRefused

if TYPE_CHECKING:
    from litestar import Request, Response

    from crm_core.kernel import Kernel

LASTS = timedelta(minutes=10)
SIZE = 43  # characters of token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow whose answer came back to the browser that began it, for the first time. data: as given to `begun`."""

    code: str
    verifier: str
    nonce: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the cookie it must bring back."""

    address: str
    browser: str


def browser_of(request: Request[Any, Any, Any]) -> str:
    """Return what this browser keeps of flows it began, "" for one that began none."""
    kept: str = request.cookies.get(cookie_name(request.app.state.kernel.config) + "-oauth", "")
    return kept if len(kept) == SIZE else ""


def keep(answer: Response[Any], kernel: Kernel, browser: str) -> None:
    """Give the browser its side of a flow. Lax: the way back is a navigation from another site."""
    answer.set_cookie(
        cookie_name(kernel.config) + "-oauth", browser, max_age=int(LASTS.total_seconds()), path="/", httponly=True,
        samesite="lax", secure=kernel.config.secure,
    )  # fmt: skip


async def begun(
    kernel: Kernel, purpose: str, client: Client, browser: str, *, actor: Actor = ANONYMOUS,
    data: Mapping[str, Any] | None = None,
) -> Begun:  # fmt: skip
    """Write a state for ten minutes and one use, bound to this browser (and session), and return where to go."""
    metadata = await metadata_of(kernel, client)
    browser = browser or secrets.token_urlsafe(32)
    bound = {"browser": _seen(browser), "client": client.key, "session": str(actor.session_id or "")}
    async with kernel.write(system("oauth2")) as uow:
        lasts = uow.now + LASTS
        state = await create_link(uow, purpose, data={**(data or {}), **bound}, expires_at=lasts, max_uses=1)
    extra = dict(client.extra)
    if client.issuer:
        extra["nonce"] = derived(kernel, "nonce", state, browser)
    verifier = derived(kernel, "verifier", state, browser)
    from crm_core.features.oauth2.exchange import session  # loads Authlib: see public.py

    async with session(kernel, client, metadata) as wire:
        address, _state = wire.create_authorization_url(
            metadata.authorization_endpoint, state=state, code_verifier=verifier, scope=" ".join(client.scopes), **extra
        )
    return Begun(address, browser)


async def ended(
    kernel: Kernel, purpose: str, client: Client, browser: str, answer: Mapping[str, Sequence[str]],
    *, actor: Actor = ANONYMOUS,
) -> Flow:  # fmt: skip
    """Use the state up and return the flow; ExchangeRefused for everything that is not this flow's only answer.

    Committed before the code is traded: whatever fails later, the same answer never counts again.
    """
    state = one(answer, "state")
    async with kernel.write(system("oauth2")) as uow:
        try:
            link = await open_link(uow, purpose, state)
            data = link.data
            if not browser or not hmac.compare_digest(str(data["browser"]), _seen(browser)):
                raise ExchangeRefused("browser")
            if data["session"] != str(actor.session_id or ""):
                raise ExchangeRefused("session")
            await use_link(uow, link)
        except LinkNotValid as error:
            raise ExchangeRefused("state") from error
    if data["client"] != client.key:
        raise ExchangeRefused("provider")
    demand_issuer(client, await metadata_of(kernel, client), answer)
    if answer.get("error"):
        raise ExchangeRefused("denied" if one(answer, "error") == "access_denied" else "error")
    code = one(answer, "code")
    names = ("verifier", "nonce")
    verifier, nonce = (derived(kernel, name, state, browser) for name in names)
    return Flow(code, verifier, nonce, data)


def demand_issuer(client: Client, metadata: Metadata, answer: Mapping[str, Sequence[str]]) -> None:
    """Raise ExchangeRefused when the answer names another issuer (RFC 9207), or none although this one always does."""
    told = one(answer, "iss", missing="")
    tenants = client.many_tenants and TENANT in metadata.issuer
    if told and told != metadata.issuer and not (tenants and _is_tenant(told, metadata.issuer)):
        raise ExchangeRefused("issuer")
    if not told and metadata.authorization_response_iss_parameter_supported:
        raise ExchangeRefused("issuer")


def one(answer: Mapping[str, Sequence[str]], name: str, *, missing: str | None = None) -> str:
    """Return the one value of a parameter; ExchangeRefused when it comes twice, is empty or too long."""
    found = answer.get(name, ())
    if not found and missing is not None:
        return missing
    if len(found) != 1 or not 0 < len(found[0]) <= 4096:
        raise ExchangeRefused(name)
    return found[0]


def answer_of(request: Request[Any, Any, Any]) -> dict[str, list[str]]:
    """Return the parameters a provider sent back, each with all its values."""
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    return found


def derived(kernel: Kernel, what: str, state: str, browser: str) -> str:
    """Return 43 characters that only this installation can make from a state and its browser's cookie."""
    made = hmac.new(kernel.key, f"oauth2 {what}:{state}:{browser}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def _seen(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()


def _is_tenant(told: str, template: str) -> bool:
    before, _tenant, after = template.partition(TENANT)
    return told.startswith(before) and told.endswith(after) and "/" not in told[len(before) : len(told) - len(after)]
