"""API tokens: `crm_` and 32 random bytes; the database keeps the SHA-256, who, what for and until when."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.auth.actor import Actor, ActorKind
from crm_core.auth.lookup import Lookup
from crm_core.auth.session import digest
from crm_core.db.model import Model, Stamp, foreign, metadata
from crm_core.db.types import Json, UTCDateTime
from crm_core.errors import Invalid, Unauthenticated
from crm_core.i18n import Strings
from crm_core.plugin import hookspecs
from crm_core.plugin.declare import VERBS

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.plugin.registry import Registry
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PREFIX = "crm_"


class TokenNotValid(Unauthenticated):
    """The token is unknown, expired or revoked, or its user is switched off; nobody is told which."""


class ScopesUnknown(Invalid):
    """A token was asked for with a scope that does not exist."""


class Token(Stamp, Model):
    """A token of one user. `start` is shown so that people tell their tokens apart."""

    __tablename__ = "core_token"

    token_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True, info={"secret": True})
    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False)
    name: Mapped[str] = mapped_column(sa.String(255), default="")
    start: Mapped[str] = mapped_column(sa.String(16))
    scopes: Mapped[list[Any]] = mapped_column(Json(), default=list)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)


def _with_token(actor: Actor, key: UUID, name: str, scopes: Any) -> Actor:
    narrowed = frozenset(msgspec.json.decode(scopes) if isinstance(scopes, str | bytes) else scopes)
    return replace(actor, kind=ActorKind.token, scopes=narrowed, session_id=key, name=f"{actor.name} ({name})")


_LOOKUP = Lookup(metadata.tables["core_token"], seen="last_used_at", columns="s.name, s.scopes", make=_with_token)


async def from_authorization(kernel: Kernel, header: str) -> Actor:
    """Return the actor of an `Authorization` header; TokenNotValid for anything but a living token."""
    scheme, _space, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() == "bearer" and token.startswith(PREFIX):
        actor = await _LOOKUP.find(kernel, digest(token))
        if actor is not None:
            return actor
    raise TokenNotValid(_("This token is not valid."))


async def create_token(
    uow: UnitOfWork, user_id: UUID, name: str, *, scopes: Iterable[str] = (), expires_at: datetime | None = None
) -> tuple[Token, str]:
    """Write a new token; returns the row and the token itself, the only time it is known."""
    narrowed = sorted({one for scope in scopes for one in expanded(uow.registry, scope)})
    if unknown := [s for s in narrowed if not is_scope(uow.registry, s)]:
        text = _("Unknown scope: {scopes}", scopes=", ".join(unknown))
        raise ScopesUnknown(text, fields={"scopes": text})
    uow.demand_write()
    secret = PREFIX + secrets.token_urlsafe(32)
    row = Token(
        token_hash=digest(secret),
        user_id=user_id,
        name=name[:255],
        start=secret[:9],
        scopes=narrowed,
        expires_at=expires_at,
    )
    uow.session.add(row)
    await uow.session.flush()  # the caller shows the id
    return row, secret


def expanded(registry: Registry, scope: str) -> list[str]:
    """Return the scopes that a pattern with `*` stands for today; the pattern itself when it fits nothing.

    "core.*.read" is the verb on every entity of core, "core.deal.*" every verb on deals. Written out when the
    token is made: what a plugin brings later is not in it.
    """
    if "*" not in scope:
        return [scope]
    pattern = re.compile(r"[\w.]*".join(map(re.escape, scope.split("*"))))
    names = [f"{entity}.{verb}" for entity in registry.entities for verb in VERBS]
    return [name for name in names if pattern.fullmatch(name)] or [scope]


def is_scope(registry: Registry, scope: str) -> bool:
    """Return whether a token can be narrowed to this: "read", "write", an entity, a verb of it, a permission."""
    if scope in ("read", "write") or scope in registry.entities:
        return True
    entity, _dot, verb = scope.rpartition(".")
    if entity in registry.entities and verb in VERBS:
        return True
    return any(p.name == scope for p in registry.gather(hookspecs.crm_permissions))


async def revoke_tokens(uow: UnitOfWork, *where: sa.ColumnElement[bool]) -> int:
    """End all tokens that match; returns how many."""
    uow.demand_write()
    ended = sa.update(Token).where(Token.revoked_at.is_(None), *where).values(revoked_at=uow.now)
    result = await uow.session.execute(ended, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]  # a cursor result
