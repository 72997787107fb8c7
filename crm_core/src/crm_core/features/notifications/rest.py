"""Notifications by API."""

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.features.notifications import actions, queries
from crm_core.features.notifications.schemas import NotificationOut, NotificationPage, UnreadOut
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class NotificationsApi(ApiController):
    """One's own notifications. How one hears of each kind: `/api/v1/settings/core.notifications`."""

    path = "/notifications"
    signed_in = True
    private = True
    tags = ("Notifications",)

    @get(summary="List your notifications")
    async def show_all(
        self,
        uow: Uow,
        unread: FromQuery[bool] = False,
        kind: FromQuery[str] = "",
        before: FromQuery[UUID | None] = None,
        limit: FromQuery[int] = queries.PAGE,
    ) -> NotificationPage:
        """Return notifications, newest first; `before` is the id of the last one of the page before."""
        return await queries.listing(uow, only_unread=unread, kind=kind, before=before, limit=limit)

    @post("/{notification_id:uuid}/read", summary="Mark a notification as read", status_code=200)
    async def read(self, uow: Uow, notification_id: FromPath[UUID]) -> NotificationOut:
        """Mark one as read; one that is stays so."""
        return (await queries.shown(uow, [await actions.mark(uow, notification_id)]))[0]

    @post("/{notification_id:uuid}/unread", summary="Mark a notification as unread", status_code=200)
    async def unread_again(self, uow: Uow, notification_id: FromPath[UUID]) -> NotificationOut:
        """Mark one as unread."""
        return (await queries.shown(uow, [await actions.mark(uow, notification_id, read=False)]))[0]

    @post("/read-all", summary="Mark all notifications as read", status_code=200)
    async def read_all(self, uow: Uow) -> UnreadOut:
        """Mark all as read."""
        await actions.mark_all(uow)
        return UnreadOut(unread=0)
