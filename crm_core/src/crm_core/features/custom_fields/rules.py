"""What a definition must be, and what becomes of its values when it changes."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity import custom_fields as custom
from crm_core.entity.clean import BadValue, clean
from crm_core.entity.custom_fields import CustomField, CustomOption, FieldValue
from crm_core.errors import Conflict, Invalid
from crm_core.features.custom_fields.schemas import IndexRecords
from crm_core.i18n import Strings, Text
from crm_core.plugin import Listener

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
VALUE = re.compile(r"[^\s,;\x00-\x1f][^,;\x00-\x1f]*")
FOR_EVER = ("entity", "name", "kind", "target", "digits")
CHOICES = ("choice", "multi_choice")
MOST = 200  # fields on one kind of records
OWN = "core.field"


class FieldNotValid(Invalid):
    """A definition that no field can follow."""


class FieldInUse(Conflict):
    """Records hold values of the field or the option."""


async def validate(uow: UnitOfWork, record: CustomField, changed: frozenset[str]) -> None:
    """Check a definition; what decides how values are stored stays as it was made."""
    faults: dict[str, Text | str] = {}
    state: Any = sa.inspect(record)
    if not state.transient:
        for name in FOR_EVER:
            if state.attrs[name].history.deleted:
                faults[name] = _(
                    "This cannot be changed: values that are stored would mean something else. Archive this field and "
                    "make a new one."
                )
    else:
        faults |= await _new_faults(uow, record)
    if not faults:
        faults |= _limit_faults(record)
    if faults:
        raise FieldNotValid(_("Some values are not acceptable."), fields=faults)
    if not state.transient and "is_unique" in changed and state.attrs.is_unique.history.deleted:
        await _take(uow, record)


async def _new_faults(uow: UnitOfWork, record: CustomField) -> dict[str, Text | str]:
    entity = uow.registry.entities.get(record.entity)
    faults: dict[str, Text | str] = {}
    if entity is None or entity.name == OWN:
        faults["entity"] = _("There are no such records.")
    if not NAME.fullmatch(record.name):
        faults["name"] = _("Small letters, digits and _, a letter first.")
    if record.kind in ("link", "links"):
        if record.target not in uow.registry.entities:
            faults["target"] = _("There are no such records.")
    elif record.target:
        faults["target"] = _("Only links have this.")
    if faults:
        return faults
    others = list(
        await uow.session.scalars(
            sa.select(CustomField).where(CustomField.entity == record.entity, CustomField.deleted_at.is_(None))
        )
    )
    if len(others) >= MOST:
        return {"entity": _("At most {count} fields.", count=MOST)}
    if any(not _keys(record).isdisjoint(_keys(o)) for o in others):
        return {"name": _("This key is in use, perhaps by an archived field or by a part of one.")}
    return {}


def _keys(record: CustomField) -> set[str]:
    """Return the keys in the JSON that a field of this definition uses."""
    parts = {"money": ("_currency", "_base", "_rate", "_rate_on"), "appointment": ("_zone",)}.get(record.kind, ())
    return {record.name, *(f"{record.name}{p}" for p in parts)}


def _limit_faults(record: CustomField) -> dict[str, Text | str]:
    if record.is_unique and record.kind not in custom.TEXTS:
        return {"is_unique": _("Only texts, addresses and numbers of phones can be unique.")}
    if record.is_searched and record.kind not in custom.WORDS:
        return {"is_searched": _("Only texts have words to search for.")}
    low, high = record.minimum, record.maximum
    if low is not None and high is not None and low > high:
        return {"minimum": _("This is above the largest number.")}
    if record.default_value and record.kind in ("link", "links", "file"):
        return {"default_value": _("A field of this type has no value to begin with.")}
    if record.default_value and record.kind not in CHOICES:
        values = {c.key: getattr(record, c.key) for c in sa.inspect(CustomField).column_attrs}
        made = custom.on(SimpleNamespace(**{**values, "default_value": None}), [], Text("", ""))
        try:
            clean(made.field, record.default_value)
        except BadValue as bad:
            return {"default_value": bad.text}
    return {}


async def _take(uow: UnitOfWork, record: CustomField) -> None:
    """Make the values of a field unique, or free again; refused where records share one."""
    rows = FieldValue.field_id == record.id
    if not record.is_unique:
        await uow.session.execute(sa.update(FieldValue).where(rows).values(taken=None))
        return
    table = uow.registry.entities[record.entity].model.__table__
    live = sa.select(table.c.id).where(table.c.deleted_at.is_(None), table.c.merged_into.is_(None))
    kept = sa.and_(rows, FieldValue.record_id.in_(live))
    twice = sa.select(FieldValue.folded).where(kept).group_by(FieldValue.folded).having(sa.func.count() > 1)
    count = await uow.session.scalar(sa.select(sa.func.count()).select_from(twice.subquery()))
    if count:
        text = _("{count} values are on several records each; make them differ first.", count=count)
        raise FieldInUse(text, fields={"is_unique": text})
    await uow.session.execute(sa.update(FieldValue).where(kept).values(taken=FieldValue.folded))


async def keep_options(uow: UnitOfWork, event: Happened) -> None:
    """Check the options of a choice; one that records hold is archived, not removed."""
    field: CustomField | None = event.record or await uow.session.get(CustomField, event.record_id)
    if field is None:
        return
    mine = sa.select(CustomOption).where(CustomOption.field_id == field.id)
    options = list(await uow.session.scalars(mine.order_by(CustomOption.position)))
    fault: Text | None = None
    values = [o.value for o in options]
    if field.kind not in CHOICES and options:
        fault = _("Only choices have options.")
    elif field.kind in CHOICES and not options:
        fault = _("A choice needs options.")
    elif len(set(values)) < len(values):
        fault = _("Two options have the same key.")
    elif bad := next((v for v in values if not VALUE.fullmatch(v)), None):
        fault = _("{value}: a key has no commas and semicolons.", value=bad)
    elif field.default_value and field.kind in CHOICES and not {field.default_value}.issubset(values):
        raise FieldNotValid(
            _("Some values are not acceptable."), fields={"default_value": _("There is no such option.")}
        )
    if fault is not None:
        raise FieldNotValid(fault, fields={"options": fault})
    for old in _gone(event, set(values)):
        count = await _count(uow, field.id, FieldValue.folded == old)
        if count:
            text = _("{count} records hold the option {value}: archive it instead.", count=count, value=old)
            raise FieldInUse(text, fields={"options": text})


def _gone(event: Happened, values: set[str]) -> set[str]:
    """Return the keys of options that were there before this change and are not now."""
    told = [v for n, v in event.before.items() if n.startswith("options.") and isinstance(v, dict)]
    return {v["value"] for v in told} - values


async def _count(uow: UnitOfWork, field_id: UUID, *where: Any) -> int:
    counted = sa.func.count(sa.distinct(FieldValue.record_id))
    return await uow.session.scalar(sa.select(counted).where(FieldValue.field_id == field_id, *where)) or 0


async def keep_used(uow: UnitOfWork, event: Happened) -> None:
    """Refuse to delete a field that records have values of."""
    assert event.record_id is not None
    if count := await _count(uow, event.record_id):
        text = _(
            "{count} records have a value in this field. Archive it instead: the values stay and come back with it.",
            count=count,
        )
        raise FieldInUse(text)


async def tell(uow: UnitOfWork, event: Happened) -> None:
    """Tell every process that fields changed; index the records anew when other words are to be found."""
    await uow.raise_epoch(custom.EPOCH)
    field: CustomField | None = event.record or await uow.session.get(CustomField, event.record_id)
    if field is None or field.entity not in uow.registry.entities:
        return
    if event.kind == "updated" and not event.changed & {"is_searched", "is_archived"}:
        return
    if field.is_searched or "is_searched" in event.changed:
        await uow.enqueue(IndexRecords(entity=field.entity), key=f"core.index:{field.entity}")


LISTENERS = (
    *(
        Listener(event=f"core.field.{kind}", run=keep_options, name="core.field_options")
        for kind in ("created", "updated")
    ),
    Listener(event="core.field.deleted", run=keep_used, name="core.field_used"),
    *(
        Listener(event=f"core.field.{kind}", run=tell, name="core.fields_changed")
        for kind in ("created", "updated", "deleted", "restored")
    ),
)
