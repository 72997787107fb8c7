"""The page on which a lead is converted: what is there already, what would be made.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity import access, query
from crm_core.errors import Invalid
from crm_core.features.leads import conversion
from crm_core.features.leads.schemas import ConvertLead
from crm_core.features.leads.settings import TARGETS
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity, Ref
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.page import page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
NEW, NONE = "new", "none"


def page_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the page for leads; nothing for other records."""
    if entity.name != "core.lead":
        return []
    key = "/leads/{record_id:uuid}/convert"
    opt = {"kind": "page", "entity": entity.name, "permission": "core.lead.read"}

    @get(key, opt=opt, include_in_schema=False)
    async def ask(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        lead = await access.get(uow, entity, record_id, "edit")
        if lead.converted_at is not None:
            return await _became(request, uow, entity, lead)
        plan = await conversion.planned(uow, lead, ConvertLead())
        names = {
            k: v.get("name") or " ".join(v[n] for n in ("first_name", "last_name") if v.get(n))
            for k, v in plan.values.items()
        }
        return await page(
            request, uow, "core/lead_convert.html", entity=entity, id=record_id, title=lead.name, plan=plan,
            names=names, entities={k: registry.entities[n] for k, n in TARGETS.items()},
            deal_name=plan.values["deal"].get("name") or lead.name,
            may={k: uow.actor.may(f"{n}.create") for k, n in TARGETS.items()},
        )  # fmt: skip

    @post(key, opt=opt | {"verb": "edit"}, status_code=200, include_in_schema=False)
    async def convert(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        lead = await access.get(uow, entity, record_id, "edit")
        if lead.converted_at is not None:
            return await _became(request, uow, entity, lead)
        posted = await request.form()
        chosen = {k: str(posted.get(k) or NEW) for k in ("company", "contact")}
        params = ConvertLead(
            company_id=_id(chosen["company"]), contact_id=_id(chosen["contact"]), company=chosen["company"] == NEW,
            contact=chosen["contact"] == NEW, link_likely=False, deal=posted.get("deal") == "1",
            deal_name=str(posted.get("deal_name") or "")[:255],
        )  # fmt: skip
        out = await conversion.convert(uow, lead, params)
        place = next(
            (f"/{registry.entities[TARGETS[k]].path}/{v}" for k in ("deal", "contact", "company")
             if (v := getattr(out, f"{k}_id")) is not None),
            f"/leads/{record_id}",
        )  # fmt: skip
        return await redirect(request, uow, place, _("The lead is converted."), undo=True)

    return [ask, convert]


def _id(text: str) -> UUID | None:
    if text in (NEW, NONE):
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(_("This is not the id of a record.")) from error


async def _became(request: AnyRequest, uow: UnitOfWork, entity: Entity, lead: Any) -> Response[Any]:
    """Show what a converted lead became."""
    refs = [Ref(name, key) for kind, name in TARGETS.items() if (key := getattr(lead, f"{kind}_id")) is not None]
    titles = await query.labels(uow, refs)
    became = [(uow.registry.entities[r.entity], r.id, titles[r]) for r in refs if r in titles]
    return await page(
        request, uow, "core/lead_converted.html", status=200 if request.method == "GET" else 409, entity=entity,
        id=lead.id, title=lead.name, became=became,
    )  # fmt: skip
