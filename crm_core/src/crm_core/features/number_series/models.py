"""The tables of legal entities, number series and the last numbers used."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, folded, foreign
from crm_core.db.types import Id

SHARED = sa.text("legal_entity_id is null and deleted_at is null")
OWN = sa.text("legal_entity_id is not null and deleted_at is null")
DEFAULT = sa.text("is_default and deleted_at is null")


class LegalEntity(Record, Model):
    """A company in whose name documents are written. At most one is the default.

    country: ISO 3166 code of two letters.
    """

    __tablename__ = "core_legal_entity"
    __table_args__ = (
        sa.Index("ix_core_legal_entity_name_f_id", "name_f", "id"),
        sa.Index(
            "uq_core_legal_entity_default", "is_default", unique=True, sqlite_where=DEFAULT, postgresql_where=DEFAULT
        ),
    )

    name: Mapped[str] = mapped_column(sa.String(120))
    name_f: Mapped[str] = folded("name", 120)
    street: Mapped[str | None] = mapped_column(sa.String(200), default=None)
    postcode: Mapped[str | None] = mapped_column(sa.String(20), default=None)
    city: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    country: Mapped[str | None] = mapped_column(sa.String(2), default=None)
    tax_number: Mapped[str | None] = mapped_column(sa.String(40), default=None)
    vat_id: Mapped[str | None] = mapped_column(sa.String(20), default=None)
    logo_id: Mapped[UUID | None] = mapped_column(Id(), default=None)
    is_default: Mapped[bool] = mapped_column(sa.Boolean, default=False)


class NumberSeries(Record, Model):
    """How the documents of one kind are numbered, for one legal entity or (None) for all without one of their own.

    kind: what is numbered, usually an entity's name. reset: "never", "calendar" or "fiscal" (each year).
    start: the first number of a period. gapless: drawn in the transaction that needs it, so that a rollback
    gives the number back.
    """

    __tablename__ = "core_number_series"
    __table_args__ = (
        sa.Index("uq_core_number_series_shared", "kind", unique=True, sqlite_where=SHARED, postgresql_where=SHARED),
        sa.Index(
            "uq_core_number_series_own", "kind", "legal_entity_id", unique=True, sqlite_where=OWN, postgresql_where=OWN
        ),
    )

    name: Mapped[str] = mapped_column(sa.String(100))
    name_f: Mapped[str] = folded("name", 100)
    kind: Mapped[str] = mapped_column(sa.String(64))
    legal_entity_id: Mapped[UUID | None] = foreign("core_legal_entity.id", on_delete="RESTRICT", default=None)
    pattern: Mapped[str] = mapped_column(sa.String(60))
    reset: Mapped[str] = mapped_column(sa.String(10), default="never")
    start: Mapped[int] = mapped_column(sa.BigInteger, default=1)
    gapless: Mapped[bool] = mapped_column(sa.Boolean, default=True)


class NumberCounter(Model):
    """The last number used of a series in a year; year 0 for a series that never starts anew.

    No foreign key: a number drawn outside the transaction may belong to a series that is not committed yet.
    """

    __tablename__ = "core_number_counter"

    series_id: Mapped[UUID] = mapped_column(Id(), primary_key=True)
    year: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(sa.BigInteger)
