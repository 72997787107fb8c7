"""The ledger, the server and the pause by API. Suppressed addresses are records: `/api/v1/suppressions`."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from crm_core.features.mail import actions, queries, server
from crm_core.features.mail.models import MailRow
from crm_core.features.mail.schemas import (
    MailDetail,
    MailOut,
    PauseIn,
    ResumeIn,
    ServerIn,
    ServerOut,
    State,
    TestMail,
)
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]
MOST = 200


def detail(uow: UnitOfWork, row: MailRow) -> MailDetail:
    """Return a mail with its parts, as far as somebody else than its recipient may read them."""
    text, html = actions.body_of(uow.kernel, row) if actions.may_read(row) else ("", "")
    plain = {name: getattr(row, name) for name in MailOut.__struct_fields__}
    return MailDetail(**plain, text=text, html=html, about=list(row.about), transport=row.transport)


async def server_out(uow: UnitOfWork) -> ServerOut:
    """Return how mail leaves, without the password."""
    found = await server.load(uow)
    pause = await queries.paused(uow)
    return ServerOut(
        **{n: getattr(found, n) for n in server.KEPT}, password_set=bool(found.password), chosen=found.chosen,
        paused=pause.reason if pause else "",
    )  # fmt: skip


class MailsApi(ApiController):
    """Every mail the CRM wanted to send, and what became of it."""

    path = "/mails"
    permission = "core.mail.manage"
    tags = ("E-mail",)

    @get(summary="List mails")
    async def show_all(
        self,
        uow: Uow,
        in_state: Annotated[State | None, QueryParameter(name="state")] = None,
        recipient: FromQuery[str] = "",
        before: FromQuery[UUID | None] = None,
        limit: FromQuery[int] = 50,
    ) -> dict[str, Any]:
        """Return mails, newest first; `before` is the id of the last one of the page before."""
        states = (in_state,) if in_state else ()
        most = max(1, min(limit, MOST))
        found = await queries.ledger(uow, states=states, recipient=recipient, before=before, limit=most)
        return {"items": found, "before": found[-1].id if len(found) == most else None}

    @get("/{mail_id:uuid}", summary="Get a mail")
    async def show_one(self, uow: Uow, mail_id: FromPath[UUID]) -> MailDetail:
        """Return one mail with its text. Sign-in mails show it only while they are caught, never sent."""
        return detail(uow, await actions.get(uow, mail_id))

    @post("/{mail_id:uuid}/retry", status_code=200, summary="Send a mail again")
    async def retry(self, uow: Uow, mail_id: FromPath[UUID]) -> MailDetail:
        """Send a mail that failed, waits, was suppressed or whose outcome is unknown; 409 for one that was sent."""
        await actions.retry(uow, mail_id)
        return detail(uow, await actions.get(uow, mail_id))


class MailApi(ApiController):
    """How mail leaves."""

    path = "/mail"
    permission = "core.mail.manage"
    tags = ("E-mail",)

    @get("/server", summary="Get the mail server")
    async def show(self, uow: Uow) -> ServerOut:
        """Return server and sender; whether there is a password, never which."""
        return await server_out(uow)

    @put("/server", status_code=200, summary="Set the mail server")
    async def save(self, uow: Uow, data: JSONBody[ServerIn]) -> ServerOut:
        """Set server and sender. An empty password keeps the one there is; another host or user needs it again."""
        await server.save(uow, msgspec.convert(msgspec.to_builtins(data), server.MailSettings))
        await uow.settle()
        uow.session.expire_all()
        return await server_out(uow)

    @post("/test", status_code=202, summary="Send a test mail")
    async def test(self, uow: Uow, data: JSONBody[TestMail]) -> dict[str, UUID]:
        """Enqueue a test mail; `/mails/{id}` tells what became of it."""
        return {"id": await actions.send_test(uow, data.to)}

    @post("/pause", status_code=204, summary="Stop all sending")
    async def pause(self, uow: Uow, data: JSONBody[PauseIn]) -> None:
        """Send nothing until somebody resumes; what is enqueued waits."""
        await actions.pause(uow, data.reason)

    @post("/resume", status_code=200, summary="Resume sending")
    async def resume(self, uow: Uow, data: JSONBody[ResumeIn]) -> dict[str, int]:
        """Go on; with `discard` the mails and webhook deliveries that wait are given up first."""
        return {"discarded": await actions.resume(uow, discard=data.discard)}
