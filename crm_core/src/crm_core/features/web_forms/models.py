"""Forms, their fields, and what was sent through them."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, Stamp, folded, foreign
from crm_core.db.types import ENTITY_NAME, Id, UTCDateTime


class WebForm(Record, Model):
    """One form. token: part of its public address, which everybody may know; a form that is off answers as if unknown.

    target: entity of the records it makes. allowed_hosts: names of web sites that may embed it, one a line.
    """

    __tablename__ = "core_web_form"

    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name", 100)
    token: Mapped[str] = mapped_column(sa.String(64), unique=True, default=lambda: secrets.token_urlsafe(24))
    target: Mapped[str] = mapped_column(ENTITY_NAME, default="core.lead")
    title: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    intro: Mapped[str | None] = mapped_column(sa.Text, default=None)
    button: Mapped[str | None] = mapped_column(sa.String(60), default=None)
    consent: Mapped[str | None] = mapped_column(sa.Text, default=None)
    assign_to_id: Mapped[UUID | None] = foreign("core_user.id", index=False, default=None)
    pool_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    allowed_hosts: Mapped[str | None] = mapped_column(sa.Text, default=None)
    thanks: Mapped[str | None] = mapped_column(sa.Text, default=None)
    thanks_url: Mapped[str | None] = mapped_column(sa.String(2000), default=None)
    is_double_opt_in: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    is_active: Mapped[bool] = mapped_column(sa.Boolean, default=True)


class WebFormField(Stamp, Model):
    """One field of a form. field: of the target; value: what a hidden one sends, or what a shown one begins with."""

    __tablename__ = "core_web_form_field"
    __table_args__ = (sa.UniqueConstraint("form_id", "field"),)

    form_id: Mapped[UUID] = foreign("core_web_form.id", on_delete="CASCADE", nullable=False, index=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    field: Mapped[str] = mapped_column(sa.String(64))
    label: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    help: Mapped[str | None] = mapped_column(sa.String(500), default=None)
    is_required: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    is_hidden: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    value: Mapped[str | None] = mapped_column(sa.String(1000), default=None)


class WebFormSubmission(Record, Model):
    """What one visitor sent: kept whole, whatever became of it. answers: JSON of the values by field.

    state: "pending" until its link is opened, "accepted", "spam", "expired". address_hash: keyed, so that it only
    tells whether two came from one place. key: of the page it was sent from, so that a double click counts once.
    """

    __tablename__ = "core_web_form_submission"
    __table_args__ = (
        sa.Index("ix_core_web_form_submission_state_expires_at", "state", "expires_at"),
        sa.Index("ix_core_web_form_submission_record", "record_entity", "record_id"),
        sa.Index("ix_core_web_form_submission_form_id_email_f", "form_id", "email_f"),
    )

    form_id: Mapped[UUID] = foreign("core_web_form.id", on_delete="CASCADE", nullable=False)
    subject: Mapped[str] = mapped_column(sa.String(255), default="")
    subject_f: Mapped[str] = folded("subject")
    state: Mapped[str] = mapped_column(sa.String(16), default="accepted")
    reason: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    email: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    email_f: Mapped[str] = folded("email")
    answers: Mapped[str | None] = mapped_column(sa.Text, default=None)
    consent: Mapped[str | None] = mapped_column(sa.Text, default=None)
    page_url: Mapped[str | None] = mapped_column(sa.String(2000), default=None)
    utm_source: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    utm_medium: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    utm_campaign: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    utm_term: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    utm_content: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    address_hash: Mapped[str] = mapped_column(sa.String(64), default="", info={"secret": True})
    key: Mapped[str] = mapped_column(sa.String(64), default="", index=True, info={"secret": True})
    locale: Mapped[str] = mapped_column(sa.String(16), default="en")
    record_entity: Mapped[str | None] = mapped_column(ENTITY_NAME, default=None)
    record_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    mails: Mapped[int] = mapped_column(sa.Integer, default=0)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    confirmed_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
