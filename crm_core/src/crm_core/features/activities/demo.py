"""Sample data: what was done, what is planned, and what is overdue."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from crm_core.features.contacts.models import Contact
from crm_core.features.deals.models import Deal
from crm_core.features.leads.models import Lead
from crm_core.features.sample import Owner, at, choices, day, every, make
from crm_core.plugin import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

COUNT = 150
SUBJECTS = {
    "task": ("Send quote", "Angebot nachfassen", "Prepare contract", "Referenzen schicken", "Check credit limit"),
    "call": ("Follow-up call", "Rückruf wegen Angebot", "Introductory call", "Preisgespräch"),
    "meeting": ("Product demo", "Jahresgespräch", "Kick-off", "Vor-Ort-Termin", "Contract review"),
    "note": (
        "Budget approved for next year",
        "Ansprechpartner wechselt im Sommer",
        "Prefers e-mail",
        "Met at the fair",
    ),
    "email": ("Sent price list", "Protokoll geschickt", "Asked for delivery dates"),
}
BODIES = ("", "Wants an answer this week.", "Bitte Unterlagen vorab senden.", "See the notes of the last meeting.")
PLACES = ("Video call", "Customer's office", "Büro Hamburg", "London office")


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make activities about contacts, deals and leads, for their owners."""
    pick = choices("activities")
    contacts, deals, leads = await every(uow, Contact), await every(uow, Deal), await every(uow, Lead)
    by_company: dict[Any, Any] = {}
    for contact in contacts:
        by_company.setdefault(contact.company_id, contact)
    for _number in range(COUNT):
        entity, record = pick.choice(
            (
                ("core.contact", pick.choice(contacts)),
                ("core.deal", pick.choice(deals)),
                ("core.deal", pick.choice(deals)),
                ("core.lead", pick.choice(leads)),
            )
        )
        contact = record if entity == "core.contact" else by_company.get(record.company_id)
        await _make(uow, as_of, pick, Ref(entity, record.id), record, contact)


async def _make(uow: UnitOfWork, as_of: date, pick: Any, about: Ref, record: Any, contact: Contact | None) -> None:
    kind = pick.choices(("task", "call", "meeting", "note", "email"), (5, 4, 4, 2, 1))[0]
    past = kind in ("note", "email") or pick.random() < 0.55
    offset = -pick.randint(1, 90) if past else pick.choice((-4, -2, -1, 0, 1, 1, 2, 3, 5, 8, 13, 21, 30))
    hour = pick.randint(7, 15)
    values: dict[str, Any] = {
        "kind": kind,
        "subject": pick.choice(SUBJECTS[kind]),
        "body": pick.choice(BODIES) or None,
        "parent": about,
        "priority": pick.choices(("low", "normal", "high"), (1, 6, 2))[0],
        "organiser_id": record.owner_id,
        "done_at": at(as_of, offset, hour + 1) if past else None,
        "created_at": at(as_of, min(offset, 0) - pick.randint(1, 10), 8),
    }
    if kind == "meeting":
        when = day(as_of, offset)
        length = pick.choice((30, 60, 90))
        ends = (hour + length // 60, length % 60)
        shift = (when - as_of).days
        values |= {
            "starts_at": at(as_of, shift, hour),
            "ends_at": at(as_of, shift, *ends),
            "zone": "Europe/Berlin",
            "location": pick.choice(PLACES),
        }
        values["participants"] = [{"user_id": record.owner_id}]
        if contact is not None:
            values["participants"].append({"contact_id": contact.id, "name": contact.name})
    else:
        values["due_at"] = at(as_of, offset, hour)
    if contact is not None and about.id != contact.id and pick.random() < 0.6:
        values["links"] = [{"record": Ref("core.contact", contact.id)}]
    owner = Owner(record.owner_id, record.team_id, "") if record.owner_id else None
    await make(uow, "core.activity", owner, **values)
