"""API endpoints of the sample plugin beyond its entity's own."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.plugin import Entity
from crm_core.plugin.registry import Registry
from crm_core.testing.sample_plugin import queries
from crm_core.testing.sample_plugin.schemas import CompanySummary
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController


class VisitsApi(ApiController):
    """Figures and topics of visits."""

    path = "/sample"
    permission = "sample.visit.read"
    tags = ("Visits",)

    @get("/companies/{company_id:uuid}", summary="Visits at a company")
    async def company(self, uow: NamedDependency[UnitOfWork], company_id: FromPath[UUID]) -> CompanySummary:
        """Return the number, the minutes and the latest of the visits done at a company."""
        return await queries.summary(uow, company_id)

    @get("/topics", summary="Topics of visits")
    async def topics(self, uow: NamedDependency[UnitOfWork]) -> list[str]:
        """Return what visits are usually about."""
        return await queries.topics(uow)


def visited(registry: Registry, entity: Entity) -> Sequence[Any]:
    """Return routes that the kind of record gets whose visits are counted; others get none."""
    if entity.name != "core.company":
        return ()

    @get(
        f"/api/v1/{entity.path}/{{record_id:uuid}}/sample-visits", tags=["Visits"], summary="Visits at this company",
        opt={"kind": "api", "permission": f"{entity.name}.read"}, operation_id="visits_of_company",
    )  # fmt: skip
    async def figures(uow: NamedDependency[UnitOfWork], record_id: FromPath[UUID]) -> CompanySummary:
        return await queries.summary(uow, record_id)

    return (figures,)
