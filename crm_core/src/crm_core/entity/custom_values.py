"""Values of custom fields: as the JSON holds them, as Python has them, and as rows that filters find."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.writes import Batch, write
from crm_core.entity import fields as f
from crm_core.entity import links, money
from crm_core.entity.changes import Change
from crm_core.entity.clean import BadValue
from crm_core.entity.custom_fields import CUSTOM, PREFIX, SEVERAL, TEXTS, CustomOn, FieldValue
from crm_core.entity.folding import fold
from crm_core.errors import Conflict, Invalid
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
TABLE: sa.Table = FieldValue.__table__  # type: ignore[assignment]  # a declared class has a Table
COLUMNS = ("field_id", "record_id", "place", "folded", "number", "moment", "ref", "taken")
UNRATED = -1  # the place of an amount without a rate: no filter on the amount finds it, as if it were empty
MOST = 500  # ids in one statement
STORED = "custom values"  # in the session: records whose rows this unit of work has written


class FieldValueTaken(Conflict):
    """A custom field that allows a value once has it on another record."""


def plain(field: f.Field, value: Any) -> Any:
    """Return a cleaned value as the JSON holds it; None for empty."""
    if value is None or value == "" or value == [] or (value is False and isinstance(field, f.Boolean)):
        return None
    return msgspec.to_builtins(value.astimezone(UTC) if isinstance(value, datetime) else value)


def typed(field: f.Field, value: Any) -> Any:
    """Return a value of the JSON in the field's Python type; None for what the field cannot hold any more."""
    if value is None:
        return False if isinstance(field, f.Boolean) else None
    try:
        return msgspec.convert(value, field.python, strict=False)
    except msgspec.ValidationError:
        return None


def held(values: Mapping[str, Any], name: str) -> Any:
    """Return the JSON value of "custom.region" from a record's attributes, or an event's before or after."""
    if name in values:
        return values[name]
    return (values.get(CUSTOM) or {}).get(name[len(PREFIX) :])


def current(record: Any, name: str) -> Any:
    """Return what a record holds under an attribute or the name of a custom field."""
    if name.startswith(PREFIX):
        return (record.custom or {}).get(name[len(PREFIX) :])
    return getattr(record, name, None)


def apart(columns: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide values to be set into the model's attributes and custom values by key."""
    own = {n: v for n, v in columns.items() if not n.startswith(PREFIX)}
    return own, {n[len(PREFIX) :]: v for n, v in columns.items() if n.startswith(PREFIX)}


def named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return API keys with what is under `custom` by name: {"custom": {"region": …}} as "custom.region"."""
    if CUSTOM not in values:
        return dict(values)
    given = values[CUSTOM]
    if given is not None and (not isinstance(given, dict) or not all(isinstance(k, str) for k in given)):
        raise Invalid(_("Some values are not acceptable."), fields={CUSTOM: _("This must be an object.")})
    return {k: v for k, v in values.items() if k != CUSTOM} | {f"{PREFIX}{k}": v for k, v in (given or {}).items()}


async def settle(uow: UnitOfWork, entity: Entity, columns: dict[str, Any], record: Any = None) -> None:
    """Complete and check cleaned custom values: base amounts, zones, linked records, options no longer offered.

    Invalid names the fields. `record`: the one that is changed, None for a new one.
    """
    given = {n for n in columns if n.startswith(PREFIX)}
    ons = uow.registry.custom.get(entity.name, ())
    closed = next((x.closed_field for x in entity.fields if isinstance(x, f.Stage) and x.closed_field), None)
    if closed in columns and record is not None:  # amounts are valued anew, by the rate of that day
        given |= {o.field.name for o in ons if isinstance(o.field, f.Money) and current(record, o.field.name)}
    if not given:
        return
    day = columns.get(closed, getattr(record, closed, None)) if closed else None
    errors: dict[str, Text | str] = {}
    for one in ons:
        names = given.intersection(one.field.columns or (one.field.name,))
        if not names:
            continue
        now = {n: current(record, n) if record is not None else None for n in one.field.columns}
        now |= {n: columns[n] for n in names if n in columns}
        try:
            if isinstance(one.field, f.Money):
                columns |= await _amount(uow, one.field, now, record, day, closing=closed in columns)
            elif isinstance(one.field, f.Appointment):
                zone = now[one.field.zone_column] or uow.zone
                columns[one.field.zone_column] = zone if now[one.field.name] is not None else None
            elif isinstance(one.field, f.Choice | f.MultiChoice):
                _offered(one.field, now[one.field.name], record)
            elif isinstance(one.field, f.Link | f.Links | f.File):
                await _linked(uow, one.field, now[one.field.name], record)
        except BadValue as bad:
            errors[one.field.name] = bad.text
    if errors:
        raise Invalid(_("Some values are not acceptable."), fields=errors)


async def _amount(
    uow: UnitOfWork, field: f.Money, now: dict[str, Any], record: Any, day: date | None, *, closing: bool
) -> dict[str, Any]:
    """Value an amount; one that stays keeps its rate, and so does one of a closed record in the same currency."""
    held = {n: current(record, n) if record is not None else None for n in field.columns}
    amount, code, _base, rate, _on = (held[n] for n in field.columns)
    same = now[f"{field.name}_currency"] in (code, None) and rate is not None and not closing
    if same and now[field.name] == amount:
        return held
    if same and day is not None and now[field.name] is not None:
        base = money.times(field.name, Decimal(now[field.name]), Decimal(str(rate)))
        return {**held, field.name: now[field.name], f"{field.name}_base": str(base)}
    exact = None if now[field.name] is None else Decimal(now[field.name])
    found = await money.valued(uow, field, {**now, field.name: exact}, day)
    return {n: None if v is None else str(v) for n, v in found.items()}


def _offered(field: Any, value: Any, record: Any) -> None:
    gone = {o.value for o in field.options if o.archived}
    kept = current(record, field.name) if record is not None else None
    before = set(kept if isinstance(kept, list) else [kept])
    for one in value if isinstance(value, list) else [value]:
        if one in gone and one not in before:
            raise BadValue(_("{value} is not offered any more.", value=one))


async def _linked(uow: UnitOfWork, field: Any, value: Any, record: Any) -> None:
    """Refuse links to records that are not there, or not the actor's to see; those held already stay."""
    kept = current(record, field.name) if record is not None else None
    before = set(kept if isinstance(kept, list) else [kept])
    wanted = {UUID(v) for v in (value if isinstance(value, list) else [value]) if v is not None and v not in before}
    target = uow.registry.entities.get("core.file" if isinstance(field, f.File) else field.target)
    if not wanted or target is None:
        return
    if len(wanted) > MOST:
        raise BadValue(_("At most {count} records.", count=MOST))
    if isinstance(field, f.File):
        await links.demand_file(uow, field, wanted)
    elif await links.unseen(uow, target, wanted):
        raise BadValue(_("A linked record does not exist."))


def rows(one: CustomOn, record_id: UUID, custom: Mapping[str, Any], *, live: bool = True) -> list[tuple[Any, ...]]:
    """Return the rows of `core_field_value` for one field of a record, in the order of `COLUMNS`."""
    found = typed(one.field, custom.get(one.key))
    if found is None or found is False or found == []:
        return []
    kind = one.field.kind
    made: list[tuple[Any, ...]] = []
    for place, value in enumerate(found if kind in SEVERAL else [found]):
        text = number = moment = ref = None
        if kind in ("text", "email", "phone", "url", "long_text", "rich_text"):
            text = _folded(one.field, value)
            if not text and kind in TEXTS:
                continue  # only marks that fold to nothing: as empty as it is in memory
        elif kind in ("choice", "multi_choice"):
            text = value
        elif kind in ("integer", "decimal", "percent"):
            number = Decimal(value)
        elif kind == "money":
            base, text = custom.get(f"{one.key}_base"), custom.get(f"{one.key}_currency")
            number, place = (None, UNRATED) if base is None else (Decimal(base), place)
        elif kind == "boolean":
            number = Decimal(1)
        elif kind == "date":
            moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
        elif kind in ("datetime", "appointment"):
            moment = value
        else:
            ref = value
        taken = text if one.unique and live and kind in TEXTS else None
        made.append((one.id, record_id, place, text, number, moment, ref, taken))
    return made


def _folded(field: f.Field, value: str) -> str:
    from crm_core.entity.filter_values import text_key

    return text_key(field, value, 255) if field.kind in TEXTS else fold(value)[:40]


async def store(uow: UnitOfWork, changes: Sequence[Change]) -> None:
    """Write the rows of what changed, in set statements: the old ones go, the new ones come."""
    gone: dict[tuple[UUID, ...], list[UUID]] = {}
    fresh: list[tuple[CustomOn, UUID, Mapping[str, Any], bool]] = []
    known: set[UUID] = uow.session.sync_session.info.setdefault(STORED, set())
    unread = await _unread(uow, changes)
    for change in changes:
        ons = [one for one in uow.registry.custom.get(change.entity.name, ()) if _concerns(one, change)]
        if not ons:
            continue
        if change.kind != "created" or change.id in known:
            gone.setdefault(tuple(one.id for one in ons), []).append(change.id)
        known.add(change.id)
        if not _removed(change):
            custom = change.record.custom if change.record is not None else unread.get(change.id, {})
            live = change.kind not in ("deleted", "merged") and getattr(change.record, "deleted_at", None) is None
            fresh += [(one, change.id, custom or {}, live) for one in ons]
    for fields, ids in gone.items():
        for start in range(0, len(ids), MOST):
            some = TABLE.c.record_id.in_(ids[start : start + MOST])
            await uow.session.execute(sa.delete(TABLE).where(TABLE.c.field_id.in_(fields), some))
    made: list[Sequence[Any]] = [row for one, key, custom, live in fresh for row in rows(one, key, custom, live=live)]
    if made:
        await _demand_unique(uow, [x for x in fresh if x[0].unique], made)
        await write(uow.db, uow.session, [Batch(TABLE, COLUMNS, made)])


def _concerns(one: CustomOn, change: Change) -> bool:
    """Return whether a change alters the rows of a field: its values, or whether a unique one is taken."""
    told = any(f"{PREFIX}{k}" in side for k in one.keys for side in (change.before, change.after))
    if change.kind == "deleted":
        return told and (one.unique or _removed(change))
    return one.unique if change.kind in ("restored", "merged") else told


def _removed(change: Change) -> bool:
    return change.record is not None and bool(sa.inspect(change.record).deleted)


async def _unread(uow: UnitOfWork, changes: Iterable[Change]) -> dict[UUID, Any]:
    """Return the custom values of records that were changed without being loaded."""
    found: dict[UUID, Any] = {}
    wanted: dict[str, list[UUID]] = {}
    for change in changes:
        if change.record is None and uow.registry.custom.get(change.entity.name):
            wanted.setdefault(change.entity.name, []).append(change.id)
    for name, ids in wanted.items():
        model: Any = uow.registry.entities[name].model
        for start in range(0, len(ids), MOST):
            some = sa.select(model.id, model.__table__.c.custom).where(model.id.in_(ids[start : start + MOST]))
            found.update((row[0], row[1]) for row in await uow.session.execute(some))
    return found


async def _demand_unique(uow: UnitOfWork, fresh: Sequence[Any], made: Sequence[Sequence[Any]]) -> None:
    """Say which field has a value that another record has; the index is the guard between two at once."""
    for one in {x[0].id: x[0] for x in fresh}.values():
        mine = [row[-1] for row in made if row[0] == one.id and row[-1] is not None]
        for start in range(0, len(mine), MOST):
            some = TABLE.c.taken.in_(mine[start : start + MOST])
            if await uow.session.scalar(sa.select(TABLE.c.record_id).where(TABLE.c.field_id == one.id, some).limit(1)):
                raise FieldValueTaken(_("{label}: this value is already in use.", label=one.field.label))
        if len(set(mine)) < len(mine):
            raise FieldValueTaken(_("{label}: this value is already in use.", label=one.field.label))
