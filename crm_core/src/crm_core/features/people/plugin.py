"""People by address: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.people import cli, index, jobs
from crm_core.features.people.rest import PeopleApi
from crm_core.plugin import Check, Command, Default, Job, Listener, hookimpl


@hookimpl
def crm_routes() -> Sequence[type]:
    return (PeopleApi,)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return (
        Listener(event="*", run=index.index_new, name="core.people_new", wants=index.is_new, asks=False),
        Listener(event="*", run=index.index_changed, name="core.people_changed", wants=index.touches),
    )


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=jobs.RebuildPeople, run=jobs.rebuild, time_limit=3600.0),)


@hookimpl
def crm_commands() -> Sequence[Command]:
    return (Command(cli.command),)


@hookimpl
def crm_checks() -> Sequence[Check]:
    return (Check("core.people", jobs.check, ready=False),)


@hookimpl
def crm_defaults() -> Sequence[Default]:
    return (Default("core.people_index", jobs.start),)
