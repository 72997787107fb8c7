"""What happens to submissions."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class FormSubmitted(Event, frozen=True, kw_only=True):
    """A record was made from what a visitor sent; it is about the record. form: its name at that time."""

    form_id: UUID
    submission_id: UUID
    form: str


class FormAccepted(Event, frozen=True, kw_only=True):
    """Somebody made a record of a submission that was spam, failed or not confirmed."""

    form_id: UUID
    submission_id: UUID


EVENT_TYPES = (
    EventType(
        struct=FormSubmitted, name="core.web_form.submitted", label=_("Sent through a web form"), icon="forms",
        personal=(),
    ),
    EventType(
        struct=FormAccepted, name="core.web_form.submission_accepted", label=_("Submission accepted"), icon="check",
        personal=(),
    ),
)  # fmt: skip
