"""Which field of a lead goes where when it is converted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from crm_core.entity.plans import plan_of
from crm_core.i18n import Text
from crm_core.plugin import SettingsGroup, Strings
from crm_core.plugin.errors import Invalid

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
TARGETS = {"company": "core.company", "contact": "core.contact", "deal": "core.deal"}
DEFAULT = """\
company_name = company.name
phone = company.phone
country = company.country
name = contact.name
job_title = contact.job_title
email = contact.emails
phone = contact.phones
country = contact.country
description = contact.description
tags = contact.tags
company_name = deal.name
"""
Mapping = list[tuple[str, str, str]]  # field of the lead, kind of record, its field


class LeadConversion(msgspec.Struct, frozen=True, kw_only=True):
    """Lines such as "email = contact.emails": a field of the lead, a kind of record and its field."""

    mapping: Annotated[
        str,
        Meta(
            title=str(_("Fields of a converted lead")),
            description=str(_("A line each: field of the lead = company, contact or deal and its field")),
            max_length=10_000,
            extra={"kind": "long_text"},
        ),
    ] = DEFAULT


def parsed(text: str) -> Mapping:
    """Return the lines of a mapping; ValueError names the first that is none."""
    found = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        source, equals, target = (part.strip() for part in line.partition("="))
        kind, dot, name = target.partition(".")
        if not (source and equals and dot and name) or kind not in TARGETS:
            raise ValueError(line.strip())
        found.append((source, kind, name))
    return found


async def validate(uow: UnitOfWork, _old: LeadConversion, new: LeadConversion) -> None:
    """Refuse lines that cannot be read and fields that are not there."""
    try:
        lines = parsed(new.mapping)
    except ValueError as error:
        raise _refused(_("This line cannot be read: {line}", line=str(error))) from error
    for source, kind, name in lines:
        for entity_name, field in (("core.lead", source), (TARGETS[kind], name)):
            entity = uow.registry.entity(entity_name)
            plan = plan_of(uow.registry, entity)
            if field not in plan.keys and field not in plan.children:
                raise _refused(_("{label} has no field {name}.", label=entity.label, name=field))


def _refused(text: Text) -> Invalid:
    return Invalid(text, fields={"mapping": text})


GROUP = SettingsGroup(
    name="core.lead_conversion", struct=LeadConversion, label=_("Converting leads"), order=45, validate=validate
)
