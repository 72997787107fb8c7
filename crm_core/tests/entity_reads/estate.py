"""A small plugin for the tests of reading: houses in towns, with rooms, owners and a plugin's field on them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from crm_core.db.model import NAMING, TYPES, Record, folded, foreign
from crm_core.db.types import Amount, Id, Ratio, UTCDateTime, new_id
from crm_core.entity.fields import Option
from crm_core.plugin import Child, Entity, FieldOn, Strings, fields, hookspecs
from crm_core.plugin.registry import Registry, build
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry

_ = Strings("crm_core")
ESTATE = sa.MetaData(naming_convention=NAMING)  # not the shared one: no migration knows these tables


class Base(DeclarativeBase):
    __abstract__ = True
    metadata = ESTATE
    registry = registry(metadata=ESTATE, type_annotation_map=TYPES)


class Town(Record, Base):
    __tablename__ = "estate_town"
    name: Mapped[str] = mapped_column(sa.String(255))
    name_f: Mapped[str] = folded("name")
    secret: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    secret_f: Mapped[str] = folded("secret")
    parent_id: Mapped[UUID | None] = foreign("estate_town.id", default=None)


class House(Record, Base):
    __tablename__ = "estate_house"
    __table_args__ = (sa.Index("ix_estate_house_name", "name_f", "id"), sa.Index("ix_estate_house_due", "due_at", "id"))
    name: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    name_f: Mapped[str] = folded("name")
    code: Mapped[str | None] = mapped_column(sa.String(20), default=None)
    code_f: Mapped[str] = folded("code", 20)
    phone: Mapped[str | None] = mapped_column(sa.String(60), default=None)
    phone_f: Mapped[str] = folded("phone", 60)
    notes: Mapped[str | None] = mapped_column(sa.Text, default=None)
    floors: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    price: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    price_currency: Mapped[str | None] = mapped_column(sa.String(3), default=None)
    price_base: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    share: Mapped[Decimal | None] = mapped_column(Ratio(), default=None)
    built_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    is_sold: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    kind: Mapped[str | None] = mapped_column(sa.String(20), default=None)
    extras: Mapped[list[Any]] = mapped_column(default=list)
    salary: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    town_id: Mapped[UUID | None] = foreign("estate_town.id", default=None)
    about_entity: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    about_id: Mapped[UUID | None] = mapped_column(Id(), default=None)


class Room(Base):
    __tablename__ = "estate_room"
    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    house_id: Mapped[UUID] = foreign("estate_house.id", on_delete="CASCADE", nullable=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name", 100)
    area: Mapped[int | None] = mapped_column(sa.Integer, default=None)


class Rating(Base):
    """A plugin's side table on houses."""

    __tablename__ = "rating_house"
    record_id: Mapped[UUID] = mapped_column(Id(), primary_key=True)
    stars: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    remark: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    remark_f: Mapped[str] = folded("remark", 100)


class Key(Record, Base):
    """A key has its house's rights."""

    __tablename__ = "estate_key"
    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name", 100)
    house_id: Mapped[UUID | None] = foreign("estate_house.id", default=None)


NEAR = sa.Table(
    "estate_near",
    ESTATE,
    sa.Column("house_id", Id(), sa.ForeignKey("estate_house.id"), primary_key=True),
    sa.Column("town_id", Id(), sa.ForeignKey("estate_town.id"), primary_key=True),
)

OPTIONS = tuple(Option(value=v, label=_(v)) for v in ("flat", "villa", "barn"))

TOWN = Entity(
    name="estate.town",
    model=Town,
    label=_("Town"),
    plural=_("Towns"),
    path="towns",
    icon="map",
    title="name",
    fields=(
        fields.Text("name", _("Name"), sortable=True, search="A", required=True),
        fields.Text("secret", _("Secret")),
        fields.Link("parent_id", _("District"), target="estate.town", reverse="parts"),
    ),
    list_columns=("name",),
    default_sort="name",
)

HOUSE = Entity(
    name="estate.house",
    model=House,
    label=_("House"),
    plural=_("Houses"),
    path="houses",
    icon="home",
    title="name",
    fields=(
        fields.Text("name", _("Name"), sortable=True, search="A"),
        fields.Text("code", _("Code"), sortable=True, search="B", length=20),
        fields.Phone("phone", _("Phone")),
        fields.LongText("notes", _("Notes"), search="B"),
        fields.Integer("floors", _("Floors"), sortable=True),
        fields.Money("price", _("Price"), sortable=True),
        fields.Percent("share", _("Share"), sortable=True),
        fields.Date("built_on", _("Built"), sortable=True),
        fields.DateTime("due_at", _("Due"), sortable=True),
        fields.Boolean("is_sold", _("Sold")),
        fields.Choice("kind", _("Kind"), options=OPTIONS),
        fields.MultiChoice("extras", _("Extras"), options=OPTIONS),
        fields.Integer(
            "salary",
            _("Salary"),
            sortable=True,
            readable=lambda actor: House.owner_id == actor.user_id,
        ),
        fields.Link("town_id", _("Town"), target="estate.town", reverse="houses"),
        fields.AnyLink("about", _("About")),
        fields.Links("near", _("Near"), target="estate.town", table="estate_near", owner="house_id", item="town_id"),
        fields.Link("owner_id", _("Owner"), target="core.user"),
        fields.Tags("tags", _("Tags")),
        fields.DateTime("created_at", _("Created"), readonly=True, sortable=True),
    ),
    list_columns=("name", "town_id"),
    default_sort="name",
    children=(
        Child(
            name="rooms",
            model=Room,
            foreign_key="house_id",
            label=_("Rooms"),
            ordered=True,
            fields=(fields.Text("name", _("Name"), search="B"), fields.Integer("area", _("Area"))),
        ),
    ),
)

KEY = Entity(
    name="estate.key",
    model=Key,
    label=_("Key"),
    plural=_("Keys"),
    path="keys",
    icon="key",
    title="name",
    fields=(
        fields.Text("name", _("Name"), sortable=True, search="A"),
        fields.Link("house_id", _("House"), target="estate.house", reverse="keys"),
    ),
    list_columns=("name",),
    default_sort="name",
    parent="house_id",
)


def rooms_of(house: Any) -> Any:
    """Return the SQL of a house's number of rooms."""
    room = Room.__table__.alias("counted")
    return sa.select(sa.func.count()).where(room.c.house_id == house.c.id).scalar_subquery()


EXTENSIONS = (
    FieldOn("estate.house", fields.Integer("stars", _("Stars"), sortable=True), model=Rating),
    FieldOn("estate.house", fields.Text("remark", _("Remark"), sortable=True), model=Rating),
    FieldOn("estate.house", fields.Integer("room_count", _("Rooms"), sortable=True, readonly=True), sql=rooms_of),
)


def estate_registry() -> Registry:
    """Return a registry with these entities and nothing else."""
    return build({hookspecs.crm_entities.__name__: (TOWN, HOUSE, KEY), hookspecs.crm_fields.__name__: EXTENSIONS}, ())
