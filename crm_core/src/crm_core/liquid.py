"""Liquid: the language of templates that users write; the one place that knows their variables and limits.

A template begins with named roots: records (`{{ deal.company.name }}`) or plain values (`{{ today }}`). What can be
named on a record are its fields, links, children and reverse links, as filters name them, and what plugins declare by
`crm_variables`. Names are checked when a template is saved, values are read with the rights of the actor, and rendering
happens in a process of its own, within one second and one megabyte.

    faults = check(registry, actor, text, {"deal": "core.deal"})
    values = await gather(uow, text, {"deal": Ref("core.deal", deal_id)})
    text = await render(text, values)                                # after the transaction
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from html import unescape
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import nh3
from liquid.exceptions import LiquidError

from crm_core.auth.actor import Actor
from crm_core.entity import fields as f
from crm_core.entity import paths
from crm_core.entity.query import ListParams, list_records, one_record
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.isolate import IsolatedFailure, run_in_process
from crm_core.liquid_names import LABEL, TYPES, Fault, Roots, in_full, loops, uses, variables_on, wrong
from crm_core.liquid_render import LARGEST, environment, index_of, place, render_plain
from crm_core.plugin.declare import Child, Entity, Ref
from crm_core.plugin.registry import Registry

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
SECONDS, MEGABYTES = 1.0, 256
MOST_ROWS = 100
"""Records of a list that a template sees."""
STANDARD: Roots = {"today": "date", "now": "datetime", "user": "core.user"}
"""Roots that every template has: the day and the instant for the actor, and who the actor is."""


class TemplateInvalid(Invalid):
    """A template cannot be saved; `faults` say where."""

    def __init__(self, faults: list[Fault], field: str = "template") -> None:
        said = [f"{_('Line {line}, column {column}', line=x.line, column=x.column)}: {x.message}" for x in faults]
        super().__init__("\n".join(said), fields={field: "\n".join(said)}, faults=msgspec.to_builtins(faults))
        self.faults = faults


class TemplateFailed(Invalid):
    """A template could not be rendered: it ran too long, grew too large, or did what cannot be done."""


class Values(msgspec.Struct, frozen=True):
    """What a template is rendered with: plain values, and the reader's language and zone."""

    values: dict[str, Any]
    locale: str = "en"
    zone: str = "UTC"


class Named(msgspec.Struct, frozen=True):
    """A variable an author can use."""

    path: str
    type: str
    label: str


def variables(registry: Registry, actor: Actor, entity: Entity) -> list[Named]:
    """Return what can be named on a record of an entity: own values, one step of links, and plugins' variables."""
    known = paths.names(registry, entity.name)
    found = [
        Named(n, TYPES.get(v.field.kind, "text"), str(v.field.label))
        for n, v in known.values.items()
        if paths.sees(actor, v)
    ]
    for name, step in known.steps.items():
        if paths.may_follow(registry, actor, entity, step):
            label = step.target.label if isinstance(step.target, Entity) else name
            found.append(Named(name, "list" if step.many else "record", str(label)))
    found += [Named(v.name, v.type, v.name) for v in variables_on(registry, entity).values()]
    return list({one.path: one for one in found}.values())


def check(registry: Registry, actor: Actor, text: str, roots: Roots) -> list[Fault]:
    """Return what is wrong with a template, in order of place; names the actor may not read are unknown."""
    if len(text) > LARGEST:
        return [Fault(1, 1, str(_("A template has at most {count} characters.", count=LARGEST)))]
    strict = environment(html=False)
    try:
        template = strict.from_string(text)
        used = template.analyze(include_partials=False)
    except (LiquidError, RecursionError) as error:
        index = index_of(error, text) if isinstance(error, LiquidError) else 0
        return [Fault(*place(text, index), str(getattr(error, "message", "") or error)[:300])]
    faults = [
        Fault(*place(text, span.index), str(_("Unknown filter: {name}.", name=name)))
        for name, spans in used.filters.items() if name not in strict.filters for span in spans
    ]  # fmt: skip
    faults += wrong(registry, actor, template, text, {**STANDARD, **roots})
    return sorted(faults, key=lambda x: (x.line, x.column))


def demand_valid(registry: Registry, actor: Actor, text: str, roots: Roots, field: str = "template") -> None:
    """Raise TemplateInvalid with every fault; `field` is the form's field that shows them."""
    if faults := check(registry, actor, text, roots):
        raise TemplateInvalid(faults, field)


async def gather(uow: UnitOfWork, text: str, roots: Mapping[str, Any]) -> Values:
    """Return the values a template asks for, read with the actor's rights: what may not be read is empty.

    roots: a Ref for a record, else a plain value. Reads only.
    """
    template = environment(html=False).from_string(text)
    of_loops = loops(template)
    wanted: dict[str, Any] = {}
    for use in uses(template):
        at = wanted
        for part in in_full(use.parts, of_loops):
            if isinstance(part, str):
                at = at.setdefault(part, {})
    standard = {"today": uow.now.astimezone(ZoneInfo(uow.zone)).date(), "now": uow.now, "user": _user(uow)}
    packing = _Packing(uow)
    found = {}
    for name, value in {**standard, **roots}.items():
        if name not in wanted:
            continue
        found[name] = await packing.record(value, wanted[name]) if isinstance(value, Ref) else packing.plain(value)
    return Values(found, uow.locale, uow.zone)


async def render(text: str, values: Values, *, html: bool = False) -> str:
    """Return the rendered text; with `html`, values are escaped and rich text is put in as it is.

    TemplateFailed says what went wrong. RuntimeError inside a transaction that has written.
    """
    data = {"text": text, "html": html, **msgspec.structs.asdict(values)}
    try:
        return str(await run_in_process(render_plain, data, SECONDS, MEGABYTES))
    except IsolatedFailure as error:
        raise TemplateFailed(_("The template could not be rendered: {reason}", reason=str(error)[:300])) from error


def _user(uow: UnitOfWork) -> Ref | None:
    return Ref("core.user", uow.actor.user_id) if uow.actor.user_id else None


class _Packing:
    """Reads records and writes their values as `liquid_render.unpacked` takes them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self.uow = uow
        self.common = {"locale": uow.locale, "zone": uow.zone}

    def plain(self, value: Any, field: f.Field | None = None, currency: str | None = None) -> Any:
        if isinstance(value, bool | int | str | None):
            if isinstance(field, f.RichText) and isinstance(value, str) and value:
                return {"$": "html", "v": value, "plain": unescape(nh3.clean(value, tags=set()))}
            return value
        if isinstance(value, Decimal):
            if currency:
                return {"$": "money", "v": str(value), "currency": currency, **self.common}
            return {"$": "decimal", "v": str(value)}
        if isinstance(value, datetime):
            return {"$": "datetime", "v": value.isoformat(), **self.common}
        if isinstance(value, date):
            return {"$": "date", "v": value.isoformat(), **self.common}
        if isinstance(value, list | tuple):
            return [self.plain(one) for one in value]
        if isinstance(value, dict):
            return {str(name): self.plain(one) for name, one in value.items()}
        return str(value)

    async def record(self, ref: Ref, wanted: Mapping[str, Any]) -> dict[str, Any]:
        entity = self.uow.registry.entities[ref.entity]
        row = await one_record(self.uow, entity, ref.id)
        if row is None:
            return {}
        known = paths.names(self.uow.registry, entity.name)
        found: dict[str, Any] = {}
        for name, below in wanted.items():
            step, value = known.steps.get(name), known.values.get(name)
            variable = variables_on(self.uow.registry, entity).get(name)
            if variable is not None:
                model = await self.uow.session.get(entity.model, ref.id)
                found[name] = self.plain(await variable.resolve(self.uow, model))
            elif step is not None and step.kind == "child":
                child = step.target
                found[name] = [self._part(child, one) for one in getattr(row, name, ())]
            elif step is not None and (step.many or below or value is None):
                found[name] = await self._linked(step, entity, ref.id, row, below)
            else:
                found[name] = self._value(known, row, name)
        return found

    def _value(self, known: paths.Names, row: Any, name: str) -> Any:
        value = known.values.get(name)
        if value is None and (of := known.values.get(name.removesuffix(LABEL))) is not None:
            return _label(of.field, getattr(row, of.field.name, None))
        if value is None:
            return None
        return self.plain(_read(row, name), value.field, getattr(row, f"{name}_currency", None))

    def _part(self, child: Entity | Child, one: Any) -> dict[str, Any]:
        values = one if isinstance(one, dict) else msgspec.structs.asdict(one)
        known = {x.name: x for x in child.fields}
        found = {n: self.plain(v, known.get(n), values.get(f"{n}_currency")) for n, v in values.items()}
        return found | {n + LABEL: _label(x, values.get(n)) for n, x in known.items() if isinstance(x, f.Choice)}

    async def _linked(self, step: paths.Step, owner: Entity, key: UUID, row: Any, below: Mapping[str, Any]) -> Any:
        assert isinstance(step.target, Entity)  # children are read with the row
        assert isinstance(step.via, paths.Value)
        if step.kind == "link":
            linked = _read(row, step.via.field.name)
            return await self.record(Ref(step.target.name, linked), below) if linked else None
        ids = _read(row, step.via.field.name) or []
        if step.kind == "reverse":
            asked = ListParams(filter={"field": step.via.field.name, "op": "is", "value": str(key)}, limit=MOST_ROWS)
            ids = [one.id for one in (await list_records(self.uow, step.target, asked)).items]
        return [await self.record(Ref(step.target.name, i), below) for i in ids[:MOST_ROWS]]


def _read(row: Any, name: str) -> Any:
    if name.startswith("custom."):
        return (getattr(row, "custom", None) or {}).get(name.removeprefix("custom."))
    return getattr(row, name, None)


def _label(field: f.Field, value: Any) -> str:
    options = getattr(field, "options", ())
    return next((str(o.label) for o in options if o.value == value), str(value or ""))


__all__ = [
    "STANDARD", "Fault", "Named", "Roots", "TemplateFailed", "TemplateInvalid", "Values", "check", "demand_valid",
    "gather", "render", "variables",
]  # fmt: skip
