"""Names of tags for the field that picks them."""

from typing import Any

import sqlalchemy as sa
from litestar import Request, get
from litestar.di import NamedDependency

from crm_core.entity.folding import fold
from crm_core.entity.tags import Tag
from crm_core.uow import UnitOfWork
from crm_core.web import PageController


class TagPages(PageController):
    """What forms ask about tags."""

    signed_in = True

    @get("/tags/names")
    async def tag_names(self, request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork]) -> dict[str, Any]:
        """Answer with tags that start with what was typed."""
        start = fold(request.query_params.get("q", ""))
        wanted = sa.select(Tag.name).where(Tag.deleted_at.is_(None), Tag.name_f.startswith(start, autoescape=True))
        names = await uow.session.scalars(wanted.order_by(Tag.name_f).limit(50))
        return {"items": [{"value": n, "text": n} for n in names]}
