"""Reminders by page: what is to come, setting one on a record, and being reminded again."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.features.followers.public import record_of
from crm_core.features.reminders import actions, queries
from crm_core.i18n import Strings
from crm_core.plugin import Ref
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
LONGEST = 43_200
"""Minutes of the longest snooze."""


class ReminderPages(PageController):
    """The reader's reminders; rights are those on each record."""

    path = "/reminders"
    signed_in = True
    private = True

    @get()
    async def listed(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with the reminders to come."""
        return await page(request, uow, "core/reminders.html", **await _context(uow))

    @get("/on")
    async def of_record(self, request: AnyRequest, uow: Uow, of: FromQuery[str] = "") -> Response[Any]:
        """Answer with the form that sets a reminder on a record."""
        entity, record = await record_of(uow, of, any_kind=True)
        tomorrow = (uow.now.astimezone(ZoneInfo(uow.zone)) + timedelta(days=1)).replace(hour=9, minute=0)
        title = getattr(record, entity.title, None) or "–"
        context = await _context(uow, of)
        return await page(
            request, uow, "core/reminders.html", title=title, entity=entity, id=record.id,
            proposed=tomorrow.strftime("%Y-%m-%dT%H:%M"), **context | {"of": of},
        )  # fmt: skip

    @post(status_code=200)
    async def set_one(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Set a reminder on a record, at a time on the reader's clock."""
        form = await request.form()
        of = str(form.get("of", ""))
        entity, record = await record_of(uow, of, any_kind=True)
        try:
            at = datetime.fromisoformat(str(form.get("at", ""))).replace(tzinfo=ZoneInfo(uow.zone))
        except ValueError as error:
            text = _("This is not a time.")
            raise actions.ReminderNotValid(text, fields={"at": text}) from error
        await actions.set_own(uow, Ref(entity.name, record.id), at, str(form.get("note", ""))[:255])
        return await redirect(request, uow, f"/{entity.path}/{record.id}", _("You will be reminded."))

    @post("/{reminder_id:uuid}/remove", status_code=200)
    async def remove(self, request: AnyRequest, uow: Uow, reminder_id: FromPath[UUID]) -> Response[Any]:
        """Remove a reminder to come."""
        await actions.remove_own(uow, reminder_id)
        return await redirect(request, uow, "/reminders", _("The reminder is removed."))

    @post("/snooze/{notification_id:uuid}", status_code=200)
    async def snooze(self, request: AnyRequest, uow: Uow, notification_id: FromPath[UUID]) -> Response[Any]:
        """Be reminded of something again."""
        minutes = str((await request.form()).get("minutes", ""))
        await actions.snooze(uow, notification_id, max(1, min(int(minutes), LONGEST)) if minutes.isdecimal() else 10)
        return await redirect(request, uow, "/notifications", _("You will be reminded again."))


async def _context(uow: UnitOfWork, of: str = "") -> dict[str, Any]:
    return {"rows": await queries.coming(uow, of), "of": ""}
