"""Sessions, tokens and second factors by API: one's own, and those of people one may look after."""

from datetime import timedelta
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.auth.attempts import mark_right
from crm_core.errors import Invalid
from crm_core.features.session import access, actions, queries, second_factor
from crm_core.features.session.requests import NO_STORE, AnyRequest, kernel_of, person, visitor
from crm_core.features.session.schemas import (
    Code,
    Enrolment,
    NewToken,
    OwnPassword,
    PasswordAndCode,
    RecoveryCodes,
    SecondFactorOut,
    SessionRow,
    TokenOut,
)
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

_ = Strings("crm_core")
Uow = NamedDependency[UnitOfWork]


class SessionsApi(ApiController):
    """Where one is signed in."""

    path = "/sessions"
    tags = ("Session",)
    signed_in = True
    private = True

    @get(summary="List own sessions")
    async def show(self, uow: Uow) -> dict[str, list[SessionRow]]:
        """Return living sessions, last used first."""
        return {"items": await queries.sessions_of(uow, queries.own_id(uow))}

    @delete("/{session_id:uuid}", summary="End a session")
    async def end(self, uow: Uow, session_id: FromPath[UUID]) -> None:
        """End one of one's own sessions at once, in every process."""
        await access.end_session(uow, session_id)

    @delete(summary="Sign out everywhere")
    async def end_all(self, uow: Uow) -> None:
        """End all of one's own sessions, this one too."""
        await access.end_all_sessions(uow)


class TokenApi(ApiController):
    """API tokens of the one who asks."""

    path = "/tokens"
    tags = ("Session",)
    signed_in = True
    private = True

    @get(summary="List own tokens")
    async def show(self, uow: Uow) -> dict[str, list[TokenOut]]:
        """Return tokens that are not revoked, without their secrets."""
        return {"items": await queries.tokens_of(uow, queries.own_id(uow))}

    @post(summary="Make a token")
    async def make(self, uow: Uow, data: JSONBody[NewToken]) -> TokenOut:
        """Make a token; its secret is in this answer and nowhere else.

        Scopes: "read", "write", an entity ("core.deal"), a verb of one ("core.deal.read"), a permission, or a
        pattern with `*` ("core.*.read", "core.deal.*"), which stands for what exists when the token is made.
        """
        if not data.name.strip() or (data.days is not None and not 1 <= data.days <= 3650):
            raise Invalid(_("A token needs a name, and expires in 1 to 3650 days or never."))
        expires_at = uow.now + timedelta(days=data.days) if data.days is not None else None
        row, secret = await access.make_token(uow, data.name.strip(), scopes=tuple(data.scopes), expires_at=expires_at)
        return queries.token_out(row, secret)

    @delete("/{token_id:uuid}", summary="Revoke a token")
    async def end(self, uow: Uow, token_id: FromPath[UUID]) -> None:
        """Revoke a token at once, in every process."""
        await access.end_token(uow, token_id)


class UserAccessApi(ApiController):
    """Sessions, tokens and second factor of somebody else."""

    path = "/users/{user_id:uuid}"
    tags = ("Users",)
    permission = "core.user.set_password"

    @get("/sessions", summary="List a user's sessions")
    async def sessions(self, uow: Uow, user_id: FromPath[UUID]) -> dict[str, list[SessionRow]]:
        """Return living sessions, last used first."""
        await access.demand_over_user(uow, user_id)
        return {"items": await queries.sessions_of(uow, user_id)}

    @delete("/sessions", summary="End a user's sessions")
    async def end_sessions(self, uow: Uow, user_id: FromPath[UUID]) -> None:
        """End all sessions of a user at once, in every process."""
        await access.demand_over_user(uow, user_id)
        await access.end_all_sessions(uow, user_id)

    @delete("/sessions/{session_id:uuid}", summary="End a user's session")
    async def end_session(self, uow: Uow, user_id: FromPath[UUID], session_id: FromPath[UUID]) -> None:
        """End one session of a user."""
        await access.demand_over_user(uow, user_id)
        await access.end_session(uow, session_id, user_id)

    @get("/tokens", summary="List a user's tokens")
    async def tokens(self, uow: Uow, user_id: FromPath[UUID]) -> dict[str, list[TokenOut]]:
        """Return tokens that are not revoked, without their secrets."""
        await access.demand_over_user(uow, user_id)
        return {"items": await queries.tokens_of(uow, user_id)}

    @delete("/tokens/{token_id:uuid}", summary="Revoke a user's token")
    async def end_token(self, uow: Uow, user_id: FromPath[UUID], token_id: FromPath[UUID]) -> None:
        """Revoke a token of a user."""
        await access.demand_over_user(uow, user_id)
        await access.end_token(uow, token_id, user_id)

    @get("/second-factor", summary="Show a user's second factor")
    async def factor(self, uow: Uow, user_id: FromPath[UUID]) -> SecondFactorOut:
        """Return how it stands, never its secret."""
        await access.demand_over_user(uow, user_id)
        return await queries.factor_of(uow, user_id)

    @delete("/second-factor", summary="Reset a user's second factor")
    async def reset_factor(self, uow: Uow, user_id: FromPath[UUID]) -> None:
        """Take a user's second factor away, after a lost telephone; the sessions end."""
        await access.demand_over_user(uow, user_id)
        await access.reset_second_factor(uow, user_id)


class SecondFactorApi(ApiController):
    """One's own second factor. Passwords are compared before any transaction, so without a unit of work."""

    path = "/second-factor"
    tags = ("Session",)
    signed_in = True
    private = True

    @get(summary="Show the own second factor")
    async def show(self, uow: Uow) -> SecondFactorOut:
        """Return how it stands, never its secret."""
        return await queries.factor_of(uow, queries.own_id(uow))

    @post("/begin", status_code=200, summary="Begin to set up a second factor")
    async def begin(self, request: AnyRequest, data: JSONBody[OwnPassword]) -> Response[Enrolment]:
        """Return a secret for the app; it counts once its first code came to `/second-factor/confirm`."""
        actor, user_id = await person(request)
        kernel = kernel_of(request)
        attempt = await actions.prove_password(kernel, actor, data.password, visitor(request).address)
        async with kernel.write(actor) as uow:
            await mark_right(uow, attempt)
            secret = await second_factor.begin(uow, user_id)
            uri, _qr = await second_factor.label_of(uow, user_id, secret)
        return Response(Enrolment(secret=secret, uri=uri), status_code=200, headers=NO_STORE)

    @post("/confirm", status_code=200, summary="Turn the second factor on")
    async def confirm(self, request: AnyRequest, data: JSONBody[Code]) -> Response[RecoveryCodes]:
        """Take the first code; the recovery codes are in this answer and nowhere else. Other sessions end."""
        actor, user_id = await person(request)
        address = visitor(request).address
        codes = await second_factor.turn_on(kernel_of(request), actor, user_id, data.code, address)
        return Response(RecoveryCodes(recovery_codes=codes), status_code=200, headers=NO_STORE)

    @post("/recovery-codes", status_code=200, summary="Make new recovery codes")
    async def codes(self, request: AnyRequest, data: JSONBody[PasswordAndCode]) -> Response[RecoveryCodes]:
        """Return ten new recovery codes; the old ones are void."""
        codes = await self._with_code(request, data, "codes")
        return Response(RecoveryCodes(recovery_codes=codes), status_code=200, headers=NO_STORE)

    @post("/off", status_code=204, summary="Turn the second factor off")
    async def off(self, request: AnyRequest, data: JSONBody[PasswordAndCode]) -> None:
        """Take the own second factor away; 409 while a rule demands one."""
        await self._with_code(request, data, "off")

    async def _with_code(self, request: AnyRequest, data: PasswordAndCode, what: second_factor.WithCode) -> list[str]:
        actor, user_id = await person(request)
        kernel, address = kernel_of(request), visitor(request).address
        attempt = await actions.prove_password(kernel, actor, data.password, address)
        return await second_factor.change_with_code(kernel, actor, user_id, attempt, data.code, what, address)
