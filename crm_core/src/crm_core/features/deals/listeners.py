"""What deals do when something happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.db.types import new_id
from crm_core.errors import Invalid
from crm_core.features.deals import rules
from crm_core.features.deals.models import Deal, DealContact
from crm_core.features.in_step import alone, chosen, first_row, main_of
from crm_core.features.pipelines.public import remember_first
from crm_core.plugin import Listener, Strings

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


def about_contacts(event: Happened) -> bool:
    """Return whether a deal's main contact or its contacts changed."""
    return "contact_id" in event.changed or any(n.startswith("contacts.") for n in event.changed)


async def keep_contacts(uow: UnitOfWork, event: Happened) -> None:
    """Keep a deal's main contact and its contacts in step, whichever of them was changed.

    Who is newly set as main contact, in either place, is it; the one before stays as one of the contacts.
    """
    deal: Deal | None = event.record or await uow.session.get(Deal, event.record_id)
    if deal is None or deal.deleted_at is not None:
        return
    if alone(event, "contacts", deal.contact_id):
        await first_row(uow, event, "contacts", {"contact_id": deal.contact_id, "is_primary": True})
        return
    wanted = sa.select(DealContact).where(DealContact.deal_id == deal.id)
    rows = list(await uow.session.scalars(wanted.order_by(DealContact.position, DealContact.id)))
    people = [r.contact_id for r in rows]
    if len(set(people)) < len(people):
        text = _("A person is named twice.")
        raise Invalid(text, fields={"contacts": text})
    await rules.demand_roles(uow, chosen(event, "contacts", "role_id"))
    main = main_of(event, "contacts", "contact_id", deal.contact_id, rows)
    if main is not None and main not in people:
        added = DealContact(id=new_id(), deal_id=deal.id, contact_id=main, is_primary=True, position=len(rows))
        uow.session.add(added)
    for row in rows:
        if row.is_primary != (row.contact_id == main):
            row.is_primary = row.contact_id == main
    if deal.contact_id != main:
        deal.contact_id = main


LISTENERS = (
    *(
        Listener(event=f"core.deal.{kind}", run=keep_contacts, name="core.deal_contacts", wants=about_contacts)
        for kind in ("created", "updated")
    ),
    Listener(event="core.deal.created", run=remember_first, name="core.deal_first_stage"),
)
