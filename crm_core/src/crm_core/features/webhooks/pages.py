"""The log of a webhook's deliveries, and its secret."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.features.webhooks import actions, queries
from crm_core.features.webhooks.queries import webhook_of
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, htmx, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
WORDS = {
    "waiting": _("Waiting"), "delivered": _("Delivered"), "failed": _("Failed"), "skipped": _("Skipped"),
}  # fmt: skip
COLOURS = {"waiting": "blue", "delivered": "green", "failed": "red", "skipped": "grey"}


class WebhookPages(PageController):
    """Pages below a webhook's own."""

    path = "/webhooks/{record_id:uuid}"
    permission = "core.webhook.read"

    @get("/deliveries")
    async def show_all(
        self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID], in_state: FromQuery[str] = "",
        cursor: FromQuery[UUID | None] = None,
    ) -> Response[Any]:  # fmt: skip
        """Answer with the log."""
        webhook = await webhook_of(uow, record_id)
        found = await queries.deliveries(uow, record_id, in_state=in_state, before=cursor)
        return await page(
            request, uow, "core/webhook_deliveries.html", webhook=webhook, deliveries=found.items, next=found.next,
            in_state=in_state, states=queries.STATES, words=WORDS, colours=COLOURS, first=cursor is None,
            may_edit=uow.actor.may("core.webhook.edit"),
            block="list" if htmx.target(request) == "deliveries" else "",
        )  # fmt: skip

    @post("/deliveries/{delivery_id:uuid}/replay", opt={"permission": "core.webhook.edit"})
    async def replay(
        self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID], delivery_id: FromPath[UUID]
    ) -> Response[Any]:
        """Send a delivery again."""
        await actions.replay_one(uow, await webhook_of(uow, record_id, "edit"), delivery_id)
        return await redirect(request, uow, f"/webhooks/{record_id}/deliveries", _("The event is sent again."))

    @post("/secret", status_code=200, opt={"permission": "core.webhook.edit", "private": True})
    async def secret(self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        """Show the secret, once asked for with POST: that it was looked at is written down."""
        webhook = await webhook_of(uow, record_id, "edit")
        return await page(
            request, uow, "core/webhook_secret.html", webhook=webhook, shown=await actions.show_secret(uow, webhook),
            headers={"cache-control": "no-store"},
        )  # fmt: skip


class WebhookPanel(PageController):
    """The panel on a webhook's page."""

    path = "/webhook-panel"
    permission = "core.webhook.read"

    @get()
    async def show(self, request: AnyRequest, uow: Uow, id: FromQuery[UUID]) -> Response[Any]:  # noqa: A002 - the slot's word
        """Answer with the last deliveries and the way to the secret."""
        webhook = await webhook_of(uow, id)
        found = await queries.deliveries(uow, id, limit=5)
        return await page(
            request, uow, "core/_webhook_panel.html", webhook=webhook, deliveries=found.items, words=WORDS,
            colours=COLOURS, may_edit=uow.actor.may("core.webhook.edit"),
        )  # fmt: skip
