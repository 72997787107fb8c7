"""Import of files: by API, and by pages with a job behind them."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.imports.calls import RunImport
from crm_core.features.imports.jobs import import_file
from crm_core.features.imports.pages import ImportPages
from crm_core.features.imports.rest import ImportsApi
from crm_core.plugin import Job, hookimpl


@hookimpl
def crm_routes() -> Sequence[type]:
    return (ImportsApi, ImportPages)


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=RunImport, run=import_file, max_attempts=1, time_limit=7200.0),)
