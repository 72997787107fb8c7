"""What a plugin imports: the `hookimpl` marker and every declaration type."""

from __future__ import annotations

import pluggy

from crm_core.entity import fields
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import (
    VERBS,
    Action,
    Child,
    Default,
    Entity,
    Event,
    EventType,
    FieldOn,
    Job,
    JobCall,
    Listener,
    Migrations,
    NavItem,
    Permission,
    Ref,
    Schedule,
    SettingsGroup,
    Slot,
    Variable,
)
from crm_core.plugin.handovers import Handover, Held
from crm_core.plugin.notices import NotificationKind
from crm_core.plugin.operating import (
    Check,
    Command,
    ConnectionScope,
    DemoData,
    EventSink,
    MailTransport,
    Retention,
)
from crm_core.plugin.routes import EntityRoutes
from crm_core.plugin.sinks import EventBatch, SinkEvent
from crm_core.plugin.web_forms import FormTarget

hookimpl = pluggy.HookimplMarker("crm")

__all__ = [
    "VERBS",
    "Action",
    "Check",
    "Child",
    "Command",
    "ConnectionScope",
    "Default",
    "DemoData",
    "Entity",
    "EntityRoutes",
    "Event",
    "EventBatch",
    "EventSink",
    "EventType",
    "FieldOn",
    "FormTarget",
    "Handover",
    "Held",
    "Job",
    "JobCall",
    "Listener",
    "MailTransport",
    "Migrations",
    "NavItem",
    "NotificationKind",
    "Permission",
    "Ref",
    "Retention",
    "Schedule",
    "SettingsGroup",
    "SinkEvent",
    "Slot",
    "Strings",
    "Text",
    "Variable",
    "fields",
    "hookimpl",
]
