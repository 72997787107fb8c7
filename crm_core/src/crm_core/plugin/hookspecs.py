"""The hooks of core. Each takes nothing, runs once at start-up and returns a sequence of frozen values."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from crm_core.plugin import declare as d
from crm_core.plugin import operating as o
from crm_core.plugin.handovers import Handover
from crm_core.plugin.notices import NotificationKind
from crm_core.plugin.routes import EntityRoutes
from crm_core.plugin.web_forms import FormTarget

hookspec = pluggy.HookspecMarker("crm")


@hookspec
def crm_migrations() -> Sequence[d.Migrations]:
    """Packages whose migrations are run."""
    return ()


@hookspec
def crm_entities() -> Sequence[d.Entity]:
    """Kinds of records."""
    return ()


@hookspec
def crm_fields() -> Sequence[d.FieldOn]:
    """Fields on other packages' entities."""
    return ()


@hookspec
def crm_actions() -> Sequence[d.Action]:
    """Things to do with a record: API, button, bulk and palette entry, workflow action."""
    return ()


@hookspec
def crm_permissions() -> Sequence[d.Permission]:
    """Rights beyond the verbs of entities."""
    return ()


@hookspec
def crm_settings() -> Sequence[d.SettingsGroup]:
    """Typed settings with a form."""
    return ()


@hookspec
def crm_defaults() -> Sequence[d.Default]:
    """Rows made once per installation."""
    return ()


@hookspec
def crm_routes() -> Sequence[type]:
    """`ApiController`, `PageController` and `PublicController` classes."""
    return ()


@hookspec
def crm_entity_routes() -> Sequence[EntityRoutes]:
    """Routes that every entity gets, those of other plugins included."""
    return ()


@hookspec
def crm_handovers() -> Sequence[Handover]:
    """What a user holds beside records with an owner, for the page that hands work over."""
    return ()


@hookspec
def crm_notification_kinds() -> Sequence[NotificationKind]:
    """Kinds of notifications, for each of which users choose how they hear of it."""
    return ()


@hookspec
def crm_form_targets() -> Sequence[FormTarget]:
    """Entities whose records come into being through web forms."""
    return ()


@hookspec
def crm_nav() -> Sequence[d.NavItem]:
    """Menu and palette entries."""
    return ()


@hookspec
def crm_slots() -> Sequence[d.Slot]:
    """Panels, columns, tiles and settings pages on other packages' pages."""
    return ()


@hookspec
def crm_events() -> Sequence[d.EventType]:
    """Kinds of events beyond the record events of entities."""
    return ()


@hookspec
def crm_listeners() -> Sequence[d.Listener]:
    """Reactions to events, in the transaction or after it."""
    return ()


@hookspec
def crm_jobs() -> Sequence[d.Job]:
    """Background jobs."""
    return ()


@hookspec
def crm_schedules() -> Sequence[d.Schedule]:
    """Jobs by the clock."""
    return ()


@hookspec
def crm_variables() -> Sequence[d.Variable]:
    """Template variables beyond readable fields."""
    return ()


@hookspec
def crm_commands() -> Sequence[o.Command]:
    """Commands below `crm`."""
    return ()


@hookspec
def crm_demo_data() -> Sequence[o.DemoData]:
    """Sample data for `crm demo`."""
    return ()


@hookspec
def crm_retention() -> Sequence[o.Retention]:
    """What is deleted when it has been kept long enough."""
    return ()


@hookspec
def crm_checks() -> Sequence[o.Check]:
    """Health checks for `crm doctor` and `/ready`."""
    return ()


@hookspec
def crm_mail_transports() -> Sequence[o.MailTransport]:
    """Ways to send system mail."""
    return ()


@hookspec
def crm_connection_scopes() -> Sequence[o.ConnectionScope]:
    """OAuth2 scopes asked for at providers."""
    return ()


@hookspec
def crm_event_sinks() -> Sequence[o.EventSink]:
    """Where events leave the system."""
    return ()
