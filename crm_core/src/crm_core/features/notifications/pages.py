"""The bell, the list of notifications, and the choice of channels."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.errors import Invalid, NotFound
from crm_core.features.notifications import actions, queries
from crm_core.features.notifications.kinds import kinds_of
from crm_core.features.notifications.settings import PATH, NotificationSettings
from crm_core.i18n import Strings
from crm_core.plugin.notices import CHANNELS
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
SNOOZES = {10: _("In 10 minutes"), 60: _("In an hour"), 1440: _("Tomorrow")}
"""Minutes after which a reminder comes again, offered on the page."""
LABELS = {
    "app": _("In the app"), "mail": _("In the app and by mail"), "digest": _("In the app and in the daily mail"),
    "off": _("Not at all"),
}  # fmt: skip


class NotificationPages(PageController):
    """What happened that concerns the reader."""

    signed_in = True
    private = True

    @get("/notifications")
    async def show(
        self, request: AnyRequest, uow: Uow, kind: FromQuery[str] = "", show: FromQuery[str] = "",
        before: FromQuery[str] = "",
    ) -> Response[Any]:  # fmt: skip
        """Answer with the reader's notifications, newest first."""
        found = await queries.listing(uow, only_unread=show == "unread", kind=kind, before=_id(before))
        return await page(
            request, uow, "core/notifications.html", found=found, kinds=kinds_of(uow.registry), kind=kind, show=show,
            snoozes=SNOOZES,
        )  # fmt: skip

    @get("/notifications/bell")
    async def bell(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with the bell and how much is unread."""
        return await page(request, uow, "core/_bell.html", unread=await queries.unread(uow))

    @post("/notifications/{notification_id:uuid}/open", status_code=200)
    async def open(self, request: AnyRequest, uow: Uow, notification_id: FromPath[UUID]) -> Response[Any]:
        """Mark as read and go to what it is about."""
        row = await actions.mark(uow, notification_id)
        told = (await queries.shown(uow, [row]))[0]
        return await redirect(request, uow, told.href or "/notifications")

    @post("/notifications/{notification_id:uuid}/unread", status_code=200)
    async def unread(self, request: AnyRequest, uow: Uow, notification_id: FromPath[UUID]) -> Response[Any]:
        """Mark as unread."""
        await actions.mark(uow, notification_id, read=False)
        return await redirect(request, uow, "/notifications")

    @post("/notifications/read-all", status_code=200)
    async def read_all(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Mark all as read."""
        await actions.mark_all(uow)
        return await redirect(request, uow, "/notifications", _("All marked as read."))

    @get(PATH)
    async def preferences(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with the channel of each kind."""
        return await _preferences(request, uow, await uow.settings(NotificationSettings))

    @post(PATH, status_code=200)
    async def save(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Save the channels."""
        form = await request.form()
        kinds = kinds_of(uow.registry)
        old = await uow.settings(NotificationSettings)
        chosen: dict[str, Any] = {k: v for k, v in old.channels.items() if k not in kinds}
        chosen |= {k: v for k in kinds if (v := str(form.get(k, ""))) in CHANNELS}
        hour = str(form.get("digest_hour", old.digest_hour))
        if not hour.isdecimal() or not 0 <= int(hour) <= 23:
            text = _("An hour is a number from 0 to 23.")
            raise Invalid(text, fields={"digest_hour": text})
        await uow.save_settings(NotificationSettings(channels=chosen, digest_hour=int(hour)))
        return await redirect(request, uow, PATH, _("Saved."))


async def _preferences(request: AnyRequest, uow: UnitOfWork, settings: NotificationSettings) -> Response[Any]:
    kinds = list(kinds_of(uow.registry).values())
    chosen = {k.name: settings.channels.get(k.name, k.default) for k in kinds}
    return await page(
        request, uow, "core/notification_settings.html", kinds=kinds, chosen=chosen, labels=LABELS, settings=settings
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise NotFound(_("There is no such notification.")) from error
