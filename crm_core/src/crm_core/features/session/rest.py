"""Signing in and out, tokens and passwords by API."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.auth.actor import Actor
from crm_core.auth.rights import load_actor
from crm_core.auth.session import authenticate, cookie, csrf_token
from crm_core.errors import Invalid, Unauthenticated
from crm_core.features.session import actions, queries
from crm_core.features.session.requests import kernel_of, visitor
from crm_core.features.session.schemas import NewPassword, NewToken, SessionOut, SignIn, TokenOut
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]


def session_out(actor: Actor, csrf: str = "") -> SessionOut:
    """Return who is signed in."""
    return SessionOut(
        user_id=actor.user_id, name=actor.name, roles=sorted(actor.roles), locale=actor.locale, zone=actor.zone,
        scopes=sorted(actor.scopes), csrf=csrf,
    )  # fmt: skip


class SessionApi(ApiController):
    """The session of a browser, for pages of one's own."""

    path = "/session"
    signed_in = True
    tags = ("Session",)

    @get(summary="Who is signed in")
    async def show(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> SessionOut:
        """Return the actor of this request; the form token when it came with a cookie."""
        return session_out(uow.actor, str(request.scope.get("csrf_token") or ""))

    @post(opt={"public": True}, summary="Sign in")
    async def sign_in(self, request: AnyRequest, data: JSONBody[SignIn]) -> Response[SessionOut]:
        """Start a session and set its cookie. 401 without saying what was wrong, 429 after too many attempts."""
        kernel = kernel_of(request)
        token, user_id = await actions.sign_in(kernel, data.email, data.password, visitor(request))
        body = session_out(await load_actor(kernel, user_id), csrf_token(kernel.key, token))
        return Response(
            body, status_code=201, headers={"set-cookie": cookie(kernel.config, token), "cache-control": "no-store"}
        )

    @delete(summary="Sign out")
    async def sign_out(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[None]:
        """End the session of this cookie."""
        await actions.sign_out(uow)
        return Response(None, status_code=204, headers={"set-cookie": cookie(kernel_of(request).config, "")})


class TokenApi(ApiController):
    """API tokens of the one who asks."""

    path = "/tokens"
    signed_in = True
    tags = ("Session",)

    @get(summary="List own tokens")
    async def show(self, uow: NamedDependency[UnitOfWork]) -> dict[str, list[TokenOut]]:
        """Return tokens that are not revoked, without their secrets."""
        return {"items": await queries.tokens_of_actor(uow)}

    @post(summary="Make a token")
    async def make(self, uow: NamedDependency[UnitOfWork], data: JSONBody[NewToken]) -> TokenOut:
        """Make a token; its secret is in this answer and nowhere else."""
        if not data.name.strip() or (data.days is not None and not 1 <= data.days <= 3650):
            raise Invalid(_("A token needs a name, and expires in 1 to 3650 days or never."))
        expires_at = uow.now + timedelta(days=data.days) if data.days is not None else None
        row, secret = await actions.make_token(uow, data.name.strip(), scopes=tuple(data.scopes), expires_at=expires_at)
        return queries.token_out(row, secret)

    @delete("/{token_id:uuid}", summary="Revoke a token")
    async def end(self, uow: NamedDependency[UnitOfWork], token_id: FromPath[UUID]) -> None:
        """Revoke a token at once, in every process."""
        await actions.end_token(uow, token_id)


class PasswordApi(ApiController):
    """Passwords; hashed before any transaction, so without a unit of work."""

    path = "/users/{user_id:uuid}/password"
    signed_in = True
    tags = ("Users",)

    @put(status_code=204, opt={"transaction": False}, summary="Set a password")
    async def change(self, request: AnyRequest, user_id: FromPath[UUID], data: JSONBody[NewPassword]) -> None:
        """Set a password; the user's other sessions end."""
        kernel = kernel_of(request)
        actor = await authenticate(kernel, request)
        if actor.user_id is None:
            raise Unauthenticated(_("Please sign in."))
        address = visitor(request).address
        await actions.change_password(kernel, actor, user_id, data.password, current=data.current, address=address)
