"""What a contact is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crm_core.entity.fields import Option
from crm_core.features.contacts.models import Contact, ContactCompany, ContactEmail, ContactPhone
from crm_core.features.standard import COMMON, ROLES
from crm_core.plugin import Child, Entity, FieldOn, Strings, fields

_ = Strings("crm_core")

KINDS = (
    Option(value="work", label=_("Work"), colour="blue"),
    Option(value="mobile", label=_("Mobile"), colour="violet"),
    Option(value="home", label=_("Home"), colour="green"),
    Option(value="other", label=_("Other"), colour="grey"),
)

CONTACT = Entity(
    name="core.contact",
    model=Contact,
    label=_("Contact"),
    plural=_("Contacts"),
    path="contacts",
    icon="users",
    title="name",
    fields=(
        fields.Text(
            "name",
            _("Name"),
            readonly=True,
            sortable=True,
            search="A",
            personal=True,
            help=_("Made of first and last name"),
        ),
        fields.Text(
            "first_name",
            _("First name"),
            length=100,
            personal=True,
            sortable=True,
            import_names=("given name", "forename", "vorname"),
        ),
        fields.Text(
            "last_name",
            _("Last name"),
            length=100,
            required=True,
            personal=True,
            sortable=True,
            import_names=("surname", "family name", "nachname"),
        ),
        fields.Link(
            "company_id",
            _("Company"),
            target="core.company",
            reverse="contacts",
            reverse_label=_("Contacts"),
            import_names=("company", "company name", "account", "organisation", "firma"),
        ),
        fields.Text(
            "job_title",
            _("Job title"),
            length=150,
            sortable=True,
            search="B",
            import_names=("title", "position", "role", "funktion"),
        ),
        fields.Text("department", _("Department"), length=100, import_names=("abteilung",)),
        fields.Text("language", _("Language"), length=10, help=_("Language code such as en or de")),
        fields.Text("street", _("Street"), group="address", personal=True, import_names=("address", "strasse")),
        fields.Text(
            "postcode",
            _("Postcode"),
            length=20,
            group="address",
            personal=True,
            import_names=("zip", "postal code", "plz"),
        ),
        fields.Text("city", _("City"), length=100, group="address", personal=True, import_names=("town", "ort")),
        fields.Text("country", _("Country"), length=100, group="address", import_names=("land",)),
        fields.LongText(
            "description", _("Description"), search="B", personal=True, import_names=("notes", "beschreibung")
        ),
        *COMMON,
    ),
    list_columns=("name", "job_title", "company_id", "email", "phone", "owner_id", "last_activity_at"),
    default_sort="name",
    children=(
        Child(
            name="emails",
            model=ContactEmail,
            foreign_key="contact_id",
            label=_("E-mail addresses"),
            fields=(
                fields.Email(
                    "address",
                    _("E-mail"),
                    required=True,
                    personal=True,
                    search="A",
                    import_names=("email", "e-mail", "email address", "mail"),
                ),
                fields.Choice("kind", _("Kind"), options=KINDS, default="work"),
            ),
            ordered=True,
            personal=True,
        ),
        Child(
            name="phones",
            model=ContactPhone,
            foreign_key="contact_id",
            label=_("Phone numbers"),
            fields=(
                fields.Phone(
                    "number",
                    _("Phone"),
                    length=60,
                    required=True,
                    personal=True,
                    search="B",
                    import_names=("phone", "phone number", "telephone", "mobile", "tel", "telefon"),
                ),
                fields.Choice("kind", _("Kind"), options=KINDS, default="work"),
            ),
            ordered=True,
            personal=True,
        ),
        Child(
            name="companies",
            model=ContactCompany,
            foreign_key="contact_id",
            label=_("Companies"),
            fields=(
                fields.Link("company_id", _("Company"), target="core.company", required=True, on_erase="delete"),
                fields.Text("job_title", _("Job title"), length=150),
                fields.Boolean("is_primary", _("Main company"), default=False),
                fields.Date("from_on", _("From")),
                fields.Date("until_on", _("Until")),
            ),
            ordered=True,
        ),
    ),
    roles=ROLES,
    match_by=("emails", "name"),
    order=30,
    has_activity=True,
    mergeable=True,
)


def first_email(contact: Any) -> Any:
    """Return the SQL of a contact's first e-mail address."""
    own = ContactEmail.__table__.alias("first_email")
    return (
        sa.select(own.c.address)
        .where(own.c.contact_id == contact.c.id)
        .order_by(own.c.position, own.c.id)
        .limit(1)
        .scalar_subquery()
    )


def first_phone(contact: Any) -> Any:
    """Return the SQL of a contact's first phone number."""
    own = ContactPhone.__table__.alias("first_phone")
    return (
        sa.select(own.c.number)
        .where(own.c.contact_id == contact.c.id)
        .order_by(own.c.position, own.c.id)
        .limit(1)
        .scalar_subquery()
    )


FIRST = (
    FieldOn("core.contact", fields.Email("email", _("E-mail"), readonly=True, personal=True), sql=first_email),
    FieldOn("core.contact", fields.Phone("phone", _("Phone"), readonly=True, personal=True), sql=first_phone),
)
