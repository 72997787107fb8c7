"""What is known about a person as an archive, and the receipts of erasures.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.features.privacy import export
from crm_core.features.privacy.actions import RIGHT
from crm_core.features.privacy.models import Erasure
from crm_core.features.privacy.schemas import ErasureOut
from crm_core.features.privacy.schemas import Erasures as ErasuresOut
from crm_core.features.privacy.walk import bearers
from crm_core.plugin import Ref
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]
SHOWN = 200


class Erasures(ApiController):
    """Receipts of erasures."""

    path = "/privacy/erasures"
    permission = RIGHT
    tags = ("Privacy",)

    @get(summary="Receipts of erasures")
    async def receipts(self, uow: Uow) -> ErasuresOut:
        """Return the newest receipts; they say how much was erased and what stayed, and nothing about the person."""
        rows = await uow.session.scalars(sa.select(Erasure).order_by(Erasure.id.desc()).limit(SHOWN))
        names = ErasureOut.__struct_fields__
        return ErasuresOut([ErasureOut(**{n: getattr(row, n) for n in names}) for row in rows])


def entity_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return, for people, the archive of what is known about one."""
    if entity not in bearers(registry):
        return []
    opt = {"kind": "api", "entity": entity.name, "permission": RIGHT}

    @get(
        f"/api/v1/{entity.path}/{{record_id:uuid}}/personal-data", opt=opt, tags=[str(entity.plural)],
        operation_id=f"personal_data_of_{entity.path}", summary="Everything known about a person",
        media_type="application/zip",
    )  # fmt: skip
    async def personal_data(uow: Uow, record_id: FromPath[UUID]) -> Response[bytes]:
        content = await export.archive(uow, Ref(entity.name, record_id))
        headers = {"content-disposition": f'attachment; filename="personal-data-{record_id}.zip"'}
        return Response(content, media_type="application/zip", headers=headers)

    return [personal_data]
