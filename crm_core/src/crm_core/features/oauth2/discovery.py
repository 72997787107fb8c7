"""Where a provider's endpoints and keys are: its discovery document (OpenID Connect Discovery 1.0), or as given."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import httpx2
import msgspec

from crm_core import net
from crm_core.errors import Invalid
from crm_core.features.oauth2.errors import ExchangeRefused, ProviderAway
from crm_core.i18n import Strings

if TYPE_CHECKING:
    from crm_core.config import Config
    from crm_core.kernel import Kernel

_ = Strings("crm_core")
T = TypeVar("T")
FRESH = 600.0
"""Seconds a discovery document and keys are kept."""
LARGEST = 512 * 1024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
TENANT = "{tenantid}"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoints of a provider; names are those of the discovery document (RFC 8414, RFC 9207)."""

    issuer: str = ""
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    jwks_uri: str = ""
    userinfo_endpoint: str = ""
    revocation_endpoint: str = ""
    authorization_response_iss_parameter_supported: bool = False
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """How we are known at one provider. Endpoints left empty come from discovery at `issuer`.

    extra: parameters of the authorization request that this provider wants ("access_type").
    many_tenants: the issuer may be a template with a tenant in it, as Microsoft's "common" is.
    """

    key: str
    name: str
    client_id: str
    client_secret: str
    redirect_uri: str
    issuer: str = ""
    scopes: tuple[str, ...] = ()
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    userinfo_endpoint: str = ""
    revocation_endpoint: str = ""
    extra: dict[str, str] = {}
    many_tenants: bool = False


def demand_address(config: Config, text: str, field: str) -> None:
    """Raise Invalid unless this is an https address; http only on this machine or with `insecure_http`."""
    parts = urlsplit(text)
    plain = parts.scheme == "http" and (parts.hostname in LOOPBACK or config.insecure_http)
    fits = text.isprintable() and not any(c.isspace() for c in text) and len(text) <= 255
    if not (fits and parts.hostname and (parts.scheme == "https" or plain) and not parts.username and not parts.query):
        told = _("Enter an address that begins with https://.")
        raise Invalid(told, fields={field: told})


async def metadata_of(kernel: Kernel, client: Client) -> Metadata:
    """Return a provider's endpoints, kept for ten minutes; ProviderAway, or ExchangeRefused for a foreign document."""
    found = Metadata()
    if client.issuer:
        cache: dict[str, tuple[float, Metadata]] = kernel.caches.setdefault("oauth2 discovery", {})
        kept = cache.get(client.issuer)
        if kept is None or time.monotonic() - kept[0] > FRESH:
            text = await fetched(kernel, f"{client.issuer.rstrip('/')}/.well-known/openid-configuration")
            kept = cache[client.issuer] = (time.monotonic(), decoded(text, Metadata))
        found = kept[1]
        # Else one provider could speak for another (Discovery 4.3).
        if found.issuer != client.issuer and not (client.many_tenants and TENANT in found.issuer):
            raise ExchangeRefused("discovery")
    names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint")
    given = {name: value for name in names if (value := getattr(client, name))}
    found = msgspec.structs.replace(found, **given)
    for name in (*names, "jwks_uri"):
        if address := getattr(found, name):
            demand_address(kernel.config, address, name)
    if not found.authorization_endpoint or not found.token_endpoint:
        raise ProviderAway("no endpoints")
    return found


async def fetched(kernel: Kernel, address: str, bearer: str = "") -> bytes:
    """Return what a GET of a provider's address answers, at most 512 KiB; ProviderAway for everything but 200."""
    headers = {"accept": "application/json", **({"authorization": f"Bearer {bearer}"} if bearer else {})}
    body = b""
    try:
        async with net.client(kernel.config) as wire, wire.stream("GET", address, headers=headers) as answer:
            if answer.status_code != 200:
                raise ProviderAway(f"answered {answer.status_code}")
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    raise ProviderAway("answer too large")
    except (httpx2.HTTPError, httpx2.InvalidURL, net.Unreachable, UnicodeError) as error:
        raise ProviderAway("not reachable") from error
    return body


def decoded(body: bytes, kind: type[T]) -> T:
    """Return JSON as `kind`; ProviderAway when it is none."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProviderAway("answer not readable") from error
