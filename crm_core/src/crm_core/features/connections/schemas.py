"""Connected accounts and their providers as they are typed and shown. Tokens and secrets never come out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm_core.i18n import Strings

_ = Strings("crm_core")
WORDS = (
    _("As people see it."),
    _("Further scopes"),
    _("Beside those that modules ask for."),
    _("Empty for Google and Microsoft: theirs is known."),
    _("Authorization endpoint"),
    _("Token endpoint"),
    _("Userinfo endpoint"),
    _("Revocation endpoint"),
    _("People may connect accounts"),
    _("Other (OAuth2)"),
)
"""What the form says, where texts to translate are collected."""

Kind = Literal["google", "microsoft", "oauth2"]


class State(StrEnum):
    """How an account stands: usable; the person has to allow access again; access was given up."""

    connected = "connected"
    reconnect = "reconnect"
    revoked = "revoked"


class ConnectionOut(msgspec.Struct, kw_only=True):
    """A connected account. Nothing here opens it."""

    id: UUID
    provider: str
    provider_name: str
    address: str
    scopes: list[str]
    state: State
    last_error: str
    connected_at: datetime


class ProviderIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider of accounts. Endpoints left empty come from discovery; an empty secret keeps the old one."""

    key: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,31}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    kind: Kind = "oauth2"
    issuer: Annotated[str, Meta(max_length=255)] = ""
    client_id: Annotated[str, Meta(min_length=1, max_length=255)]
    client_secret: Annotated[str, Meta(max_length=2000)] = ""
    scopes: Annotated[str, Meta(max_length=2000)] = ""
    authorization_endpoint: Annotated[str, Meta(max_length=255)] = ""
    token_endpoint: Annotated[str, Meta(max_length=255)] = ""
    userinfo_endpoint: Annotated[str, Meta(max_length=255)] = ""
    revocation_endpoint: Annotated[str, Meta(max_length=255)] = ""
    is_active: bool = True


class ProviderOut(msgspec.Struct, kw_only=True):
    """A provider as stored. all_scopes: with those that plugins ask for. redirect_uri: to be registered there."""

    id: UUID
    key: str
    name: str
    kind: Kind
    issuer: str
    client_id: str
    client_secret_set: bool
    scopes: str
    all_scopes: list[str]
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    revocation_endpoint: str
    is_active: bool
    redirect_uri: str


class ProviderForm(msgspec.Struct, frozen=True, kw_only=True):
    """The same as a form."""

    kind: Annotated[
        Kind,
        Meta(
            title="Kind",
            extra={"labels": {"google": "Google", "microsoft": "Microsoft", "oauth2": "Other (OAuth2)"}},
        ),
    ] = "google"
    name: Annotated[str, Meta(title="Name", description="As people see it.", max_length=100)]
    key: Annotated[
        str,
        Meta(
            title="Key",
            description="Part of the address people come back to: small letters, digits.",
            max_length=32,
        ),
    ]
    client_id: Annotated[str, Meta(title="Client ID", max_length=255)]
    scopes: Annotated[
        str, Meta(title="Further scopes", description="Beside those that modules ask for.", max_length=2000)
    ] = ""
    issuer: Annotated[
        str, Meta(title="Issuer", description="Empty for Google and Microsoft: theirs is known.", max_length=255)
    ] = ""
    authorization_endpoint: Annotated[str, Meta(title="Authorization endpoint", max_length=255)] = ""
    token_endpoint: Annotated[str, Meta(title="Token endpoint", max_length=255)] = ""
    userinfo_endpoint: Annotated[str, Meta(title="Userinfo endpoint", max_length=255)] = ""
    revocation_endpoint: Annotated[str, Meta(title="Revocation endpoint", max_length=255)] = ""
    is_active: Annotated[bool, Meta(title="People may connect accounts")] = True
