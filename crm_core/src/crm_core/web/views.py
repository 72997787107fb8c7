"""What generic pages read: records as plain dicts, titles of linked records, stages, options of a select."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import Scope
from crm_core.entity import access, query
from crm_core.entity import fields as f
from crm_core.entity.money import Currency, MoneySettings
from crm_core.entity.records import OWNING
from crm_core.entity.stages import Pipeline, Stage
from crm_core.i18n import Strings, show
from crm_core.plugin.declare import Entity, Ref
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.display import Display
from crm_core.web.forms import Form, Rows
from crm_core.web.inputs import Input, line_inputs, static_options, zones
from crm_core.web.page import Web

_ = Strings("crm_core")
FEW = 50  # options put into a select; more are found by typing


def plain(item: Any) -> dict[str, Any]:
    """Return a record's API values as a dict, absent ones left out, custom ones by name: "custom.region"."""
    if isinstance(item, Mapping):
        found = dict(item)
    else:
        found = {n: v for n in item.__struct_fields__ if (v := getattr(item, n)) is not msgspec.UNSET}
    custom = found.pop("custom", None)
    if isinstance(custom, msgspec.Raw):
        custom = msgspec.json.decode(custom)
    return {**found, **{f"custom.{k}": v for k, v in custom.items()}} if custom else found


def parent_of(registry: Registry, entity: Entity) -> str:
    """Return the name of the entity whose rights count."""
    link = entity.field(entity.parent) if entity.parent else None
    return str(getattr(link, "target", "") or entity.name)


def may(uow: UnitOfWork, entity: Entity, verb: str) -> bool:
    """Return whether the actor has a verb on any row of an entity; buttons ask this."""
    return access.scope_of(uow.registry, uow.actor, entity, verb) is not Scope.none


def seen_fields(uow: UnitOfWork, entity: Entity) -> list[f.Field]:
    """Return the fields whose values the actor may know."""
    return [x for x in uow.registry.fields(entity) if not x.hidden and uow.actor.may_see(entity.name, x.name)]


def refs_in(fields: Iterable[f.Field], rows: Iterable[Mapping[str, Any]]) -> set[Ref]:
    """Return every record that rows link to."""
    found: set[Ref] = set()
    for row in rows:
        for one in fields:
            value = row.get(one.name)
            if not value:
                continue
            if isinstance(one, f.Link):
                found.add(Ref(one.target, _uuid(value)))
            elif isinstance(one, f.AnyLink):
                found.add(value if isinstance(value, Ref) else Ref.parse(str(value)))
            elif isinstance(one, f.Links):
                found |= {Ref(one.target, _uuid(v)) for v in value}
            elif isinstance(one, f.File):
                found.add(Ref("core.file", _uuid(value)))
    return found


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))


async def display_for(
    uow: UnitOfWork, web: Web, fields: Iterable[f.Field], rows: Iterable[Mapping[str, Any]], more: Iterable[Ref] = (),
    *, stages_too: bool = False,
) -> Display:  # fmt: skip
    """Return a display that knows the titles and stages these rows need, and the titles of `more`."""
    fields, rows = list(fields), list(rows)
    refs = refs_in(fields, rows) | set(more)
    found = await query.labels(uow, refs) if refs else {}
    labels: dict[Any, str] = {**found, **{str(k): v for k, v in found.items()}}
    stages: dict[str, tuple[str, str]] = {}
    for choices in {x.choices for x in fields if isinstance(x, f.Choice) and x.choices is not None}:
        labels |= {(choices, v): show(label, uow.locale) for v, label in await choices(uow, None)}
    if stages_too or any(isinstance(x, f.Stage) or getattr(x, "choices", None) for x in fields):
        stages = {
            str(i): (n, c) for i, n, c in await uow.session.execute(sa.select(Stage.id, Stage.name, Stage.colour))
        }
    own = any(getattr(x, "in_base", False) for x in fields)
    base = (await uow.settings(MoneySettings)).base_currency if own else ""
    return Display(uow.locale, uow.zone, labels, web.paths, stages, base)


async def fill_options(uow: UnitOfWork, form: Form, *, of: Any = None) -> Form:
    """Give selects their options: the first records of a link's target, stages, currencies, zones, tags.

    of: the record whose pipeline's stages are offered where the form has no field for it.
    """
    chosen: set[Ref] = set()
    for one in form.all_inputs():
        static_options(one)
        if isinstance(one.field, f.Link) and one.raw:
            chosen |= _ref(one.field.target, one.raw)
        elif isinstance(one.field, f.Links):
            chosen |= {r for v in one.raw for r in _ref(one.field.target, v)}
        elif isinstance(one.field, f.AnyLink) and one.raw:
            chosen |= _ref("", one.raw)
        elif isinstance(one.field, f.File) and one.raw:
            chosen |= _ref("core.file", one.raw)
    labels = await query.labels(uow, chosen) if chosen else {}
    for one in form.all_inputs():
        await _options(uow, one, labels, form, of)
    for rows in form.children:
        rows.with_one().pattern = line_inputs(rows.child, "__n__")
        for extra in rows.pattern:
            await _options(uow, extra, labels, form)
    return form


def _ref(entity: str, key: Any) -> set[Ref]:
    try:
        return {Ref(entity, UUID(str(key))) if entity else Ref.parse(str(key))}
    except ValueError:
        return set()


async def _options(uow: UnitOfWork, one: Input, labels: Mapping[Ref, str], form: Form, of: Any = None) -> None:
    kind = one.field
    if isinstance(kind, f.Link | f.Links):
        target = uow.registry.entities.get(kind.target)
        held = [one.raw] if isinstance(one.raw, str) else list(one.raw or ())
        kept = [(v, labels[r]) for v in held for r in _ref(kind.target, v) if r in labels]
        listed, more = await first_of(uow, target) if target is not None else ([], False)
        one.options = [(v, t) for v, t in kept if t] + [(v, t) for v, t in listed if v not in held]
        one.source = f"/{target.path}/pick" if target is not None and more else ""
    elif isinstance(kind, f.AnyLink):
        one.options = [(str(r), labels.get(r, str(r))) for r in _ref("", one.raw)]
        one.source = "/pick" + (f"?of={','.join(kind.targets)}" if kind.targets else "")
    elif isinstance(kind, f.File):
        one.options = [(str(r.id), labels[r]) for r in _ref("core.file", one.raw) if r in labels] if one.raw else []
    elif isinstance(kind, f.Stage):
        one.options = await _stages(uow, form, kind, of)
    elif isinstance(kind, f.Choice | f.MultiChoice) and kind.choices is not None:
        known, now = await kind.choices(uow, of), [one.raw] if isinstance(one.raw, str) else list(one.raw or ())
        one.options = [*known, *((v, v) for v in now if v and v not in {k for k, _label in known})]
    elif isinstance(kind, f.Tags):
        one.options = [(v, v) for v in one.raw or ()]
        one.source = "/tags/names" if "core.tag" in uow.registry.entities else ""
    elif kind.kind == "money":
        one.options = await currencies(uow, one)
    elif kind.kind == "appointment":
        one.options = list(zones())  # type: ignore[arg-type]  # names only


async def first_of(uow: UnitOfWork, target: Entity) -> tuple[list[tuple[str, str]], bool]:
    """Return value and title of an entity's first records, and whether there are more."""
    if not may(uow, target, "read"):
        return [], False
    wanted = query.ListParams(
        fields=(target.title,), limit=FEW, sort=_title_sort(target), filter=target.offered_when
    )  # fmt: skip
    page = await query.list_records(uow, target, wanted)
    rows = [plain(i) for i in page.items]
    return [(str(r["id"]), str(r.get(target.title) or "–")) for r in rows], page.has_more


def _title_sort(target: Entity) -> str:
    title = target.field(target.title)
    if target.default_sort == "position":  # people have put them in order
        return target.default_sort
    return target.title if title is not None and title.sortable else ""


async def _stages(uow: UnitOfWork, form: Form, kind: f.Stage, of: Any = None) -> list[tuple[str, Any]]:
    """Return the stages of the form's or the record's pipeline; of all, with their pipelines' names, without one."""
    group = form.input(kind.group_field)
    wanted = sa.select(Stage.id, Stage.name, Pipeline.name).join(Pipeline, Pipeline.id == Stage.pipeline_id)
    wanted = wanted.where(Stage.deleted_at.is_(None), Pipeline.deleted_at.is_(None))
    chosen = group.raw if group is not None else getattr(of, "pipeline_id", None)
    if chosen:
        try:
            wanted = wanted.where(Stage.pipeline_id == UUID(str(chosen)))
        except ValueError:
            return []
    found = (await uow.session.execute(wanted.order_by(Pipeline.position, Pipeline.id, Stage.position))).all()
    several = len({pipeline for _key, _name, pipeline in found}) > 1
    return [(str(key), f"{pipeline}: {name}" if several else name) for key, name, pipeline in found]


async def currencies(uow: UnitOfWork, one: Input) -> list[tuple[str, Any]]:
    """Return the currencies amounts may have; the base currency is chosen for a new amount."""
    if not one.extra:
        one.extra = (await uow.settings(MoneySettings)).base_currency
    codes = await uow.session.scalars(sa.select(Currency.code).where(Currency.active.is_(True)).order_by(Currency.code))
    return [(c, c) for c in dict.fromkeys([one.extra, *codes])]


def entity_form(uow: UnitOfWork, entity: Entity, *, new: bool) -> Form:
    """Return the empty form of an entity: what the actor may set, stage only at creation."""
    inputs = [
        Input(x, x.name)
        for x in uow.registry.fields(entity)
        if not x.readonly and not x.hidden and x.in_form and uow.actor.may_set(entity.name, x.name)
        and (x.kind != "file" or may(uow, uow.registry.entity("core.file"), "create"))
        and (new or x.kind != "stage") and (x.name not in OWNING or may(uow, entity, "assign"))
    ]  # fmt: skip
    children = [Rows(c, pattern=line_inputs(c, "__n__")) for c in entity.children
                if c.in_form and uow.actor.may_set(entity.name, c.name)]  # fmt: skip
    return Form(inputs, children, uow.locale, uow.zone)


async def resolve_typed(uow: UnitOfWork, form: Form) -> dict[str, Any]:
    """Return links named by text, for forms sent without scripts; several matches come back as a choice."""
    found: dict[str, Any] = {}
    for one in form.inputs:
        if not one.typed or one.raw:
            continue
        matches = await _matches(uow, one)
        if len(matches) == 1:
            one.raw = matches[0][0]
            found[one.name] = Ref.parse(one.raw) if isinstance(one.field, f.AnyLink) else UUID(one.raw)
        else:
            one.suggested = matches[:8]
            text = _("Several match: choose one.") if matches else _("Nothing matches this name.")
            form.errors[one.name] = one.error = text
    form.mark()
    return found


async def _matches(uow: UnitOfWork, one: Input) -> list[tuple[str, str]]:
    if isinstance(one.field, f.AnyLink):
        from crm_core.entity import search

        hits = await search.search(uow, one.typed, entities=one.field.targets or None, limit=8)
        return [(f"{h.entity}:{h.id}", h.title) for h in hits]
    target = uow.registry.entities.get(getattr(one.field, "target", ""))
    if target is None:
        return []
    exact = [(v, t) for v, t in (await first_of(uow, target))[0] if t.casefold() == one.typed.casefold()]
    if len(exact) == 1:
        return exact
    wanted = query.ListParams(q=one.typed, fields=(target.title,), limit=8)
    rows = [plain(i) for i in (await query.list_records(uow, target, wanted)).items]
    same = [r for r in rows if str(r.get(target.title, "")).casefold() == one.typed.casefold()]
    return [(str(r["id"]), str(r.get(target.title) or "–")) for r in (same if len(same) == 1 else rows)]
