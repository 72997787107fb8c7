"""Favourites by API."""

from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.features.favourites import actions, queries
from crm_core.features.favourites.schemas import FavouriteOut
from crm_core.plugin import Ref
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class FavouritesApi(ApiController):
    """Records the actor has starred; `about` is a record as entity:id."""

    path = "/favourites"
    signed_in = True
    tags = ("Favourites",)

    @get(summary="List your favourites")
    async def listed(self, uow: Uow) -> dict[str, list[FavouriteOut]]:
        """Return the actor's favourites that may be read, the newest first."""
        return {"items": await queries.mine(uow)}

    @put("/{about:str}", summary="Star a record")
    async def star(self, uow: Uow, about: FromPath[str]) -> dict[str, list[FavouriteOut]]:
        """Star a record that the actor may read; return all favourites."""
        entity, record = await queries.record_of(uow, about)
        await actions.star(uow, Ref(entity.name, record.id))
        return {"items": await queries.mine(uow)}

    @delete("/{about:str}", summary="Take the star off a record")
    async def unstar(self, uow: Uow, about: FromPath[str]) -> None:
        """Take the star off."""
        entity, record = await queries.record_of(uow, about)
        await actions.unstar(uow, Ref(entity.name, record.id))
