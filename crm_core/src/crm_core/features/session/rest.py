"""Signing in and out and passwords by API; `access_rest.py` has sessions, tokens and second factors."""

from typing import Any
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.auth.actor import Actor
from crm_core.auth.rights import load_actor
from crm_core.auth.session import authenticate, cookie, csrf_token
from crm_core.db.tables import NOBODY
from crm_core.errors import Unauthenticated
from crm_core.features.session import actions, second_factor, sign_in
from crm_core.features.session.requests import NO_STORE, AnyRequest, kernel_of, visitor
from crm_core.features.session.schemas import Enrolment, NewPassword, SecondStep, SessionOut, SignIn, StartedStep
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

_ = Strings("crm_core")


def session_out(actor: Actor, csrf: str = "", recovery_codes: tuple[str, ...] = ()) -> SessionOut:
    """Return who is signed in."""
    return SessionOut(
        user_id=actor.user_id, name=actor.name, roles=sorted(actor.roles), locale=actor.locale, zone=actor.zone,
        scopes=sorted(actor.scopes), csrf=csrf, recovery_codes=list(recovery_codes),
    )  # fmt: skip


async def started(request: AnyRequest, entry: sign_in.Entry) -> Response[SessionOut]:
    """Return the answer that sets the session's cookie; SecondFactorNeeded when there is none yet."""
    kernel = kernel_of(request)
    if not entry.session:
        text = _("Enter the code of your authenticator app.")
        if entry.needs == "enrolment":
            text = _("Set up a second factor to sign in.")
        raise sign_in.SecondFactorNeeded(text, step=entry.step, needs=entry.needs)
    actor = await load_actor(kernel, entry.user_id)
    body = session_out(actor, csrf_token(kernel.key, entry.session), entry.recovery_codes)
    headers = {"set-cookie": cookie(kernel.config, entry.session), **NO_STORE}
    return Response(body, status_code=201, headers=headers)


class SessionApi(ApiController):
    """The session of a browser, for pages of one's own."""

    path = "/session"
    tags = ("Session",)
    signed_in = True

    @get(summary="Who is signed in")
    async def show(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> SessionOut:
        """Return the actor of this request; the form token when it came with a cookie."""
        return session_out(uow.actor, str(request.scope.get("csrf_token") or ""))

    @post(opt={"public": True}, summary="Sign in")
    async def sign_in(self, request: AnyRequest, data: JSONBody[SignIn]) -> Response[SessionOut]:
        """Start a session and set its cookie. 401 without saying what was wrong, 429 after too many attempts.

        401 with the code `core.second_factor_needed` when the password was right: `step` goes on to
        `/session/second-factor`; `needs` is "code" or "enrolment".
        """
        entry = await sign_in.sign_in(kernel_of(request), data.email, data.password, visitor(request))
        return await started(request, entry)

    @post("/second-factor", opt={"public": True}, summary="Sign in: second step")
    async def second(self, request: AnyRequest, data: JSONBody[SecondStep]) -> Response[SessionOut]:
        """Take the code of the app, or a recovery code, and start the session. 429 after five wrong ones."""
        entry = await sign_in.second_step(kernel_of(request), data.step, data.code, visitor(request))
        return await started(request, entry)

    @post("/second-factor/enrol", opt={"public": True}, status_code=200, summary="Sign in: set up a second factor")
    async def enrol(self, request: AnyRequest, data: JSONBody[StartedStep]) -> Response[Enrolment]:
        """Return the secret for the app; its first code goes to `/session/second-factor`."""
        kernel = kernel_of(request)
        actor, secret = await sign_in.begin_enrolment(kernel, data.step)
        async with kernel.read(actor) as uow:
            uri, _qr = await second_factor.label_of(uow, actor.user_id or NOBODY, secret)
        return Response(Enrolment(secret=secret, uri=uri), status_code=200, headers=NO_STORE)

    @delete(opt={"as_self": True}, summary="Sign out")
    async def sign_out(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[None]:
        """End the session of this cookie."""
        await sign_in.sign_out(uow)
        return Response(None, status_code=204, headers={"set-cookie": cookie(kernel_of(request).config, "")})


class PasswordApi(ApiController):
    """Passwords; hashed before any transaction, so without a unit of work."""

    path = "/users/{user_id:uuid}/password"
    tags = ("Users",)
    signed_in = True
    private = True

    @put(status_code=204, opt={"transaction": False}, summary="Set a password")
    async def change(self, request: AnyRequest, user_id: FromPath[UUID], data: JSONBody[NewPassword]) -> None:
        """Set a password; the user's other sessions end."""
        kernel = kernel_of(request)
        actor: Any = await authenticate(kernel, request)
        if actor.user_id is None:
            raise Unauthenticated(_("Please sign in."))
        address = visitor(request).address
        await actions.change_password(kernel, actor, user_id, data.password, current=data.current, address=address)
