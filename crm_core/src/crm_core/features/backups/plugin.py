"""Backups: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.backups import checks, cli, jobs, schemas, settings
from crm_core.plugin import Check, Command, Job, Schedule, SettingsGroup, hookimpl


@hookimpl
def crm_settings() -> Sequence[SettingsGroup]:
    return (settings.GROUP,)


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=schemas.NightlyBackup, run=jobs.nightly, time_limit=3600),)


@hookimpl
def crm_schedules() -> Sequence[Schedule]:
    return (Schedule("core.nightly_backup", schemas.NightlyBackup(), "41 2 * * *"),)


@hookimpl
def crm_commands() -> Sequence[Command]:
    return (Command(cli.backup), Command(cli.restore))


@hookimpl
def crm_checks() -> Sequence[Check]:
    return checks.CHECKS
