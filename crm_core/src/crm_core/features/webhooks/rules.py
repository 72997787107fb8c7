"""What a webhook must be, and who may change where events go."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from crm_core import secrets
from crm_core.auth.actor import ActorKind
from crm_core.entity import filters
from crm_core.errors import Forbidden, Invalid
from crm_core.features.webhooks.models import PURPOSE, Webhook
from crm_core.i18n import Strings
from crm_core.plugin import Listener
from crm_core.web.webhooks import new_secret

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PATTERN = re.compile(r"\*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.\*)?")
DECIDING = frozenset({"url", "events", "filter", "is_active", "owner_id"})


class WebhookNotValid(Invalid):
    """An address that is none, a pattern no event can have, or a filter that cannot be understood."""


class WebhookNotYours(Forbidden):
    """A webhook sends what its owner may read, so only the owner says where to; and a person, not a narrow token."""


async def defaults(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Give a new webhook to whoever makes it."""
    return {"owner_id": uow.actor.user_id, **values}


async def validate(uow: UnitOfWork, record: Webhook, changed: frozenset[str]) -> None:
    """Check address, patterns and filter; a new webhook gets its secret, one that is switched on a fresh start."""
    faults = {}
    if "url" in changed and not _is_address(record.url):
        faults["url"] = _("An http or https address without user name.")
    if "events" in changed:
        bad = [p for p in patterns(record.events) if not PATTERN.fullmatch(p)]
        if bad or not patterns(record.events):
            faults["events"] = _("Names of events, one a line; the last part may be *.")
    if changed & {"filter", "events"} and record.filter and not faults:
        faults |= _filter_faults(uow, record)
    if faults:
        raise WebhookNotValid(_("Some values are not acceptable."), fields=faults)
    if "is_active" in changed and record.is_active:
        record.stopped, record.failures, record.failing_since, record.retry_at = "", 0, None, None
    if not record.secret:
        record.secret = secrets.seal(uow.kernel, PURPOSE, new_secret())


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def _filter_faults(uow: UnitOfWork, record: Webhook) -> dict[str, Any]:
    kinds = {".".join(p.split(".")[:2]) for p in patterns(record.events)}
    entity = uow.registry.entities.get(kinds.pop()) if len(kinds) == 1 else None
    if entity is None:
        return {"filter": _("A filter needs events of one kind of records, such as core.deal.*")}
    try:
        filters.parse(uow.registry, uow.actor, entity, record.filter)
    except Invalid as error:
        return {"filter": error.text}
    return {}


def patterns(text: str) -> list[str]:
    """Return the names and patterns of a webhook."""
    return [line.strip() for line in text.replace(",", "\n").splitlines() if line.strip()]


def wants(webhook: Webhook, kind: str) -> bool:
    """Return whether a webhook hears of a type of events."""
    return any(fnmatchcase(kind, p) for p in patterns(webhook.events))


async def guard(uow: UnitOfWork, event: Happened) -> None:
    """Refuse whoever would have another's rights send events, whichever way the change came."""
    actor = uow.actor
    if actor.kind is ActorKind.system or event.record_id is None:
        return
    if actor.scopes:
        raise WebhookNotYours(_("A token with narrow rights cannot change where events go."))
    if actor.rights.everything and actor.on_behalf_of is None:
        return
    owner = await uow.session.scalar(sa.select(Webhook.owner_id).where(Webhook.id == event.record_id))
    owners = {owner, event.before.get("owner_id", owner)} - ({None} if event.kind == "created" else set())
    if owners != {actor.user_id}:
        raise WebhookNotYours(_("Only its owner changes what a webhook sends, and where to."))


def decides(event: Happened) -> bool:
    """Return whether a change is about what is sent where with whose rights."""
    return event.kind in ("created", "restored") or bool(event.changed & DECIDING)


LISTENERS = tuple(
    Listener(event=f"core.webhook.{kind}", run=guard, name=f"core.webhooks.guard_{kind}", wants=decides)
    for kind in ("created", "updated", "restored")
)
