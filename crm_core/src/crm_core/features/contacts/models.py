"""The tables of contacts, their e-mail addresses, phone numbers and companies."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, validates

from crm_core.db.model import Model, Record, folded, foreign
from crm_core.db.types import Id, UTCDateTime, new_id


class Contact(Record, Model):
    """A person. `name` is stored, made of first and last name whenever one of them is set."""

    __tablename__ = "core_contact"
    __table_args__ = (
        sa.Index("ix_core_contact_name_f_id", "name_f", "id"),
        sa.Index("ix_core_contact_team_id_name_f", "team_id", "name_f", "id"),
        sa.Index("ix_core_contact_owner_id_name_f", "owner_id", "name_f", "id"),
    )

    first_name: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    first_name_f: Mapped[str] = folded("first_name", 100)
    last_name: Mapped[str] = mapped_column(sa.String(100))
    last_name_f: Mapped[str] = folded("last_name", 100)
    name: Mapped[str] = mapped_column(sa.String(255))
    name_f: Mapped[str] = folded("name")
    company_id: Mapped[UUID | None] = foreign("core_company.id", default=None)
    job_title: Mapped[str | None] = mapped_column(sa.String(150), default=None)
    job_title_f: Mapped[str] = folded("job_title", 150)
    department: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    language: Mapped[str | None] = mapped_column(sa.String(10), default=None)
    street: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    postcode: Mapped[str | None] = mapped_column(sa.String(20), default=None)
    city: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    country: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    description: Mapped[str | None] = mapped_column(sa.Text, default=None)
    last_activity_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    next_activity_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)

    @validates("first_name", "last_name")
    def _rename(self, key: str, value: Any) -> Any:
        parts = {"first_name": self.__dict__.get("first_name"), "last_name": self.__dict__.get("last_name"), key: value}
        self.name = full_name(parts["first_name"], parts["last_name"])
        return value


class ContactEmail(Model):
    """An e-mail address of a contact; the first one is the address to write to."""

    __tablename__ = "core_contact_email"

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    contact_id: Mapped[UUID] = foreign("core_contact.id", on_delete="CASCADE", nullable=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    address: Mapped[str] = mapped_column(sa.String(255))
    address_f: Mapped[str] = folded("address")
    kind: Mapped[str] = mapped_column(sa.String(20), default="work")

    __table_args__ = (sa.Index("ix_core_contact_email_address_f", "address_f"),)


class ContactPhone(Model):
    """A phone number of a contact; the first one is the number to call."""

    __tablename__ = "core_contact_phone"

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    contact_id: Mapped[UUID] = foreign("core_contact.id", on_delete="CASCADE", nullable=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    number: Mapped[str] = mapped_column(sa.String(60))
    number_f: Mapped[str] = folded("number", 60)
    kind: Mapped[str] = mapped_column(sa.String(20), default="work")

    __table_args__ = (sa.Index("ix_core_contact_phone_number_f", "number_f"),)


class ContactCompany(Model):
    """A company a contact works for, or used to; kept in step with `Contact.company_id`.

    That is the company of the row with `is_primary`, of which there is at most one. `until_on` is the first day
    on which the contact is no longer there; a row that has ended is never primary.
    """

    __tablename__ = "core_contact_company"

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    contact_id: Mapped[UUID] = foreign("core_contact.id", on_delete="CASCADE", nullable=False)
    position: Mapped[int] = mapped_column(sa.Integer, default=0)
    company_id: Mapped[UUID] = foreign("core_company.id", on_delete="CASCADE", nullable=False)
    job_title: Mapped[str | None] = mapped_column(sa.String(150), default=None)
    is_primary: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    from_on: Mapped[date | None] = mapped_column(sa.Date, default=None)
    until_on: Mapped[date | None] = mapped_column(sa.Date, default=None)


def full_name(first: str | None, last: str | None) -> str:
    """Return first and last name with a blank between, either of which may be missing."""
    return " ".join(part for part in (first, last) if part)
