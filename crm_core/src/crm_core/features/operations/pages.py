"""/metrics, for Prometheus with an API token."""

from __future__ import annotations

from litestar import Response, get
from litestar.di import NamedDependency

from crm_core.features.operations import metrics
from crm_core.uow import UnitOfWork
from crm_core.web import PageController


class MetricsPages(PageController):
    """What monitoring reads; a token needs the right `core.metrics.read`."""

    permission = "core.metrics.read"

    @get("/metrics")
    async def show(self, uow: NamedDependency[UnitOfWork]) -> Response[bytes]:
        """Answer with all metrics of this process and of the database."""
        return Response(await metrics.exposition(uow), media_type=metrics.KIND)
