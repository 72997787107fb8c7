"""Talking to a provider's endpoints through Authlib, over the checked transport: codes, refresh, revocation."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from crm_core import net
from crm_core.features.oauth2.discovery import Client, Metadata, decoded, fetched, metadata_of
from crm_core.features.oauth2.errors import ExchangeRefused, GrantEnded, ProviderAway
from crm_core.features.oauth2.id_tokens import checked

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

log = logging.getLogger(__name__)
AWAY = (httpx2.HTTPError, httpx2.InvalidURL, net.Unreachable, ValueError)


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a token endpoint gave. expires_in: seconds. Never log one."""

    access_token: str
    refresh_token: str = ""
    id_token: str = ""
    expires_in: int | None = None
    scope: str | None = None

    def __repr__(self) -> str:
        return "Tokens(…)"


def session(kernel: Kernel, client: Client, metadata: Metadata) -> AsyncOAuth2Client:
    """Return Authlib's client for one exchange, to be used in `async with`; S256 is the only challenge it makes."""
    methods = metadata.token_endpoint_auth_methods_supported
    by_form = "client_secret_basic" not in methods and "client_secret_post" in methods
    method = "none" if not client.client_secret else "client_secret_post" if by_form else "client_secret_basic"
    return AsyncOAuth2Client(
        client_id=client.client_id, client_secret=client.client_secret, token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method, redirect_uri=client.redirect_uri, code_challenge_method="S256",
        transport=net.CheckedTransport(kernel.config), timeout=net.TIMEOUT, trust_env=False,
    )  # fmt: skip


async def traded(kernel: Kernel, client: Client, code: str, verifier: str) -> Tokens:
    """Return the tokens for a code, with the PKCE verifier; ExchangeRefused when the provider refuses it."""
    metadata = await metadata_of(kernel, client)
    try:
        async with session(kernel, client, metadata) as wire:
            raw = await wire.fetch_token(
                metadata.token_endpoint, grant_type="authorization_code", code=code, code_verifier=verifier,
                redirect_uri=client.redirect_uri,
            )  # fmt: skip
    except OAuthError as error:
        raise ExchangeRefused("code") from error
    except AWAY as error:
        raise ProviderAway("token endpoint") from error
    return _tokens(raw)


async def refreshed(kernel: Kernel, client: Client, refresh_token: str) -> Tokens:
    """Return new tokens for a refresh token; GrantEnded when it counts no more, ProviderAway for other failures."""
    metadata = await metadata_of(kernel, client)
    try:
        async with session(kernel, client, metadata) as wire:
            # Authlib writes an absent new refresh token into the token it holds.
            wire.token = {"refresh_token": refresh_token}
            raw = await wire.refresh_token(metadata.token_endpoint, refresh_token=refresh_token)
    except OAuthError as error:
        if error.error == "invalid_grant":
            raise GrantEnded from error
        raise ProviderAway(str(error.error)) from error
    except AWAY as error:
        raise ProviderAway("token endpoint") from error
    return _tokens(raw)


async def revoked(kernel: Kernel, client: Client, token: str, hint: Literal["access_token", "refresh_token"]) -> bool:
    """Ask the provider to forget a token (RFC 7009); return whether it did, False when it is away."""
    try:
        metadata = await metadata_of(kernel, client)
        if not metadata.revocation_endpoint:
            return False
        async with session(kernel, client, metadata) as wire:
            answer = await wire.revoke_token(metadata.revocation_endpoint, token=token, token_type_hint=hint)
        return bool(answer.status_code == 200)
    except (OAuthError, ProviderAway, ExchangeRefused, *AWAY) as error:
        log.warning("%s: revoking a token failed: %s", client.key, type(error).__name__)
        return False


async def person_of(
    kernel: Kernel, client: Client, tokens: Tokens, nonce: str, *, wants: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return claims about who signed in at the provider: a checked ID token, else (no issuer) the userinfo answer.

    wants: claims for which userinfo is asked too when the ID token lacks them; its subject must be the same.
    """
    metadata = await metadata_of(kernel, client)
    claims: dict[str, Any] = {}
    if client.issuer:
        claims = await checked(kernel, client, metadata, tokens.id_token, nonce)
        if not metadata.userinfo_endpoint or wants <= claims.keys():
            return claims
    elif not metadata.userinfo_endpoint:
        raise ExchangeRefused("userinfo")
    more: dict[str, Any] = decoded(await fetched(kernel, metadata.userinfo_endpoint, tokens.access_token), dict)
    subject = more.get("sub", more.get("id"))
    if not isinstance(subject, str | int) or isinstance(subject, bool) or not 0 < len(str(subject)) <= 255:
        raise ExchangeRefused("subject")
    if claims and str(subject) != claims["sub"]:
        raise ExchangeRefused("userinfo")
    return {**more, "sub": str(subject), **claims}


def _tokens(raw: Any) -> Tokens:
    try:
        found = msgspec.convert(dict(raw), Tokens, strict=False)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise ProviderAway("token answer not readable") from error
    if not found.access_token or str(raw.get("token_type", "bearer")).lower() != "bearer":
        raise ProviderAway("token answer not usable")
    return found
