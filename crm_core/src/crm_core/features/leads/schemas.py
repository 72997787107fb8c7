"""What converting a lead takes and gives."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from crm_core.plugin import Event, Strings

_ = Strings("crm_core")


class ConvertLead(msgspec.Struct, forbid_unknown_fields=True):
    """How a lead is converted.

    company_id, contact_id: records to link; without them they are made from the lead, unless `company` or `contact`
    is false. link_likely: link what is there already and is surely the same (same e-mail address, same domain or
    same company name) instead of making it anew. deal: make a deal too, named `deal_name` or after the company.
    """

    company_id: Annotated[
        UUID | None, Meta(title=str(_("Company")), extra={"target": "core.company"},
                          description=str(_("Empty: made from the lead")))
    ] = None  # fmt: skip
    contact_id: Annotated[
        UUID | None, Meta(title=str(_("Contact")), extra={"target": "core.contact"},
                          description=str(_("Empty: made from the lead")))
    ] = None  # fmt: skip
    company: Annotated[bool, Meta(title=str(_("With a company")))] = True
    contact: Annotated[bool, Meta(title=str(_("With a contact")))] = True
    link_likely: Annotated[bool, Meta(title=str(_("Link what is surely there already")))] = True
    deal: Annotated[bool, Meta(title=str(_("Make a deal too")))] = False
    deal_name: Annotated[str, Meta(title=str(_("Name of the deal")), max_length=255)] = ""


class ConvertedLead(msgspec.Struct):
    """What became of a lead. cause: what undoes it. made: kinds that were made and not linked. moved: rows a table."""

    id: UUID
    company_id: UUID | None
    contact_id: UUID | None
    deal_id: UUID | None
    made: list[str]
    moved: dict[str, int]
    cause: UUID


class LeadConverted(Event, frozen=True, kw_only=True):
    """A lead became a company, a contact or a deal."""

    lead_id: UUID
    company_id: UUID | None
    contact_id: UUID | None
    deal_id: UUID | None


class LeadReopened(Event, frozen=True, kw_only=True):
    """A converted lead is worked on again; what it became stays."""

    lead_id: UUID
