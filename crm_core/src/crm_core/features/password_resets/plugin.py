"""Password resets."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.password_resets import jobs
from crm_core.features.password_resets.events import EVENT_TYPES
from crm_core.features.password_resets.pages import ForgotPages
from crm_core.features.password_resets.public_pages import ResetPages
from crm_core.features.password_resets.rest import PasswordResetApi
from crm_core.features.password_resets.schemas import SendReset
from crm_core.plugin import EventType, Job, hookimpl


@hookimpl
def crm_routes() -> Sequence[type]:
    return (ForgotPages, ResetPages, PasswordResetApi)


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (Job(call=SendReset, run=jobs.send_reset),)


@hookimpl
def crm_events() -> Sequence[EventType]:
    return EVENT_TYPES
