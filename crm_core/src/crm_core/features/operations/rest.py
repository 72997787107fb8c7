"""Retention by API: a dry run that counts."""

from __future__ import annotations

import msgspec
from litestar import get
from litestar.di import NamedDependency

from crm_core.features.operations import queries
from crm_core.features.operations.schemas import RetentionOut
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController


class RetentionList(msgspec.Struct):
    """All kinds."""

    items: list[RetentionOut]


class RetentionApi(ApiController):
    """How long things are kept; the days are the settings group `core.retention`."""

    path = "/admin/retention"
    permission = "core.settings.manage"
    tags = ("Administration",)

    @get(operation_id="retention", summary="What the next clearing out would delete")
    async def show(self, uow: NamedDependency[UnitOfWork]) -> RetentionList:
        """Count what is older than its kind is kept; nothing is deleted."""
        return RetentionList(await queries.due(uow))
