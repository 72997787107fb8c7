"""Reminders by API."""

from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core.features.followers.public import record_of
from crm_core.features.reminders import actions, queries
from crm_core.features.reminders.schemas import NewReminder, ReminderOut, Snooze
from crm_core.plugin import Ref
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class RemindersApi(ApiController):
    """The actor's reminders to come: own ones, and those of their activities."""

    path = "/reminders"
    signed_in = True
    private = True
    tags = ("Reminders",)

    @get(summary="List your reminders to come")
    async def listed(self, uow: Uow, limit: FromQuery[int] = queries.MOST) -> dict[str, list[ReminderOut]]:
        """Return reminders to come, the next one first."""
        return {"items": await queries.coming(uow, limit=limit)}

    @post(summary="Set a reminder")
    async def set_one(self, uow: Uow, data: JSONBody[NewReminder]) -> dict[str, list[ReminderOut]]:
        """Remind the actor of a record; return what they are reminded of there."""
        entity, record = await record_of(uow, data.about, any_kind=True)
        await actions.set_own(uow, Ref(entity.name, record.id), data.at, data.note)
        return {"items": await queries.coming(uow, data.about)}

    @delete("/{reminder_id:uuid}", summary="Remove a reminder")
    async def remove(self, uow: Uow, reminder_id: FromPath[UUID]) -> None:
        """Remove one of the actor's reminders to come."""
        await actions.remove_own(uow, reminder_id)

    @post("/snooze/{notification_id:uuid}", summary="Be reminded again", status_code=200)
    async def snooze(self, uow: Uow, notification_id: FromPath[UUID], data: JSONBody[Snooze]) -> None:
        """Tell a reminder that has come once more, later."""
        await actions.snooze(uow, notification_id, data.minutes)
