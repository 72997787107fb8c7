"""Saved views by API."""

from typing import Any
from uuid import UUID

from litestar import Request, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core.features.views import actions, queries
from crm_core.features.views.groups import groups
from crm_core.features.views.schemas import Groups, NewView, ViewChange, ViewOut
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController
from crm_core.web.parameters import list_params

AnyRequest = Request[Any, Any, Any]
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

    @get("/groups", summary="A list in groups")
    async def grouped(
        self, request: AnyRequest, uow: Uow, entity: FromQuery[str], group: FromQuery[str], sum: FromQuery[str] = "",  # noqa: A002
        filter: FromQuery[str] = "", q: FromQuery[str] = "",  # noqa: A002
    ) -> Groups:  # fmt: skip
        """Return count and sums of all matching records by a choice, stage, link or yes-or-no field.

        sum: names of amounts and numbers, with commas; filter and q as in a list. Money is in the base currency.
        """
        sums = tuple(dict.fromkeys(n for n in sum.split(",") if n))
        return await groups(uow, queries.entity_of(uow, entity), list_params(request), group, sums)

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
