"""Providers as they are typed and shown. The client secret goes in and never comes out."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm_core.i18n import Strings

_ = Strings("crm_core")
WORDS = (
    _("As on the button of the log-in page."),
    _("Key"),
    _("Part of the address people come back to: small letters, digits."),
    _("Such as https://accounts.google.com: the address before /.well-known."),
    _("Client ID"),
    _("Claim with groups"),
    _("Such as groups or realm_access.roles."),
    _("Roles by group"),
    _("A line for each: group = role. The group * is everybody."),
    _("E-mail domains"),
    _("Only addresses of these; empty: all."),
    _("Make an account at the first sign-in"),
    _("Link existing users by e-mail"),
    _("At the first sign-in, if the provider has verified the address."),
    _("Take all its addresses as verified"),
    _("Only for a directory of your own, such as Entra ID with one tenant."),
    _("The provider asks for it"),
    _("Ours is asked for too"),
    _("People may sign in with it"),
)
"""What the form says, where texts to translate are collected."""

SecondFactor = Literal["provider", "own"]


class GroupRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group at the provider and the role its members get; the group "*" is everybody who signs in."""

    group: str
    role_id: UUID


class ProviderIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider of single sign-on. An empty client secret keeps the one there is."""

    key: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,31}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    issuer: Annotated[str, Meta(min_length=1, max_length=255)]
    client_id: Annotated[str, Meta(min_length=1, max_length=255)]
    client_secret: Annotated[str, Meta(max_length=2000)] = ""
    scopes: Annotated[str, Meta(max_length=500)] = "openid email profile"
    group_claim: Annotated[str, Meta(max_length=100)] = ""
    role_map: list[GroupRole] = []
    email_domains: list[str] = []
    creates_users: bool = False
    links_by_email: bool = False
    trusts_email: bool = False
    second_factor: SecondFactor = "provider"
    is_active: bool = True


class ProviderOut(msgspec.Struct, kw_only=True):
    """A provider as stored; `client_secret_set` instead of the secret. redirect_uri: to be registered there."""

    id: UUID
    key: str
    name: str
    issuer: str
    client_id: str
    client_secret_set: bool
    scopes: str
    group_claim: str
    role_map: list[GroupRole]
    email_domains: list[str]
    creates_users: bool
    links_by_email: bool
    trusts_email: bool
    second_factor: SecondFactor
    is_active: bool
    redirect_uri: str


class ProviderForm(msgspec.Struct, frozen=True, kw_only=True):
    """The same as a form; groups and roles are lines "group = role"."""

    name: Annotated[str, Meta(title="Name", description="As on the button of the log-in page.", max_length=100)]
    key: Annotated[str, Meta(title="Key", description="Part of the address people come back to: small letters, digits.", max_length=32)]  # fmt: skip  # noqa: E501
    issuer: Annotated[str, Meta(title="Issuer", description="Such as https://accounts.google.com: the address before /.well-known.", max_length=255)]  # fmt: skip  # noqa: E501
    client_id: Annotated[str, Meta(title="Client ID", max_length=255)]
    scopes: Annotated[str, Meta(title="Scopes", max_length=500)] = "openid email profile"
    group_claim: Annotated[
        str, Meta(title="Claim with groups", description="Such as groups or realm_access.roles.", max_length=100)
    ] = ""
    roles: Annotated[
        str,
        Meta(
            title="Roles by group",
            description="A line for each: group = role. The group * is everybody.",
            extra={"kind": "long_text"},
        ),
    ] = ""
    email_domains: Annotated[
        str, Meta(title="E-mail domains", description="Only addresses of these; empty: all.", max_length=1000)
    ] = ""
    creates_users: Annotated[bool, Meta(title="Make an account at the first sign-in")] = False
    links_by_email: Annotated[
        bool,
        Meta(
            title="Link existing users by e-mail",
            description="At the first sign-in, if the provider has verified the address.",
        ),
    ] = False
    trusts_email: Annotated[
        bool,
        Meta(
            title="Take all its addresses as verified",
            description="Only for a directory of your own, such as Entra ID with one tenant.",
        ),
    ] = False
    second_factor: Annotated[
        SecondFactor,
        Meta(
            title="Second factor",
            extra={"labels": {"provider": "The provider asks for it", "own": "Ours is asked for too"}},
        ),
    ] = "provider"
    is_active: Annotated[bool, Meta(title="People may sign in with it")] = True
