"""What happens to webhooks."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class WebhookStopped(Event, frozen=True, kw_only=True):
    """A webhook was switched off by itself: its address has failed for days, or is gone."""

    webhook_id: UUID
    reason: str


class WebhookSecretRotated(Event, frozen=True, kw_only=True):
    """A webhook has a new secret; the old one signs beside it for a day."""

    webhook_id: UUID


class WebhookSecretShown(Event, frozen=True, kw_only=True):
    """Somebody looked at a webhook's secret."""

    webhook_id: UUID


class WebhookReplayed(Event, frozen=True, kw_only=True):
    """Events were sent again."""

    webhook_id: UUID
    count: int


EVENT_TYPES = (
    EventType(struct=WebhookStopped, name="core.webhook.stopped", label=_("was switched off after failures"),
              icon="plug-off", personal=()),
    EventType(struct=WebhookSecretRotated, name="core.webhook.secret_rotated", label=_("gave this a new secret"),
              icon="key", personal=()),
    EventType(struct=WebhookSecretShown, name="core.webhook.secret_shown", label=_("looked at the secret"), icon="eye",
              personal=()),
    EventType(struct=WebhookReplayed, name="core.webhook.replayed", label=_("sent events again"), icon="refresh",
              personal=()),
)  # fmt: skip
