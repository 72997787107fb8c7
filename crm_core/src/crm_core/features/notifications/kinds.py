"""The kinds of notifications that core itself has, and finding a declared one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_core.plugin import NotificationKind, Strings, hookspecs

if TYPE_CHECKING:
    from crm_core.plugin.registry import Registry

_ = Strings("crm_core")

KINDS = (
    NotificationKind(
        name="core.mention", label=_("Somebody mentions me"), default="mail", strength=90, icon="at", gathers=False,
    ),
    NotificationKind(
        name="core.reminder", label=_("A reminder is due"), strength=80, icon="alarm", gathers=False,
    ),
    NotificationKind(name="core.assigned", label=_("A record is given to me"), strength=70, icon="user-check"),
    NotificationKind(name="core.comment", label=_("A comment on what I follow"), strength=50, icon="message"),
    NotificationKind(name="core.stage", label=_("What I follow moves to another stage"), strength=40, icon="flag"),
    NotificationKind(name="core.change", label=_("Another change of what I follow"), strength=20, icon="pencil"),
)  # fmt: skip


def kinds_of(registry: Registry) -> dict[str, NotificationKind]:
    """Return every declared kind by its name, the strongest first."""
    found = registry.gather(hookspecs.crm_notification_kinds)
    return {k.name: k for k in sorted(found, key=lambda k: -k.strength)}
