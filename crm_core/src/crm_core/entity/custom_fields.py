"""Custom fields: defined by administrators, fields like any other from then on.

Their values are in the JSON `custom` of the record (shown from there) and, as rows of `core_field_value`, where
filters, sorts and uniqueness find them. A process reads the definitions once and again when the epoch "fields" was
raised; a registry that knows them takes the place of the declared one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, folded
from crm_core.db.tables import NOBODY, Epoch
from crm_core.db.types import ENTITY_NAME, Amount, Id, UTCDateTime, new_id
from crm_core.entity import fields as f
from crm_core.entity.clean import BadValue, clean
from crm_core.i18n import Text
from crm_core.plugin.declare import Entity, FieldOn

if TYPE_CHECKING:
    from crm_core.db.engine import Database
    from crm_core.plugin.registry import Registry

EPOCH = "fields"
CUSTOM = "custom"
PREFIX = "custom."
LARGEST = 10**15 - 1  # of a whole number: what `Amount` holds


class CustomField(Record, Model):
    """The definition of one custom field; what it may hold never changes after its creation."""

    __tablename__ = "core_field"
    __table_args__ = (
        sa.Index(
            "uq_core_field_entity_name", "entity", "name", unique=True,
            sqlite_where=sa.text("deleted_at is null"), postgresql_where=sa.text("deleted_at is null"),
        ),
    )  # fmt: skip

    entity: Mapped[str] = mapped_column(ENTITY_NAME)
    name: Mapped[str] = mapped_column(sa.String(40))
    kind: Mapped[str] = mapped_column(sa.String(20))
    label: Mapped[str] = mapped_column(sa.String(100))
    label_f: Mapped[str] = folded("label")
    label_de: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    help: Mapped[str | None] = mapped_column(sa.String(500), default=None)
    group_name: Mapped[str | None] = mapped_column(sa.String(60), default=None)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    target: Mapped[str | None] = mapped_column(ENTITY_NAME, default=None)
    length: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    digits: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    minimum: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    maximum: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    default_value: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    is_required: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    is_unique: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    is_searched: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    is_listed: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    is_personal: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    is_archived: Mapped[bool] = mapped_column(sa.Boolean, default=False)


class CustomOption(Model):
    """One option of a choice; an archived one stays on the records that hold it and is not offered any more."""

    __tablename__ = "core_field_option"

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    field_id: Mapped[UUID] = mapped_column(Id(), sa.ForeignKey("core_field.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    value: Mapped[str] = mapped_column(sa.String(60))
    label: Mapped[str] = mapped_column(sa.String(100))
    label_de: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    colour: Mapped[str] = mapped_column(sa.String(20), default="grey")
    is_archived: Mapped[bool] = mapped_column(sa.Boolean, default=False)


def _by(name: str, column: str) -> sa.Index:
    held = sa.text(f"{column} is not null")
    return sa.Index(
        f"ix_core_field_value_{name}", "field_id", column, "record_id", sqlite_where=held, postgresql_where=held
    )


class FieldValue(Model):
    """A value as it is found: one column by kind; several rows for several values, none for an empty field.

    taken: the folded text of a unique field on a record that is not in the trash.
    """

    __tablename__ = "core_field_value"
    __table_args__ = (
        _by("folded", "folded"), _by("number", "number"), _by("moment", "moment"), _by("ref", "ref"),
        sa.Index(
            "uq_core_field_value_taken", "field_id", "taken", unique=True,
            sqlite_where=sa.text("taken is not null"), postgresql_where=sa.text("taken is not null"),
        ),
        {"sqlite_with_rowid": False},
    )  # fmt: skip

    field_id: Mapped[UUID] = mapped_column(Id(), primary_key=True)
    record_id: Mapped[UUID] = mapped_column(Id(), primary_key=True)
    place: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, default=0)
    folded: Mapped[str | None] = mapped_column(
        sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql"), default=None
    )
    number: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    moment: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    ref: Mapped[UUID | None] = mapped_column(Id(), default=None)
    taken: Mapped[str | None] = mapped_column(
        sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql"), default=None
    )


class Named(Text):
    """Words an administrator wrote, by language; the first ones serve where a language has none."""

    __slots__ = ()

    def to(self, locale: str) -> str:
        return str(self.params.get(locale) or self.message)


def named(text: str, **others: str | None) -> Named:
    """Return a label: `named("Region", de="Gebiet")`."""
    return Named("", text, {k: v for k, v in others.items() if v})


@dataclass(frozen=True, slots=True)
class CustomOn(FieldOn):
    """A custom field on an entity. key: its name in the JSON; keys: all names there that are its."""

    id: UUID = NOBODY
    unique: bool = False
    listed: bool = False
    archived: bool = False

    @property
    def key(self) -> str:
        return self.field.name[len(PREFIX) :]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(c[len(PREFIX) :] for c in (self.field.columns or (self.field.name,)))


@dataclass(frozen=True, slots=True)
class LongText(f.LongText):
    """Found by the search; a filter only asks whether there is any."""

    operators = ("empty", "not_empty")


@dataclass(frozen=True, slots=True)
class RichText(f.RichText):
    """As `LongText`."""

    operators = ("empty", "not_empty")


class Money(f.Money):
    """An amount of money; its rate and the day of that are in the JSON too."""

    __slots__ = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.name + part for part in ("", "_currency", "_base", "_rate", "_rate_on"))


class Links(f.Links):
    """Several records, their ids in the JSON instead of a table."""

    __slots__ = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.name,)


KINDS: dict[str, type[f.Field]] = {
    "text": f.Text, "long_text": LongText, "rich_text": RichText, "integer": f.Integer, "decimal": f.Decimal,
    "percent": f.Percent, "money": Money, "date": f.Date, "datetime": f.DateTime, "appointment": f.Appointment,
    "boolean": f.Boolean, "choice": f.Choice, "multi_choice": f.MultiChoice, "email": f.Email, "phone": f.Phone,
    "url": f.Url, "link": f.Link, "links": Links, "file": f.File,
}  # fmt: skip
TEXTS = ("text", "email", "phone", "url")  # kinds whose values can be unique
WORDS = (*TEXTS, "long_text", "rich_text")  # kinds whose words are found by the search
SEVERAL = ("multi_choice", "links")
FILE = 8 * 2**20  # bytes: a form of any entity takes 10 MB in all
UNSORTED = (*SEVERAL, "long_text", "rich_text", "link", "file")
LENGTHS = {"text": 255, "email": 255, "phone": 60, "url": 255, "long_text": 50_000, "rich_text": 50_000}


def on(row: Any, options: list[Any], plural: Text) -> CustomOn:
    """Return the field that a definition row and its options describe. `plural`: of what its entity is."""
    name, kind = PREFIX + row.name, KINDS[row.kind]
    given: dict[str, Any] = {
        "required": row.is_required, "personal": row.is_personal, "help": named(row.help) if row.help else None,
        "group": row.group_name or "custom fields", "sortable": row.kind not in UNSORTED,
        "search": "B" if row.is_searched and row.kind in WORDS else "", "unique": row.is_unique,
    }  # fmt: skip
    if row.kind in LENGTHS:
        given["length"] = min(row.length or LENGTHS[row.kind], LENGTHS[row.kind])
    elif row.kind in ("integer", "decimal", "percent"):
        whole = row.kind == "integer"
        given |= {k: int(v) if whole else v for k in ("minimum", "maximum") if (v := getattr(row, k)) is not None}
        given |= {"digits": row.digits} if not whole and row.digits is not None else {}
        if whole:
            given = {"minimum": -LARGEST, "maximum": LARGEST} | given
    elif row.kind == "appointment":
        given["zone_column"] = f"{name}_zone"
    elif row.kind in ("choice", "multi_choice"):
        given["options"] = tuple(
            f.Option(value=o.value, label=named(o.label, de=o.label_de), colour=o.colour, archived=o.is_archived)
            for o in options
        )
    elif row.kind in ("link", "links"):
        given["target"] = row.target
    elif row.kind == "file":
        given["limit"] = FILE
    if row.kind == "link":
        given |= {"reverse": f"{PREFIX}{row.entity.rpartition('.')[2]}_{row.name}", "reverse_label": plural}
    made = kind(name, named(row.label, de=row.label_de), **given)
    if row.default_value:
        try:
            made = replace(made, default=clean(made, row.default_value))
        except BadValue:  # an option that is gone: no default rather than no field
            made = replace(made, default=None)
    return CustomOn(row.entity, made, id=row.id, unique=row.is_unique, listed=row.is_listed, archived=row.is_archived)


async def load(db: Database, registry: Registry) -> tuple[int | None, dict[str, tuple[CustomOn, ...]]]:
    """Return the epoch and, by entity, all definitions that loaded plugins can use; no epoch without the tables."""
    live = sa.select(CustomField).where(CustomField.deleted_at.is_(None))
    async with db.session(readonly=True) as session:
        try:  # the epoch first: definitions younger than it are only read once more
            at = await session.scalar(sa.select(Epoch.value).where(Epoch.name == EPOCH)) or 0
            rows = list(await session.scalars(live.order_by(CustomField.position, CustomField.id)))
        except (sa.exc.OperationalError, sa.exc.ProgrammingError):
            return None, {}  # a database that is not migrated yet
        options: dict[UUID, list[CustomOption]] = {}
        if any(r.kind in ("choice", "multi_choice") for r in rows):
            for option in await session.scalars(sa.select(CustomOption).order_by(CustomOption.position)):
                options.setdefault(option.field_id, []).append(option)
    found: dict[str, list[CustomOn]] = {}
    for row in rows:
        entity = registry.entities.get(row.entity)
        gone = row.kind not in KINDS or (row.target or row.entity) not in registry.entities
        if entity is not None and not gone:  # of a plugin that is absent: it waits
            found.setdefault(row.entity, []).append(on(row, options.get(row.id, []), entity.plural))
    return at, {name: tuple(ons) for name, ons in found.items()}


def extended(declared: Registry, custom: dict[str, tuple[CustomOn, ...]], version: int) -> Registry:
    """Return the declared registry with custom fields among the extension fields; itself when there are none."""
    if not custom:
        return declared
    extensions = dict(declared.extensions)
    reverses = dict(declared.reverses)
    for name, ons in custom.items():
        live = tuple(one for one in ons if not one.archived)
        extensions[name] = (*extensions.get(name, ()), *live)
        for one in live:
            if isinstance(one.field, f.Link):
                added = (declared.entities[name], one.field)
                reverses[one.field.target] = (*reverses.get(one.field.target, ()), added)
    return replace(
        declared, extensions=MappingProxyType(extensions), reverses=MappingProxyType(reverses),
        custom=MappingProxyType(custom), version=version, plans={},
    )  # fmt: skip


def custom_of(value: Any) -> CustomOn | None:
    """Return the custom field behind a named value; None for other fields."""
    found = value.extension
    return found if isinstance(found, CustomOn) else None


def hidden_keys(registry: Registry, entity: Entity, shown: frozenset[str]) -> tuple[str, ...]:
    """Return the keys of the JSON that are not to be given: archived fields and those not in `shown`."""
    ons = registry.custom.get(entity.name, ())
    return tuple(sorted(k for one in ons for k in one.keys if one.archived or one.field.name not in shown))
