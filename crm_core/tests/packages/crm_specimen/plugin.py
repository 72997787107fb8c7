"""A plugin whose one entity declares a field of every type there is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from crm_core.db.types import Amount, Id, Ratio, UTCDateTime
from crm_core.entity import stages
from crm_core.features.pipelines.public import remember_first
from crm_core.plugin import Entity, Listener, Strings, fields, hookimpl
from crm_core.plugin.models import Record, folded, foreign, package_registry
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_specimen")
OPTIONS = tuple(fields.Option(value=v, label=_(v.capitalize())) for v in ("north", "south", "west"))


class Base(DeclarativeBase):
    """The base of the plugin's models."""

    registry = package_registry()


class Sheet(Record, Base):
    """A column of every type."""

    __tablename__ = "specimen_sheet"

    name: Mapped[str] = mapped_column(sa.String(255))
    name_f: Mapped[str] = folded("name")
    story: Mapped[str | None] = mapped_column(sa.Text, default=None)
    profile: Mapped[str | None] = mapped_column(sa.Text, default=None)
    seats: Mapped[int | None] = mapped_column(sa.Integer, default=None)
    factor: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    share: Mapped[Decimal | None] = mapped_column(Ratio(), default=None)
    budget: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    budget_currency: Mapped[str | None] = mapped_column(sa.String(3), default=None)
    budget_base: Mapped[Decimal | None] = mapped_column(Amount(), default=None)
    due_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    seen_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    meets_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    meets_zone: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    is_vip: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    region: Mapped[str | None] = mapped_column(sa.String(20), default=None)
    markets: Mapped[list[Any]] = mapped_column(default=list)
    billing: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    billing_f: Mapped[str] = folded("billing")
    hotline: Mapped[str | None] = mapped_column(sa.String(60), default=None)
    hotline_f: Mapped[str] = folded("hotline", 60)
    shop: Mapped[str | None] = mapped_column(sa.String(2000), default=None)
    shop_f: Mapped[str] = folded("shop", 2000)
    company_id: Mapped[UUID | None] = foreign("core_company.id", default=None)
    about_entity: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    about_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    plan_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    pipeline_id: Mapped[UUID | None] = foreign("core_pipeline.id", default=None)
    stage_id: Mapped[UUID | None] = foreign("core_stage.id", default=None)


class Partner(Base):
    """Companies of a sheet."""

    __tablename__ = "specimen_partner"

    sheet_id: Mapped[UUID] = foreign(
        "specimen_sheet.id", on_delete="CASCADE", nullable=False, index=False, primary_key=True
    )
    company_id: Mapped[UUID] = foreign("core_company.id", on_delete="CASCADE", nullable=False, primary_key=True)


async def begin(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a new sheet with its pipeline and stage."""
    return await stages.start(uow, SHEET, values)


SHEET = Entity(
    name="specimen.sheet",
    model=Sheet,
    label=_("Sheet"),
    plural=_("Sheets"),
    path="specimen-sheets",
    icon="box",
    title="name",
    fields=(
        fields.Text("name", _("Name"), required=True, sortable=True, search="A"),
        fields.LongText("story", _("Story"), search="B"),
        fields.RichText("profile", _("Profile")),
        fields.Integer("seats", _("Seats"), sortable=True, minimum=0, maximum=500),
        fields.Decimal("factor", _("Factor"), sortable=True),
        fields.Percent("share", _("Share"), sortable=True, minimum=Decimal(0), maximum=Decimal(100)),
        fields.Money("budget", _("Budget"), sortable=True, minimum=Decimal(0)),
        fields.Date("due_on", _("Due on"), sortable=True),
        fields.DateTime("seen_at", _("Seen at"), sortable=True),
        fields.Appointment("meets_at", _("Meets at"), sortable=True, zone_column="meets_zone"),
        fields.Boolean("is_vip", _("Important"), default=False),
        fields.Choice("region", _("Region"), options=OPTIONS),
        fields.MultiChoice("markets", _("Markets"), options=OPTIONS),
        fields.Email("billing", _("Billing")),
        fields.Phone("hotline", _("Hotline")),
        fields.Url("shop", _("Shop")),
        fields.Link("company_id", _("Company"), target="core.company", reverse="specimen_sheets"),
        fields.AnyLink("about", _("About"), targets=("core.company", "core.contact")),
        fields.Links(
            "partners",
            _("Partners"),
            target="core.company",
            table="specimen_partner",
            owner="sheet_id",
            item="company_id",
        ),
        fields.Tags("tags", _("Tags")),
        fields.File("plan_id", _("Plan"), accept=("application/pdf",), limit=2**20),
        fields.Link("pipeline_id", _("Pipeline"), target="core.pipeline"),
        fields.Stage("stage_id", _("Stage"), group_field="pipeline_id"),
        fields.Link("owner_id", _("Owner"), target="core.user", on_erase="keep"),
    ),
    list_columns=("name", "stage_id", "budget", "is_vip", "region", "tags", "meets_at"),
    default_sort="name",
    defaults=begin,
    roles={"manager": "team", "sales": "own", "readonly": "all"},
)


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (SHEET,)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return (Listener(event="specimen.sheet.created", run=remember_first, name="specimen.first_stage"),)
