"""Handing over by API."""

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.features.handover import actions, queries
from crm_core.features.handover.schemas import HandOverOut, NewHandOver, Started, Undo
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class HandOverApi(ApiController):
    """What a user holds, and giving it to others in one step that can be undone."""

    path = "/users/{user_id:uuid}/hand-over"
    permission = actions.RIGHT
    tags = ("Users",)

    @get(summary="What a user holds")
    async def show(self, uow: Uow, user_id: FromPath[UUID]) -> HandOverOut:
        """Return open and all records by kind, other things by kind, and how far the last hand-over is."""
        return await queries.held_by(uow, await queries.user_of(uow, user_id))

    @post(status_code=202, summary="Hand over")
    async def begin(self, uow: Uow, user_id: FromPath[UUID], data: JSONBody[NewHandOver]) -> Started:
        """Begin to move what is chosen, all under one cause; switched off at once if asked to."""
        return await actions.begin(uow, await queries.user_of(uow, user_id), data)

    @post("/undo", status_code=202, summary="Undo a hand-over")
    async def undo(self, uow: Uow, user_id: FromPath[UUID], data: JSONBody[Undo]) -> Started:
        """Give everything back that is still where the hand-over put it. The user stays switched off."""
        await queries.user_of(uow, user_id)
        return Started(await actions.undo(uow, user_id, data.cause), data.cause)
