"""Turning a lead into a company, a contact and a deal; the lead stays, so that reports know where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crm_core.entity import access, meanwhile, query, records
from crm_core.entity.plans import plan_of
from crm_core.errors import Conflict
from crm_core.features.duplicates.public import Candidate, find_duplicates
from crm_core.features.leads.models import Lead
from crm_core.features.leads.schemas import ConvertedLead, ConvertLead, LeadConverted, LeadReopened
from crm_core.features.leads.settings import TARGETS, LeadConversion, parsed
from crm_core.features.merge.public import hand_over, told
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Entity, Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
SURE = 85  # score from which a record that is there is taken for the same
OPEN = frozenset({"owner_id", "team_id", "tags", "owner", "converted_at"})


class LeadIsConverted(Conflict):
    """The lead was converted before; it is read-only and says what it became."""


@dataclass(slots=True)
class Plan:
    """What a conversion would do. values: per kind the API values of a new record. alike: records there already."""

    values: dict[str, dict[str, Any]]
    alike: dict[str, list[Candidate]] = field(default_factory=dict)
    linked: dict[str, UUID] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)


async def planned(uow: UnitOfWork, lead: Lead, params: ConvertLead) -> Plan:
    """Return what converting would make and link, and which records are there already."""
    plan = Plan(await mapped(uow, lead))
    given = {"company": params.company_id or lead.company_id, "contact": params.contact_id or lead.contact_id}
    wanted = {"company": params.company, "contact": params.contact, "deal": params.deal}
    for kind in ("company", "contact"):
        entity, values = uow.registry.entity(TARGETS[kind]), plan.values[kind]
        company = plan.linked.get("company")
        plan.alike[kind] = await find_duplicates(uow, entity, {**values, "company_id": company})
        sure = next((c.id for c in plan.alike[kind] if c.score >= SURE), None) if params.link_likely else None
        if (link := given[kind] or (sure if wanted[kind] else None)) is not None:
            plan.linked[kind] = link
        elif wanted[kind] and _can_be_made(uow, entity, values):
            plan.made.append(kind)
    if params.deal:
        plan.values["deal"]["name"] = params.deal_name or plan.values["deal"].get("name") or lead.name
        plan.made.append("deal")
    return plan


def _can_be_made(uow: UnitOfWork, entity: Entity, values: dict[str, Any]) -> bool:
    return all(values.get(n) not in (None, "", []) for n, _column in plan_of(uow.registry, entity).required)


async def mapped(uow: UnitOfWork, lead: Lead) -> dict[str, dict[str, Any]]:
    """Return the values of new records by the mapping of the settings; empty values and unknown fields are left out."""
    row = (await query.values_of(uow, uow.registry.entity("core.lead"), [lead]))[0]
    found: dict[str, dict[str, Any]] = {kind: {} for kind in TARGETS}
    for source, kind, name in parsed((await uow.settings(LeadConversion)).mapping):
        value = told(row, source)
        entity = uow.registry.entity(TARGETS[kind])
        plan = plan_of(uow.registry, entity)
        if value in (None, "", []):
            continue
        if kind == "contact" and name == "name":
            first, _blank, last = str(value).strip().rpartition(" ")
            found[kind] |= {"first_name": first or None, "last_name": last}
        elif name in plan.children:
            first_field = plan.children[name].fields[0].name
            found[kind].setdefault(name, []).append({first_field: value})
        elif name in plan.keys:
            found[kind][name] = value
    return found


async def convert(uow: UnitOfWork, lead: Lead, params: ConvertLead) -> ConvertedLead:
    """Convert a lead that the actor may edit: link or make its company, contact and deal.

    Activities, comments and files go to the deal, else to the contact or the company. LeadIsConverted (with what
    it became) the second time; Forbidden without the right to make what is to be made; NotFound for a linked record
    out of sight. One undo by cause takes all of it back.
    """
    await meanwhile.lock(uow, lead)
    if lead.converted_at is not None:
        raise converted(lead)
    plan = await planned(uow, lead, params)
    became: dict[str, Any] = {}
    for kind in ("company", "contact", "deal"):
        entity = uow.registry.entity(TARGETS[kind])
        if kind in plan.linked:
            became[kind] = await access.get(uow, entity, plan.linked[kind])
        elif kind in plan.made:
            became[kind] = await records.create(uow, entity, _with_links(uow, entity, plan.values[kind], lead, became))
    lead.company_id, lead.contact_id, lead.deal_id = (
        became[k].id if k in became else None for k in ("company", "contact", "deal")
    )
    lead.converted_at, lead.status = uow.now, "converted"
    await uow.settle()
    moved: dict[str, int] = {}
    heir = next((k for k in ("deal", "contact", "company") if k in became), None)
    if heir is not None:
        source, target = uow.registry.entity("core.lead"), uow.registry.entity(TARGETS[heir])
        moved = await hand_over(uow, source, lead, target, became[heir])
    ids = {f"{k}_id": became[k].id if k in became else None for k in TARGETS}
    about = [Ref("core.lead", lead.id), *(Ref(TARGETS[k], r.id) for k, r in became.items())]
    await uow.emit(LeadConverted(lead_id=lead.id, **ids), about=about)
    return ConvertedLead(id=lead.id, **ids, made=plan.made, moved=moved, cause=uow.cause)


def converted(lead: Lead) -> LeadIsConverted:
    """Return the error that says what a lead became."""
    ids = {n: str(v) for n in ("company_id", "contact_id", "deal_id") if (v := getattr(lead, n)) is not None}
    return LeadIsConverted(_("This lead has been converted already."), fields={}, **ids)


def _with_links(
    uow: UnitOfWork, entity: Entity, values: dict[str, Any], lead: Lead, became: dict[str, Any]
) -> dict[str, Any]:
    """Add the links to what was made before, and the lead's owner where the actor may give it to them."""
    found = dict(values)
    for kind, record in became.items():
        if entity.field(f"{kind}_id") is not None:
            found[f"{kind}_id"] = record.id
    scope = access.scope_of(uow.registry, uow.actor, entity, "assign")
    if lead.owner_id is not None and access.within(uow.actor, scope, lead.owner_id, lead.team_id):
        found["owner_id"] = lead.owner_id
    return found


async def plan_lines(uow: UnitOfWork, lead: Lead, params: ConvertLead | None) -> list[Text]:
    """Say what converting would do, and what is there already."""
    plan = await planned(uow, lead, params or ConvertLead())
    lines = []
    for kind in ("company", "contact", "deal"):
        entity = uow.registry.entity(TARGETS[kind])
        if kind in plan.linked:
            refs = {Ref(entity.name, plan.linked[kind])}
            title = next(iter((await query.labels(uow, refs)).values()), "–")
            lines.append(_("{label} {title} is linked.", label=entity.label, title=title))
        elif kind in plan.made:
            values = plan.values[kind]
            title = values.get("name") or " ".join(v for n in ("first_name", "last_name") if (v := values.get(n)))
            lines.append(_("{label} {title} is made.", label=entity.label, title=title))
            lines += [
                _("There is already one like it: {title} ({score} %).", title=c.title, score=c.score)
                for c in plan.alike.get(kind, ())[:3]
            ]
    return lines


async def reopen(uow: UnitOfWork, lead: Lead, params: None = None) -> None:
    """Work on a converted lead again: it can be changed and converted anew; what it became stays linked."""
    if lead.converted_at is not None:
        lead.converted_at, lead.status = None, "qualified"
        await uow.emit(LeadReopened(lead_id=lead.id), about=[Ref("core.lead", lead.id)])


async def validate(uow: UnitOfWork, lead: Lead, changed: frozenset[str]) -> None:
    """Refuse to change a converted lead, but for its owner and tags."""
    if lead.converted_at is not None and changed - OPEN:
        raise converted(lead)
