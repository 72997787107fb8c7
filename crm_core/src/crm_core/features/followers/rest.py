"""Following by API."""

from uuid import UUID

from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.features.followers import actions, queries
from crm_core.features.followers.schemas import FollowOut, FollowState
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class FollowsApi(ApiController):
    """Records the actor follows; `about` is a record as entity:id."""

    path = "/follows"
    signed_in = True
    tags = ("Following",)

    @get(summary="List what you follow")
    async def listed(
        self, uow: Uow, before: FromQuery[UUID | None] = None, limit: FromQuery[int] = 100
    ) -> dict[str, list[FollowOut]]:
        """Return the records the actor chose to follow, newest first; owned ones are followed by themselves."""
        return {"items": [out for _id, out in await queries.mine(uow, before, limit)]}

    @get("/{about:str}", summary="Look who follows a record")
    async def state(self, uow: Uow, about: FromPath[str]) -> FollowState:
        """Return whether the actor follows a record, and who does."""
        entity, record = await queries.record_of(uow, about)
        people = await queries.followers_of(uow, entity, record)
        following = await queries.follows(uow, entity, record)
        return FollowState(about=about, following=following, followers=people)

    @put("/{about:str}", summary="Follow a record")
    async def follow(self, uow: Uow, about: FromPath[str]) -> FollowState:
        """Follow a record that the actor may read."""
        entity, record = await queries.record_of(uow, about)
        await actions.follow(uow, entity, record)
        return await self.state.fn(self, uow, about)  # type: ignore[no-any-return]  # a handler's function

    @delete("/{about:str}", summary="Follow a record no more")
    async def unfollow(self, uow: Uow, about: FromPath[str]) -> None:
        """Leave a record, even as its owner."""
        entity, record = await queries.record_of(uow, about)
        await actions.unfollow(uow, entity, record)
