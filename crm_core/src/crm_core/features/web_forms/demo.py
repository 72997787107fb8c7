"""Sample data: a contact form, and a newsletter form that confirms by mail."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from crm_core.entity import records
from crm_core.features.sample import owners
from crm_core.features.web_forms import actions
from crm_core.features.web_forms.models import WebForm

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

SENT = (
    ({"name": "Marlene Ohlsen", "company_name": "Ohlsen Bootsbau", "email": "marlene@ohlsen.example",
      "description": "Wir suchen ein CRM für zwölf Leute."}, "spring", ""),
    ({"name": "Tom Barrow", "company_name": "Barrow & Sons", "email": "tom@barrow.example",
      "description": "Please call me about support contracts."}, "", ""),
    ({"name": "CHEAP SEO", "email": "win@seo.example", "description": "100% guaranteed first place"}, "", "trap"),
)  # fmt: skip


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Make the forms and what visitors sent."""
    before = uow.actor
    boss = next(iter(await owners(uow)), None)
    entity = uow.registry.entity("core.web_form")
    contact: WebForm = await records.create(uow, entity, {
        "name": "Contact form", "title": "Talk to us", "intro": "We answer within one working day.",
        "allowed_hosts": "www.example.com", "thanks": "Thank you. We will call you soon.",
        "assign_to_id": boss.id if boss else None, "consent": "You may store what I send in order to answer it.",
        "fields": [
            {"field": "name", "label": "Your name", "is_required": True},
            {"field": "company_name", "label": "Company"},
            {"field": "email", "is_required": True},
            {"field": "phone", "help": "If you would like to be called."},
            {"field": "description", "label": "How can we help?"},
        ],
    }, trusted=True)  # fmt: skip
    await records.create(uow, entity, {
        "name": "Newsletter", "title": "News four times a year", "is_double_opt_in": True,
        "consent": "Send me news by mail. I can unsubscribe at any time.",
        "fields": [
            {"field": "name", "label": "Name", "is_required": True}, {"field": "email", "is_required": True},
            {"field": "source", "is_hidden": True, "value": "campaign"},
        ],
    }, trusted=True)  # fmt: skip
    await uow.settle()
    for answers, campaign, spam in SENT:
        sent = actions.Sent(
            answers, page_url="https://www.example.com/contact", spam=spam, utm={"utm_campaign": campaign}
        )
        await actions.submit(uow, contact, sent)
    uow.actor = before
