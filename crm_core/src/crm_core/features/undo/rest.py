"""Undo by API."""

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.features.undo import actions
from crm_core.features.undo.schemas import UndoIn, UndoOut
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

SHOWN = 100
Uow = NamedDependency[UnitOfWork]


class UndoApi(ApiController):
    """Undo by cause. Each record needs the right to change (or delete) it, as if its values were typed again."""

    path = "/undo"
    signed_in = True
    tags = ("History",)

    @get("/{cause:uuid}", summary="Look at what undo would do")
    async def look(self, uow: Uow, cause: FromPath[UUID]) -> UndoOut:
        """Return how many records would be put back, and of those left the first hundred; nothing is changed."""
        _steps, left, count = await actions.look(uow, cause)
        return UndoOut(undone=count - len(left), left=left[:SHOWN])

    @post(status_code=200, summary="Undo")
    async def undo(self, uow: Uow, data: JSONBody[UndoIn]) -> UndoOut:
        """Put back what a cause changed. 409 names what has been changed since; nothing is undone then."""
        return await actions.undo(uow, data.cause, skip_changed=data.skip_changed)
