"""The page of all custom fields, by what they are on."""

from typing import Any

import sqlalchemy as sa
from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm_core.entity.custom_fields import CustomField
from crm_core.features.custom_fields.entities import KINDS
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page

Uow = NamedDependency[UnitOfWork]


class CustomFieldPages(PageController):
    """Custom fields of every kind of records."""

    path = "/admin/fields"
    permission = "core.field.read"

    @get()
    async def show_all(self, request: Request[Any, Any, Any], uow: Uow) -> Response[Any]:
        """Answer with all fields, and a way to a new one for each kind of records."""
        order = (CustomField.is_archived, CustomField.position, CustomField.id)
        found: dict[str, list[CustomField]] = {}
        for one in await uow.session.scalars(
            sa.select(CustomField).where(CustomField.deleted_at.is_(None)).order_by(*order)
        ):
            found.setdefault(one.entity, []).append(one)
        entities = [e for e in uow.registry.entities.values() if (e.in_menu and not e.protected) or e.name in found]
        entities.sort(key=lambda e: (e.name not in found, e.order, e.name))
        absent = sorted(set(found) - {e.name for e in entities})
        return await page(
            request, uow, "core/custom_fields.html", entities=entities, found=found, kinds=dict(KINDS), absent=absent,
            may_create=uow.actor.may("core.field.create"),
        )  # fmt: skip
