"""What forms make without any plugin: leads and contacts."""

from __future__ import annotations

from crm_core.plugin import FormTarget

TARGETS = (
    FormTarget(
        entity="core.lead", fixed={"source": "website"},
        fields=("name", "company_name", "job_title", "email", "phone", "source", "country", "description"),
    ),
    FormTarget(
        entity="core.contact", email="emails.address",
        fields=(
            "first_name", "last_name", "emails.address", "phones.number", "job_title", "department", "language",
            "street", "postcode", "city", "country", "description",
        ),
    ),
)  # fmt: skip
