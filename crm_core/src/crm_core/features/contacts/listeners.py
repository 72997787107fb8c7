"""What contacts do when something happens: the main company and the list of companies are kept in step."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.db.types import new_id
from crm_core.entity.stages import today
from crm_core.errors import Invalid
from crm_core.features.contacts.models import Contact, ContactCompany
from crm_core.features.in_step import alone, first_row, main_of
from crm_core.plugin import Listener, Strings

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


def about_companies(event: Happened) -> bool:
    """Return whether a contact's company, job title or list of companies changed."""
    names = event.changed
    if event.kind == "created" and event.after.get("company_id") is None:
        return any(n.startswith("companies.") for n in names)
    return bool(names & {"company_id", "job_title"}) or any(n.startswith("companies.") for n in names)


async def keep_companies(uow: UnitOfWork, event: Happened) -> None:
    """Keep a contact's company and job title and its list of companies in step, whichever was changed.

    A contact whose company was changed has left the former one today; a row that began today is no past but a
    mistake, and goes. Invalid for a company named twice at one time, and for a row that ends before it begins.
    """
    contact: Contact | None = event.record or await uow.session.get(Contact, event.record_id)
    if contact is None or contact.deleted_at is not None:
        return
    if alone(event, "companies", contact.company_id):
        values = {"company_id": contact.company_id, "job_title": contact.job_title, "is_primary": True}
        await first_row(uow, event, "companies", values)
        return
    wanted = sa.select(ContactCompany).where(ContactCompany.contact_id == contact.id)
    rows = list(await uow.session.scalars(wanted.order_by(ContactCompany.position, ContactCompany.id)))
    day = today(uow)
    _check(rows)
    present = [r for r in rows if not _ended(r, day)]
    main = main_of(event, "companies", "company_id", contact.company_id, present)
    if "company_id" in event.changed and event.kind != "created":
        await _leave(uow, event.before.get("company_id"), main, rows, day)
    if main is not None and not any(r.company_id == main and r in present for r in rows):
        began = day if event.kind != "created" else None
        added = ContactCompany(
            id=new_id(), contact_id=contact.id, company_id=main, job_title=contact.job_title, is_primary=True,
            position=len(rows), from_on=began,
        )  # fmt: skip
        uow.session.add(added)
    _mark(event, contact, present, main)
    for row in rows:
        if row.is_primary and row not in present:
            row.is_primary = False
    if contact.company_id != main:
        contact.company_id = main


def _mark(event: Happened, contact: Contact, rows: list[ContactCompany], main: UUID | None) -> None:
    """Set the main row and bring the job title of contact and row together: the one that was changed wins."""
    chosen = next((r for r in rows if r.company_id == main), None)
    for row in rows:
        if row.is_primary != (row is chosen):
            row.is_primary = row is chosen
    if chosen is None or chosen.job_title == contact.job_title:
        return
    if "job_title" in event.changed or not chosen.job_title:
        chosen.job_title = contact.job_title
    else:
        contact.job_title = chosen.job_title


async def _leave(uow: UnitOfWork, old: Any, main: UUID | None, rows: list[ContactCompany], day: date) -> None:
    """End the row of the company that was the contact's until this change, or drop it when it only began today."""
    for row in [r for r in rows if r.company_id == old and r.company_id != main and r.is_primary]:
        if row.from_on == day:
            rows.remove(row)
            await uow.session.delete(row)
        else:
            row.until_on, row.is_primary = day, False


def _ended(row: ContactCompany, day: date) -> bool:
    return row.until_on is not None and row.until_on <= day


def _check(rows: list[ContactCompany]) -> None:
    open_ended: set[UUID] = set()
    for row in rows:
        if row.from_on is not None and row.until_on is not None and row.until_on < row.from_on:
            text = _("A company ends before it begins.")
            raise Invalid(text, fields={"companies": text})
        if row.until_on is None and row.company_id in open_ended:
            text = _("A company is named twice.")
            raise Invalid(text, fields={"companies": text})
        if row.until_on is None:
            open_ended.add(row.company_id)


LISTENERS = tuple(
    Listener(event=f"core.contact.{kind}", run=keep_companies, name="core.contact_companies", wants=about_companies)
    for kind in ("created", "updated")
)
