"""What a plugin imports: the `hookimpl` marker and every declaration type."""

from __future__ import annotations

import pluggy

from crm_core.entity import fields
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import (
    VERBS,
    Action,
    Check,
    Child,
    Command,
    ConnectionScope,
    Default,
    DemoData,
    Entity,
    Event,
    EventSink,
    EventType,
    FieldOn,
    Job,
    JobCall,
    Listener,
    MailTransport,
    Migrations,
    NavItem,
    Permission,
    Retention,
    Ref,
    Schedule,
    SettingsGroup,
    Slot,
    Variable,
)
from crm_core.plugin.handovers import Handover, Held
from crm_core.plugin.routes import EntityRoutes

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
    "EventSink",
    "EventType",
    "FieldOn",
    "Handover",
    "Held",
    "Job",
    "JobCall",
    "Listener",
    "MailTransport",
    "Migrations",
    "NavItem",
    "Permission",
    "Retention",
    "Ref",
    "Schedule",
    "SettingsGroup",
    "Slot",
    "Strings",
    "Text",
    "Variable",
    "fields",
    "hookimpl",
]
