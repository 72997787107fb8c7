"""What people do with a webhook: test it, change its secret, send events again; and how it is switched off."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core import secrets
from crm_core.auth.people import User
from crm_core.db.types import new_id
from crm_core.entity.event_rows import EventRow
from crm_core.errors import Invalid, NotFound
from crm_core.features.mail import public as mail
from crm_core.features.webhooks.events import (
    WebhookReplayed,
    WebhookSecretRotated,
    WebhookSecretShown,
    WebhookStopped,
)
from crm_core.features.webhooks.models import PURPOSE, Webhook, WebhookDelivery
from crm_core.features.webhooks.rules import WebhookNotYours, wants
from crm_core.features.webhooks.schemas import Replay, Replayed, SecretOut, Tested
from crm_core.features.webhooks.sink import TOGETHER, delivery, put
from crm_core.i18n import Strings
from crm_core.jobs.dispatch import first_id
from crm_core.plugin import Action, Listener, Ref
from crm_core.web.webhooks import new_secret

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
OVERLAP = timedelta(days=1)
MOST = 10_000
EDIT = "core.webhook.edit"


class DeliveryUnknown(NotFound):
    """No such delivery of this webhook."""


class RangeNotValid(Invalid):
    """A range that ends before it begins, or with more events than are sent again at once."""


def demand_owner(uow: UnitOfWork, webhook: Webhook) -> None:
    """Raise WebhookNotYours for a narrow token, and for anybody but the owner and those who may do everything."""
    actor = uow.actor
    if actor.scopes or (not actor.rights.everything and webhook.owner_id != actor.user_id):
        raise WebhookNotYours(_("Only its owner changes what a webhook sends, and where to."))


async def test(uow: UnitOfWork, webhook: Webhook, _params: None) -> Tested:
    """Send a message of type `core.webhook.test`."""
    row = delivery(webhook, None, "core.webhook.test", None, None, message_id=f"test_{new_id().hex}")
    await put(uow, [row])
    return Tested(delivery_id=row["id"])


async def rotate_secret(uow: UnitOfWork, webhook: Webhook, _params: None) -> SecretOut:
    """Make a new secret; for a day messages carry a signature of each."""
    demand_owner(uow, webhook)
    made = new_secret()
    webhook.old_secret, webhook.old_secret_until = webhook.secret, uow.now + OVERLAP
    webhook.secret = secrets.seal(uow.kernel, PURPOSE, made)
    await uow.emit(WebhookSecretRotated(webhook_id=webhook.id), about=[Ref("core.webhook", webhook.id)])
    return SecretOut(secret=made, old_until=webhook.old_secret_until)


async def show_secret(uow: UnitOfWork, webhook: Webhook) -> SecretOut:
    """Return the secret; that it was looked at is written down."""
    demand_owner(uow, webhook)
    await uow.emit(WebhookSecretShown(webhook_id=webhook.id), about=[Ref("core.webhook", webhook.id)])
    return SecretOut(secret=secrets.unseal(uow.kernel, PURPOSE, webhook.secret), old_until=webhook.old_secret_until)


async def replay_one(uow: UnitOfWork, webhook: Webhook, delivery_id: UUID) -> UUID:
    """Send a delivery again, with the same message id; return the new delivery."""
    old = await uow.session.get(WebhookDelivery, delivery_id)
    if old is None or old.webhook_id != webhook.id:
        raise DeliveryUnknown(_("There is no such delivery."))
    row = delivery(
        webhook, old.event_id, old.type, old.entity, old.record_id, message_id=old.message_id, replay_of=old.id
    )
    await put(uow, [row])
    await uow.emit(WebhookReplayed(webhook_id=webhook.id, count=1), about=[Ref("core.webhook", webhook.id)])
    return row["id"]  # type: ignore[no-any-return]  # a column dict


async def replay(uow: UnitOfWork, webhook: Webhook, params: Replay) -> Replayed:
    """Send the events of a time range again, also those that were never sent; RangeNotValid for too many."""
    until = params.until or uow.now
    if until <= params.since:
        raise RangeNotValid(_("The range ends before it begins."), fields={"until": _("After the beginning.")})
    kinds = sa.select(EventRow.id, EventRow.type, EventRow.entity, EventRow.record_id)
    found = await uow.session.execute(
        kinds.where(EventRow.id >= first_id(params.since), EventRow.id < first_id(until))
        .order_by(EventRow.id)
        .limit(10 * MOST)
    )
    events = [e for e in found if wants(webhook, e.type)]
    if len(events) > MOST:
        raise RangeNotValid(_("These are too many events at once. Choose a shorter range."))
    before = await _earlier(uow, webhook, params)
    rows = [
        delivery(webhook, *e, replay_of=before[e.id][0] if e.id in before else None)
        for e in events
        if not (params.failed_only and e.id in before and before[e.id][1] in ("delivered", "waiting"))
    ]
    for start in range(0, len(rows), TOGETHER):
        await put(uow, rows[start : start + TOGETHER])
    await uow.emit(WebhookReplayed(webhook_id=webhook.id, count=len(rows)), about=[Ref("core.webhook", webhook.id)])
    return Replayed(count=len(rows))


async def _earlier(uow: UnitOfWork, webhook: Webhook, params: Replay) -> dict[Any, tuple[UUID, str]]:
    """Return the first delivery of each event since the range began, with the best state of all its deliveries."""
    found: dict[Any, tuple[UUID, str]] = {}
    columns = (WebhookDelivery.event_id, WebhookDelivery.id, WebhookDelivery.state)
    mine = (WebhookDelivery.webhook_id == webhook.id, WebhookDelivery.event_id >= first_id(params.since))
    for event_id, key, state in await uow.session.execute(
        sa.select(*columns).where(*mine).order_by(WebhookDelivery.id)
    ):
        first, known = found.get(event_id, (key, state))
        found[event_id] = (first, known if known == "delivered" else state)
    return found


async def stop(uow: UnitOfWork, webhook_id: UUID, reason: str) -> None:
    """Switch a webhook off and tell its owner; nothing when it is off already."""
    webhook = await uow.session.get(Webhook, webhook_id)
    if webhook is None or not webhook.is_active:
        return
    webhook.is_active, webhook.stopped = False, reason[:255]
    await uow.emit(WebhookStopped(webhook_id=webhook_id, reason=reason[:255]), about=[Ref("core.webhook", webhook_id)])
    owner = await uow.session.get(User, webhook.owner_id) if webhook.owner_id else None
    if owner is not None and owner.is_active and owner.email:
        text = _("Your webhook {name} was switched off: {reason}. Nothing is sent to it until you switch it on again.",
                 name=webhook.name, reason=reason)  # fmt: skip
        await mail.send(uow, mail.Mail(
            to=owner.email, subject=_("The webhook {name} was switched off", name=webhook.name).to(owner.locale),
            text=text.to(owner.locale), kind="transactional", purpose="core.webhook_stopped",
            about=(Ref("core.webhook", webhook_id),), locale=owner.locale,
        ))  # fmt: skip


async def give_up(uow: UnitOfWork, _event: Happened) -> None:
    """Give up the deliveries that wait: whoever lets sending go on after a restore said that old things stay."""
    given_up = {"state": "failed", "error": "discarded when sending was resumed", "due_at": None, "ended_at": uow.now}
    await uow.session.execute(
        sa.update(WebhookDelivery).where(WebhookDelivery.state == "waiting").values(**given_up),
        execution_options={"synchronize_session": False},
    )


LISTENERS = (
    Listener(
        event="core.outgoing.resumed", run=give_up, name="core.webhooks.give_up", wants=lambda e: e.event.everything
    ),
)  # fmt: skip

ACTIONS = (
    Action(entity="core.webhook", name="test", label=_("Send test"), icon="send", run=test, permission=EDIT),
    Action(
        entity="core.webhook", name="replay", label=_("Send events again"), icon="refresh", run=replay,
        params=Replay, permission=EDIT,
    ),
    Action(
        entity="core.webhook", name="rotate_secret", label=_("New secret"), icon="key", run=rotate_secret,
        permission=EDIT, confirm=_("Messages carry signatures of both secrets for a day."),
    ),
)  # fmt: skip
