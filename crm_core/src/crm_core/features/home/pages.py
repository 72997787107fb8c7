"""The page after signing in: what is new, and the tiles of plugins."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm_core.entity import query
from crm_core.errors import CrmError
from crm_core.plugin import Entity
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page
from crm_core.web.page import web_of
from crm_core.web.views import display_for, may, plain, seen_fields

Uow = NamedDependency[UnitOfWork]
TILES = 6
LATEST = 6
"""Records in each tile."""


class HomePages(PageController):
    """The way in."""

    signed_in = True

    @get("/")
    async def home(self, request: Request[Any, Any, Any], uow: Uow) -> Response[Any]:
        """Answer with the newest records of the kinds that come first in the menu, and the tiles of plugins."""
        tiles: list[dict[str, Any]] = []
        for entity in sorted(uow.registry.entities.values(), key=lambda e: e.order):
            if len(tiles) < TILES and entity.in_menu and entity.field("owner_id") and may(uow, entity, "read"):
                tiles += await _newest(request, uow, entity)
        return await page(request, uow, "core/home.html", tiles=tiles)


async def _newest(request: Request[Any, Any, Any], uow: UnitOfWork, entity: Entity) -> list[dict[str, Any]]:
    """Return a tile with an entity's newest records; none where the list cannot be had."""
    by_name = {x.name: x for x in seen_fields(uow, entity)}
    extra = next((by_name[n] for n in entity.list_columns if n in by_name and n != entity.title), None)
    names = tuple(dict.fromkeys([entity.title, *([extra.name] if extra else [])]))
    newest = "-created_at" if by_name.get("created_at") and by_name["created_at"].sortable else ""
    try:
        found = await query.list_records(uow, entity, query.ListParams(fields=names, sort=newest, limit=LATEST))
    except CrmError:
        return []
    rows = [plain(i) for i in found.items]
    display = await display_for(uow, web_of(request), [extra] if extra else [], rows)
    return [{"entity": entity, "rows": rows, "extra": extra, "display": display}]
