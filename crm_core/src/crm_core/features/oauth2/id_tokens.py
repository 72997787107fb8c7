"""Checking ID tokens (OpenID Connect Core 3.1.3.7) with joserfc."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from crm_core.features.oauth2.discovery import FRESH, TENANT, Client, Metadata, decoded, fetched
from crm_core.features.oauth2.errors import ExchangeRefused, ProviderAway

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by a key that only the provider holds: never "none", never the client secret."""
LEEWAY = 60
"""Seconds by which clocks may differ."""
QUIET = 10.0
"""Seconds between two looks for a key that is not among the kept ones."""


async def checked(kernel: Kernel, client: Client, metadata: Metadata, token: Any, nonce: str) -> dict[str, Any]:
    """Return the claims of an ID token made for us, now, in answer to this request; ExchangeRefused says what fails."""
    if not isinstance(token, str) or not token or not metadata.jwks_uri:
        raise ExchangeRefused("id_token")
    claims = await _signed(kernel, metadata, token)
    try:
        jwt.JWTClaimsRegistry(leeway=LEEWAY, exp={"essential": True}, iat={"essential": True}).validate(claims)
    except JoseError as error:
        raise ExchangeRefused("time") from error
    demand_claims(client, metadata, claims, nonce)
    return claims


def demand_claims(client: Client, metadata: Metadata, claims: dict[str, Any], nonce: str) -> None:
    """Raise ExchangeRefused unless issuer, audience, subject and nonce are the expected ones."""
    issuer = metadata.issuer
    if client.many_tenants and TENANT in issuer:
        issuer = issuer.replace(TENANT, str(claims.get("tid", "")))
    if claims.get("iss") != issuer:
        raise ExchangeRefused("issuer")
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp", client.client_id if len(several) == 1 else None)
    if client.client_id not in several or party != client.client_id:
        raise ExchangeRefused("audience")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise ExchangeRefused("subject")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise ExchangeRefused("nonce")


async def keys_of(kernel: Kernel, metadata: Metadata, *, anew: bool = False) -> KeySet | None:
    """Return the provider's signing keys, kept for ten minutes; `anew` asks again, None if that was just done."""
    cache: dict[str, tuple[float, KeySet]] = kernel.caches.setdefault("oauth2 keys", {})
    kept = cache.get(metadata.jwks_uri)
    age = time.monotonic() - kept[0] if kept else FRESH + 1
    if kept is not None and age <= FRESH and not anew:
        return kept[1]
    if anew and age < QUIET:
        return None
    raw: Any = decoded(await fetched(kernel, metadata.jwks_uri), dict)
    try:
        keys = KeySet.import_key_set(raw)
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise ProviderAway("keys not readable") from error
    cache[metadata.jwks_uri] = (time.monotonic(), keys)
    return keys


async def _signed(kernel: Kernel, metadata: Metadata, token: str) -> dict[str, Any]:
    """Return the claims if one of the provider's keys signed them; a key not known yet is asked for once."""
    for anew in (False, True):
        keys = await keys_of(kernel, metadata, anew=anew)
        if keys is not None and (claims := _opened(token, keys)) is not None:
            return claims
    raise ExchangeRefused("signature")


def _opened(token: str, keys: KeySet) -> dict[str, Any] | None:
    try:
        return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
    except (JoseError, ValueError, TypeError):
        return None
