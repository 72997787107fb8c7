"""What a visit is, and what the plugin adds to companies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.features.number_series.public import next_number
from crm_core.plugin import Entity, FieldOn, FormTarget, Strings, fields
from crm_core.testing.sample_plugin.models import CompanyVisits, Visit

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings(__package__)

PLANNED, DONE, MISSED = "planned", "done", "missed"
OUTCOMES = (
    fields.Option(value=PLANNED, label=_("Planned"), colour="blue"),
    fields.Option(value=DONE, label=_("Done"), colour="green"),
    fields.Option(value=MISSED, label=_("Missed"), colour="red"),
)

RHYTHMS = (
    fields.Option(value="often", label=_("Often"), colour="green"),
    fields.Option(value="seldom", label=_("Seldom"), colour="grey"),
)


async def number_visit(uow: UnitOfWork, visit: Visit, changed: frozenset[str]) -> None:
    """Give a visit the next number of the year of its day; one from before there were numbers gets it when saved."""
    if visit.number is None:
        visit.number = await next_number(uow, "sample.visit", on=visit.visited_on)


VISIT = Entity(
    name="sample.visit",
    model=Visit,
    label=_("Visit"),
    plural=_("Visits"),
    path="sample-visits",
    icon="map-pin",
    title="subject",
    fields=(
        fields.Text("number", _("Number"), length=80, readonly=True, sortable=True, search="A"),
        fields.Text("subject", _("Subject"), required=True, sortable=True, search="A"),
        fields.Link(
            "company_id", _("Company"), target="core.company", reverse="sample_visits", reverse_label=_("Visits")
        ),
        fields.Link("contact_id", _("Contact"), target="core.contact", personal=True, on_erase="clear"),
        fields.Date("visited_on", _("Day"), required=True, sortable=True),
        fields.Integer("minutes", _("Minutes"), minimum=0, maximum=24 * 60),
        fields.Choice("outcome", _("Outcome"), options=OUTCOMES, default=PLANNED),
        fields.LongText("notes", _("Notes"), personal=True, search="B"),
        fields.File("report_id", _("Report"), accept=("application/pdf", "image/png", "text/csv"), limit=2**20),
        fields.Link("owner_id", _("Owner"), target="core.user", on_erase="keep"),
        fields.Tags("tags", _("Tags")),
    ),
    list_columns=("number", "subject", "company_id", "visited_on", "outcome", "minutes"),
    default_sort="-visited_on",
    validate=number_visit,
    roles={"manager": "team", "sales": "own", "support": "team", "readonly": "all"},
)

BY_FORM = FormTarget(entity="sample.visit", fields=("subject", "visited_on", "notes"), email="", fixed={"minutes": 60})
"""Strangers ask for a visit through a web form."""


def done_visits(company: Any) -> sa.ColumnElement[int]:
    """Return the number of visits done at a company as SQL."""
    return (
        sa.select(sa.func.count())
        .where(Visit.company_id == company.c.id, Visit.outcome == DONE, Visit.deleted_at.is_(None))
        .scalar_subquery()
    )


ON_COMPANY = (
    FieldOn(
        "core.company", fields.Integer("sample_every_days", _("Visit every … days"), minimum=1), model=CompanyVisits
    ),
    FieldOn("core.company", fields.Date("sample_last_visit_on", _("Last visit"), readonly=True), model=CompanyVisits),
    FieldOn(
        "core.company",
        fields.Link(
            "sample_next_visit_id",
            _("Next visit"),
            target="sample.visit",
            reverse="next_for",
            reverse_label=_("Next visit of"),
        ),
        model=CompanyVisits,
    ),
    FieldOn(
        "core.company",
        fields.Text("sample_route", _("Route"), length=100, sortable=True, search="B"),
        model=CompanyVisits,
    ),
    FieldOn(
        "core.company",
        fields.Choice("sample_rhythm", _("Rhythm"), options=RHYTHMS, default="seldom"),
        model=CompanyVisits,
    ),
    FieldOn("core.company", fields.Integer("sample_visits_done", _("Visits done"), readonly=True), sql=done_visits),
)
