"""Groups of a list: how many of its records share a value, and what their amounts add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity import access, columns, paths, query
from crm_core.entity import fields as f
from crm_core.entity.asking import ListParams, asked, condition, weigh
from crm_core.entity.stages import Stage
from crm_core.entity.statements import prepared
from crm_core.errors import Invalid
from crm_core.features.views.schemas import Group, Groups
from crm_core.i18n import show
from crm_core.plugin import Entity, Ref, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
KINDS = ("choice", "stage", "link", "boolean")
MOST = 200  # groups in one answer


async def groups(uow: UnitOfWork, entity: Entity, params: ListParams, name: str, sums: tuple[str, ...]) -> Groups:
    """Return the groups of all records that a list would show by one of its fields, those without a value last.

    Money is summed in the base currency; `unrated` says what is left out for want of a rate. Invalid for a field
    that the actor may not know, that makes no groups, or that cannot be summed. Choices and stages come in their
    order, linked records by count; a title that the actor may not read is "–".
    """
    field = paths.own_field(uow.registry, uow.actor, entity, name).field
    if field.kind not in KINDS:
        text = _("{name} makes no groups.", name=name)
        raise Invalid(text, fields={"group": text})
    totals = await query.totals(uow, entity, params, sums)
    rows = await _rows(uow, entity, params, name, sums)
    labels = await _labels(uow, entity, field, [r[0] for r in rows[:MOST]])
    items = [
        Group(
            value=row[0], label=labels.get(row[0], "–") if row[0] is not None else show(_("(empty)"), uow.locale),
            count=int(row[1]), sums=dict(zip(sums, row[2:], strict=True)), filter=_filter(name, row[0]),
        )
        for row in rows[:MOST]
    ]  # fmt: skip
    if not isinstance(field, f.Link):
        places = {value: place for place, value in enumerate(labels)}
        items.sort(key=lambda g: (g.value is None, places.get(g.value, len(places))))
    else:
        items.sort(key=lambda g: g.value is None)
    return Groups(
        group=name, items=items, count=totals["count"], sums={n: totals[n] for n in sums},
        unrated=totals.get("unrated", {}), more=len(rows) > MOST,
    )  # fmt: skip


async def _rows(
    uow: UnitOfWork, entity: Entity, params: ListParams, name: str, sums: tuple[str, ...]
) -> list[tuple[Any, ...]]:
    it = await asked(uow, entity, params)
    await weigh(uow, it, in_order=False)
    by = paths.own_field(uow.registry, uow.actor, entity, name)
    added = [paths.own_field(uow.registry, uow.actor, entity, n) for n in sums]

    def make() -> sa.Select[Any]:
        table = access.table_of(entity)
        key, *amounts = (
            access.readable(uow.registry, uow.actor, entity, v.field, columns.raw(v, table)) for v in (by, *added)
        )
        totals = [sa.type_coerce(sa.func.sum(c), c.type) for c in amounts]
        first: Any = sa.literal_column("1")
        second: Any = sa.literal_column("2")
        found = sa.select(key.label("_group"), sa.func.count(), *totals).select_from(table).where(condition(uow, it))
        return found.group_by(first).order_by(second.desc(), first).limit(MOST + 1)

    rows = await prepared(uow, ("groups", it.key, name, sums), make).fetch(uow, it.params)
    if by.field.kind != "boolean":
        return [tuple(row) for row in rows]
    return _yes_and_no(rows)


def _yes_and_no(rows: Any) -> list[tuple[Any, ...]]:
    """Return at most two groups: what is not yes is no, whether it is stored or not."""
    found: dict[bool, list[Any]] = {}
    for key, *numbers in rows:
        held = found.setdefault(bool(key), [None] * len(numbers))
        found[bool(key)] = [
            b if a is None else a if b is None else a + b for a, b in zip(held, numbers, strict=True)
        ]  # fmt: skip
    return [(key, *numbers) for key, numbers in found.items()]


async def _labels(uow: UnitOfWork, entity: Entity, field: f.Field, keys: list[Any]) -> dict[Any, str]:
    """Return the words for values, in the order in which groups come."""
    if isinstance(field, f.Link):
        refs = {Ref(field.target, key): key for key in keys if key is not None}
        return {refs[ref]: title for ref, title in (await query.labels(uow, set(refs))).items()}
    if isinstance(field, f.Stage):
        wanted = sa.select(Stage.id, Stage.name).where(Stage.id.in_([k for k in keys if k is not None]))
        rows = await uow.session.execute(wanted.order_by(Stage.pipeline_id, Stage.position, Stage.id))
        return {row[0]: row[1] for row in rows}
    if isinstance(field, f.Choice):
        chosen = await field.choices(uow, None) if field.choices is not None else ()
        return {o.value: show(o.label, uow.locale) for o in field.options} | {v: show(t, uow.locale) for v, t in chosen}
    return {True: show(_("Yes"), uow.locale), False: show(_("No"), uow.locale)}


def _filter(name: str, value: Any) -> dict[str, Any]:
    return {"field": name, "op": "empty"} if value is None else {"field": name, "op": "is", "value": value}
