"""Duplicates by API.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core.errors import Forbidden
from crm_core.features.duplicates import actions, queries
from crm_core.features.duplicates.schemas import Candidates, DismissIn, DuplicatesIn, Pairs, SearchStarted
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

_ = Strings("crm_core")
Uow = NamedDependency[UnitOfWork]


def api_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the routes of one entity; none where records are not compared."""
    if not entity.mergeable:
        return []
    opt = {"kind": "api", "entity": entity.name, "permission": f"{entity.name}.read"}
    path, tags = f"/api/v1/{entity.path}", [str(entity.plural)]

    @post(
        f"{path}/duplicates", opt=opt, tags=tags, status_code=200, operation_id=f"find_duplicates_of_{entity.path}",
        summary=f"Which {entity.plural} may be the same as one with these values",
    )  # fmt: skip
    async def find(uow: Uow, data: JSONBody[DuplicatesIn]) -> Candidates:
        exclude = {data.exclude} if data.exclude else set()
        return Candidates(await queries.find_duplicates(uow, entity, data.values, exclude=exclude))

    @get(
        f"{path}/{{record_id:uuid}}/duplicates", opt=opt, tags=tags, operation_id=f"duplicates_of_{entity.noun}",
        summary=f"Which {entity.plural} may be the same as this one",
    )  # fmt: skip
    async def of_record(uow: Uow, record_id: FromPath[UUID]) -> Candidates:
        return Candidates(await queries.of_record(uow, entity, record_id))

    return [find, of_record]


class DuplicatesApi(ApiController):
    """Pairs of records that may be the same."""

    path = "/duplicates"
    signed_in = True
    tags = ("Duplicates",)

    @get(summary="List possible duplicates")
    async def listed(self, uow: Uow, entity: FromQuery[str], skip: FromQuery[int] = 0) -> Pairs:
        """Return the pairs of one kind found by the last search, both of which the caller may read."""
        return await queries.pairs(uow, actions.entity_named(uow, entity), skip=max(0, min(skip, 100_000)))

    @post("/dismiss", status_code=204, summary="Say that two records are not the same")
    async def dismiss(self, uow: Uow, data: JSONBody[DismissIn]) -> None:
        """Remember it: the pair is not shown again."""
        await actions.dismiss(uow, actions.entity_named(uow, data.entity), data.first, data.second)

    @post("/search", status_code=202, summary="Search all records for duplicates now")
    async def search(self, uow: Uow) -> SearchStarted:
        """Start the search that otherwise runs by night; needs the right `core.duplicates.search`."""
        if not uow.actor.may(actions.SEARCH):
            raise Forbidden(_("You lack the right {permission}.", permission=actions.SEARCH))
        return SearchStarted(await actions.search_all(uow))
