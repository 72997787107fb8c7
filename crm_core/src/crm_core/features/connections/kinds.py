"""What is peculiar to Google and Microsoft; everything else about them is plain OAuth2."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Peculiar:
    """issuer: unless another is configured. scopes: always asked for. extra: parameters of the authorization request.

    same: scopes that come back under another name. silent: scopes that are granted and never listed in the answer.
    """

    issuer: str = ""
    scopes: tuple[str, ...] = ("openid", "email")
    extra: dict[str, str] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    silent: frozenset[str] = frozenset({"openid", "email", "profile", "offline_access"})
    revocation_endpoint: str = ""


KINDS = {
    "google": Peculiar(
        issuer="https://accounts.google.com",
        # Without both, Google gives a refresh token at the first consent only.
        extra={"access_type": "offline", "prompt": "consent"},
        same={
            "email": "https://www.googleapis.com/auth/userinfo.email",
            "profile": "https://www.googleapis.com/auth/userinfo.profile",
        },
    ),
    "microsoft": Peculiar(
        issuer="https://login.microsoftonline.com/common/v2.0",
        scopes=("openid", "email", "offline_access"),
        extra={"prompt": "select_account"},
    ),
    "oauth2": Peculiar(scopes=()),
}


def missing(kind: str, asked: tuple[str, ...], granted: str | None) -> list[str]:
    """Return the scopes that were asked for and not granted; an answer without scopes grants all (RFC 6749 5.1)."""
    if granted is None:
        return []
    one = KINDS[kind]
    # Graph's scopes come back with or without their address, in any case of letters.
    given = {part.rsplit("/", 1)[-1].lower() for part in granted.split()} | {part.lower() for part in granted.split()}
    wanted = [scope for scope in asked if scope not in one.silent]
    return [s for s in wanted if s.lower() not in given and one.same.get(s, s).lower() not in given]
