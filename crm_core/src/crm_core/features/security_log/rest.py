"""The security log by API."""

from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.features.security_log import queries
from crm_core.features.security_log.schemas import SecurityEvent, SecurityEventOut, SecurityPage
from crm_core.features.session import public as session
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


def _out(events: list[SecurityEvent], before: str) -> SecurityPage:
    items = [
        SecurityEventOut(
            id=e.id, type=e.type, at=e.at, who=e.who, user_id=e.user_id, user=e.user, address=e.address,
            details=e.details,
        )
        for e in events
    ]  # fmt: skip
    return SecurityPage(items=items, before=before)


class SecurityApi(ApiController):
    """Who got in, what was refused, what changed about access."""

    path = "/security-events"
    tags = ("Security",)
    permission = "core.security.read"

    @get(summary="List security events")
    async def show(self, uow: Uow, before: FromQuery[str] = "", user_id: FromQuery[UUID | None] = None) -> SecurityPage:
        """Return events, newest first, fifty at a time; `user_id` narrows them to one person."""
        return _out(*await queries.security_events(uow, about=user_id, before=before))


class OwnSecurityApi(ApiController):
    """One's own part of the log."""

    path = "/security-events/mine"
    tags = ("Session",)
    signed_in = True

    @get(summary="List own security events")
    async def show(self, uow: Uow, before: FromQuery[str] = "") -> SecurityPage:
        """Return what happened to one's own access, newest first."""
        return _out(*await queries.security_events(uow, about=session.own_id(uow), before=before))
