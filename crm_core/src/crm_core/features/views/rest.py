"""Saved views by API."""

from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core.features.views import actions, queries
from crm_core.features.views.schemas import NewView, ViewChange, ViewOut
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class ViewsApi(ApiController):
    """Saved views of lists: own ones, those of the actor's teams, and everybody's.

    Which view a list opens with: `/api/v1/settings/core.lists`.
    """

    path = "/views"
    signed_in = True
    tags = ("Saved views",)

    @get(summary="List saved views")
    async def listed(self, uow: Uow, entity: FromQuery[str] = "") -> dict[str, list[ViewOut]]:
        """Return the views the actor sees, of one entity or all, by name."""
        return {"items": await queries.listing(uow, entity)}

    @post(summary="Save a view")
    async def save(self, uow: Uow, data: JSONBody[NewView]) -> ViewOut:
        """Save a view; names in it that are unknown are kept and told as missing."""
        return (await queries.shown(uow, [await actions.save(uow, data)]))[0]

    @get("/{view_id:uuid}", summary="Get a saved view")
    async def show(self, uow: Uow, view_id: FromPath[UUID]) -> ViewOut:
        """Return a view the actor sees."""
        return (await queries.shown(uow, [await queries.one(uow, view_id)]))[0]

    @patch("/{view_id:uuid}", summary="Change a saved view")
    async def change(self, uow: Uow, view_id: FromPath[UUID], data: JSONBody[ViewChange]) -> ViewOut:
        """Change a view of one's own."""
        view = await actions.change(uow, await queries.one(uow, view_id), data)
        return (await queries.shown(uow, [view]))[0]

    @delete("/{view_id:uuid}", summary="Remove a saved view")
    async def remove(self, uow: Uow, view_id: FromPath[UUID]) -> None:
        """Remove a view of one's own."""
        await actions.remove(uow, await queries.one(uow, view_id))
