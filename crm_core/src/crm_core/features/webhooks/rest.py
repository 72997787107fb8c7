"""Deliveries and secrets of webhooks by API; webhooks themselves are records."""

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.features.webhooks import actions, queries
from crm_core.features.webhooks.schemas import DeliveriesPage, SecretOut, Tested
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController

Uow = NamedDependency[UnitOfWork]


class DeliveriesApi(ApiController):
    """What was sent to a webhook, and what came of it."""

    path = "/webhooks/{record_id:uuid}"
    permission = "core.webhook.read"
    tags = ("Webhooks",)

    @get("/deliveries", operation_id="list_webhook_deliveries", summary="List deliveries")
    async def show_all(
        self, uow: Uow, record_id: FromPath[UUID], in_state: FromQuery[str] = "", cursor: FromQuery[UUID | None] = None,
        limit: FromQuery[int] = 50,
    ) -> DeliveriesPage:  # fmt: skip
        """Return deliveries, newest first; `in_state` is waiting, delivered, failed or skipped."""
        await queries.webhook_of(uow, record_id)
        return await queries.deliveries(uow, record_id, in_state=in_state, before=cursor, limit=limit)

    @post("/deliveries/{delivery_id:uuid}/replay", status_code=200, operation_id="replay_webhook_delivery",
          summary="Send a delivery again", opt={"permission": "core.webhook.edit"})  # fmt: skip
    async def replay(self, uow: Uow, record_id: FromPath[UUID], delivery_id: FromPath[UUID]) -> Tested:
        """Send one event again, with the message id it had."""
        webhook = await queries.webhook_of(uow, record_id, "edit")
        return Tested(delivery_id=await actions.replay_one(uow, webhook, delivery_id))

    @post("/secret", status_code=200, operation_id="show_webhook_secret", summary="Show the secret",
          opt={"permission": "core.webhook.edit", "private": True})  # fmt: skip
    async def secret(self, uow: Uow, record_id: FromPath[UUID]) -> SecretOut:
        """Return the secret of signatures, to its owner and administrators; that it was asked for is written down."""
        return await actions.show_secret(uow, await queries.webhook_of(uow, record_id, "edit"))
