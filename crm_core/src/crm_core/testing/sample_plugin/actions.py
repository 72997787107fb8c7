"""What changes visits; the only place of the plugin that emits and enqueues."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.features.notifications.public import notify
from crm_core.features.number_series.public import ensure_series
from crm_core.plugin import Action, NotificationKind, Ref, Strings, Text, records
from crm_core.plugin.errors import Conflict, Invalid
from crm_core.plugin.links import PublicLink, create_link, use_link
from crm_core.testing.sample_plugin.entities import DONE, MISSED, PLANNED, VISIT
from crm_core.testing.sample_plugin.events import VisitConfirmed, VisitDone
from crm_core.testing.sample_plugin.models import CompanyVisits, Topic, Visit
from crm_core.testing.sample_plugin.schemas import FinishVisit, Invitation
from crm_core.testing.sample_plugin.settings import VisitSettings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings(__package__)

CONFIRM = "sample.confirm"
CONFIRMED = NotificationKind(name="sample.confirmed", label=_("A customer confirms my visit"), icon="calendar-check")
TOPICS = ("First meeting", "Follow-up", "Complaint")


class VisitAlreadyDone(Conflict):
    """The visit was finished before."""


class VisitsStillPlanned(Conflict):
    """The company cannot go while visits to it are planned."""


async def finish_visit(uow: UnitOfWork, visit: Visit, params: FinishVisit) -> None:
    """Write down that a visit took place; minutes between 0 and a day."""
    if visit.outcome == DONE:
        raise VisitAlreadyDone(_("This visit is finished already."))
    if not 0 <= params.minutes <= 24 * 60:
        raise Invalid(_("A visit takes at most a day."), fields={"minutes": _("0 to 1440")})
    values: dict[str, Any] = {"outcome": DONE, "minutes": params.minutes}
    if params.notes:
        values["notes"] = params.notes
    await records.update(uow, VISIT, visit, values)
    about = [Ref(VISIT.name, visit.id)]
    if visit.company_id:
        about.append(Ref("core.company", visit.company_id))
    event = VisitDone(
        visit_id=visit.id, company_id=visit.company_id, visited_on=visit.visited_on, minutes=params.minutes
    )
    await uow.emit(event, about=about)


async def plan_finish(uow: UnitOfWork, visit: Visit, params: FinishVisit | None) -> list[Text]:
    """Say what finishing would do."""
    if params is None:
        return [_("{subject} is marked as done.", subject=visit.subject)]
    return [_("{subject} is marked as done after {minutes} minutes.", subject=visit.subject, minutes=params.minutes)]


async def plan_invite(uow: UnitOfWork, visit: Visit, params: None) -> list[Text]:
    """Say what inviting would do."""
    return [_("A link is made with which {subject} can be confirmed within two weeks.", subject=visit.subject)]


async def invite(uow: UnitOfWork, visit: Visit, params: None) -> Invitation:
    """Make a link by which the customer confirms the visit, once, within two weeks."""
    token = await create_link(
        uow, CONFIRM, ref=Ref(VISIT.name, visit.id), expires_at=uow.now + timedelta(days=14), max_uses=1
    )
    return Invitation(url=f"{uow.kernel.config.url}/public/sample/confirm/{token}")


async def confirm_visit(uow: UnitOfWork, visit: Visit, link: PublicLink) -> None:
    """Write down that the customer confirmed; LinkNotValid the second time."""
    await use_link(uow, link)
    about = Ref(VISIT.name, visit.id)
    await uow.emit(VisitConfirmed(visit_id=visit.id), about=[about])
    if visit.owner_id is not None:
        await notify(uow, [visit.owner_id], CONFIRMED.name, about, _("The customer confirmed your visit"))


async def note_last_visit(uow: UnitOfWork, company_id: UUID, visited_on: date) -> None:
    """Keep the day of a company's latest visit; calling it twice changes nothing."""
    row = await uow.session.get(CompanyVisits, company_id)
    if row is None:
        uow.session.add(CompanyVisits(record_id=company_id, sample_last_visit_on=visited_on))
    elif row.sample_last_visit_on is None or row.sample_last_visit_on < visited_on:
        row.sample_last_visit_on = visited_on


async def mark_missed(uow: UnitOfWork) -> int:
    """Mark overdue planned visits as missed and return how many there were."""
    settings = await uow.settings(VisitSettings)
    before = uow.now.date() - timedelta(days=settings.overdue_after_days)
    overdue = sa.and_(Visit.outcome == PLANNED, Visit.visited_on < before, Visit.deleted_at.is_(None))
    return await records.bulk_update(uow, VISIT, overdue, {"outcome": MISSED})


async def demand_no_plans(uow: UnitOfWork, company_id: UUID) -> None:
    """Raise VisitsStillPlanned when a company has visits to come."""
    planned = sa.select(Visit.id).where(
        Visit.company_id == company_id, Visit.outcome == PLANNED, Visit.deleted_at.is_(None)
    )
    if await uow.session.scalar(planned.limit(1)) is not None:
        raise VisitsStillPlanned(_("Visits to this company are planned."))


async def install_topics(uow: UnitOfWork) -> None:
    """Make the topics that every installation starts with."""
    uow.session.add_all(Topic(name=name, position=position) for position, name in enumerate(TOPICS))


async def install_numbers(uow: UnitOfWork) -> None:
    """Make the series that numbers visits, anew each year; administrators change its pattern."""
    await ensure_series(uow, VISIT.name, "Visits", "V-{year}-{number:04}", reset="calendar")


FINISH = Action(
    entity=VISIT.name,
    name="finish",
    label=_("Finish"),
    icon="check",
    params=FinishVisit,
    run=finish_visit,
    permission="sample.visit.edit",
    when={"field": "outcome", "op": "is", "value": PLANNED},
    bulk=True,
    plan=plan_finish,
)
INVITE = Action(
    entity=VISIT.name, name="invite", label=_("Invite"), icon="mail", run=invite, permission="sample.visit.edit",
    plan=plan_invite,
)  # fmt: skip
