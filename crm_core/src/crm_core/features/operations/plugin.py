"""Health checks, metrics and retention: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.operations import checks, cli, jobs, retention, schemas, settings
from crm_core.features.operations.pages import MetricsPages
from crm_core.features.operations.rest import RetentionApi
from crm_core.features.operations.retention_pages import RetentionPages
from crm_core.plugin import (
    Check,
    Command,
    Job,
    Permission,
    Retention,
    Schedule,
    SettingsGroup,
    Strings,
    hookimpl,
)

_ = Strings("crm_core")


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (Permission(name="core.metrics.read", label=_("Read metrics"), roles=("admin",)),)


@hookimpl
def crm_routes() -> Sequence[type]:
    return (MetricsPages, RetentionApi, RetentionPages)


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_checks() -> Sequence[Check]:
    return checks.CHECKS


@hookimpl
def crm_retention() -> Sequence[Retention]:
    return retention.KINDS


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=schemas.ApplyRetention, run=jobs.apply, time_limit=3600),)


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.retention", schemas.ApplyRetention(), "11 3 * * *"),)


@hookimpl
def crm_commands() -> Sequence[Command]:
    return (Command(cli.command),)
