"""Sessions of people at a browser: one statement answers who they are and which caches are old.

The browser holds a random token, the database its SHA-256. Nothing is cached by time: a revoked session
or a switched-off user is refused at the next request of every process.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.auth.actor import ANONYMOUS, Actor, Viewing
from crm_core.auth.lookup import Lookup
from crm_core.auth.viewing import through
from crm_core.db.model import Model, Stamp, foreign, metadata
from crm_core.db.types import Id, UTCDateTime, utcnow
from crm_core.errors import Forbidden
from crm_core.i18n import Strings
from crm_core.live import CHECK, Message

if TYPE_CHECKING:
    from crm_core.config import Config
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LIFETIME = timedelta(days=30)
IDLE = timedelta(days=7)


class FormTokenMissing(Forbidden):
    """A cookie alone changes nothing: the request lacks the token that only our own pages know."""


class Session(Stamp, Model):
    """One sign-in. Ends at `expires_at`, after seven days without use, or when revoked."""

    __tablename__ = "core_session"

    token_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True, info={"secret": True})
    user_id: Mapped[UUID] = foreign("core_user.id", on_delete="CASCADE", nullable=False)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime(), index=True)
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime(), default=utcnow)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    address: Mapped[str] = mapped_column(sa.String(64), default="")
    browser: Mapped[str] = mapped_column(sa.String(255), default="")
    viewing_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    viewing_until: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)


def _signed_in(actor: Actor, key: UUID, viewing_id: Any, until: Any) -> Actor:
    viewing = None
    if viewing_id is not None and until is not None:
        moment = datetime.fromisoformat(until) if isinstance(until, str) else until
        viewing = Viewing(UUID(bytes=viewing_id) if isinstance(viewing_id, bytes) else viewing_id, moment)
    return replace(actor, session_id=key, viewing=viewing)


_LOOKUP = Lookup(
    metadata.tables["core_session"], seen="last_seen_at", columns="s.viewing_id, s.viewing_until", make=_signed_in,
    idle=IDLE,
)  # fmt: skip


def cookie_name(config: Config) -> str:
    """Return the name of the session cookie: bound to host and https where there is https."""
    return "__Host-crm" if config.secure else "crm"


def digest(token: str) -> bytes:
    """Return what the database keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def session_token(config: Config, scope: Any) -> str | None:
    """Return the session token that an ASGI connection carries, None without one."""
    wanted = cookie_name(config)
    for name, value in scope["headers"]:
        if name == b"cookie":
            for part in value.decode("latin-1").split(";"):
                key, _equals, text = part.strip().partition("=")
                if key == wanted and text:
                    return str(text)
    return None


async def from_session(kernel: Kernel, token: str) -> Actor | None:
    """Return the signed-in actor of a session token, None when it is unknown, ended or its user is off.

    A session that looks through another user's eyes gives that user, bounded by its own and only reading.
    """
    actor = await _LOOKUP.find(kernel, digest(token))
    return actor if actor is None or actor.viewing is None else await through(kernel, actor)


async def authenticate(kernel: Kernel, request: Any) -> Actor:
    """Return who sends a request, looked up once: a token's user, the session's user, or ANONYMOUS.

    Raises as `identify` and `demand_form_token` do.
    """
    known: Actor | None = request.scope.get("authenticated")
    if known is None:
        known = await identify(kernel, request.scope)
        await demand_form_token(request.scope, known)
    return known


async def identify(kernel: Kernel, scope: Any) -> Actor:
    """Return whose credential a request carries, also kept in its scope as `actor`; its body is not read.

    A request with `Authorization` never falls back to cookies; TokenNotValid when its token does not count.
    """
    actor: Actor = await _who(kernel, scope)
    scope["actor"] = actor
    return actor


async def demand_form_token(scope: Any, actor: Actor) -> None:
    """Raise FormTokenMissing for a change by cookie without its form's token; only here a form may be read for it."""
    if (
        scope["method"] not in SAFE
        and actor is not ANONYMOUS
        and not any(name == b"authorization" for name, _value in scope["headers"])
        and not ("form_token_ok" in scope and await scope["form_token_ok"]())
    ):
        raise FormTokenMissing(_("The form is out of date. Load the page again and repeat."))
    scope["authenticated"] = actor


async def _who(kernel: Kernel, scope: Any) -> Actor:
    from crm_core.auth.tokens import from_authorization

    for name, value in scope["headers"]:
        if name == b"authorization":
            return await from_authorization(kernel, value.decode("latin-1"))
    token = session_token(kernel.config, scope)
    return (token and await from_session(kernel, token)) or ANONYMOUS


async def start_session(uow: UnitOfWork, user_id: UUID, *, address: str = "", browser: str = "") -> str:
    """Write a new session and return its token, the only time it is known."""
    token = secrets.token_urlsafe(32)
    uow.demand_write()
    uow.session.add(
        Session(
            token_hash=digest(token),
            user_id=user_id,
            expires_at=uow.now + LIFETIME,
            last_seen_at=uow.now,
            address=address[:64],
            browser=browser[:255],
        )
    )
    return token


async def revoke_sessions(uow: UnitOfWork, *where: sa.ColumnElement[bool]) -> int:
    """End all sessions that match; returns how many. Open streams hear of it after the commit."""
    uow.demand_write()
    ended = sa.update(Session).where(Session.revoked_at.is_(None), *where).values(revoked_at=uow.now)
    result = await uow.session.execute(ended, execution_options={"synchronize_session": False})
    uow.after_commit(lambda: uow.kernel.live.publish(Message(CHECK)))
    return int(result.rowcount)  # type: ignore[attr-defined]  # a cursor result


def cookie(config: Config, token: str) -> str:
    """Return the Set-Cookie value for a new session; an empty token removes the cookie."""
    age = int(LIFETIME.total_seconds()) if token else 0
    secure = "; Secure" if config.secure else ""
    return f"{cookie_name(config)}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"


def csrf_token(key: bytes, token: str) -> str:
    """Return the token that forms of this session carry: nobody without the session's cookie can know it."""
    return hmac.new(key, b"csrf:" + digest(token), hashlib.sha256).hexdigest()
