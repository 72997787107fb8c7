"""Rates of base amounts, legal entities, number series."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0012"
down_revision = "core_0011"
branch_labels = None
depends_on = None

AMOUNTS = (("core_deal", "amount"), ("core_company", "revenue"))


def upgrade() -> None:
    for table, name in AMOUNTS:
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column(f"{name}_rate", types.Ratio(), nullable=True))
            batch.add_column(sa.Column(f"{name}_rate_on", sa.Date(), nullable=True))
    _legal_entities()
    _series()


def _record() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("updated_at", types.UTCDateTime(), nullable=False),
        sa.Column("owner_id", types.Id(), nullable=True),
        sa.Column("team_id", types.Id(), nullable=True),
        sa.Column("deleted_at", types.UTCDateTime(), nullable=True),
        sa.Column("deleted_by", types.Id(), nullable=True),
        sa.Column("merged_into", types.Id(), nullable=True),
        sa.Column("custom", types.Json(), nullable=False),
    )


def _twin(length: int) -> sa.Column[Any]:
    collated = sa.String(length=length).with_variant(sa.String(length=length, collation="C"), "postgresql")
    return sa.Column("name_f", collated, nullable=False)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=True, sqlite_where=condition, postgresql_where=condition)


def _legal_entities() -> None:
    op.create_table(
        "core_legal_entity",
        *_record(),
        sa.Column("name", sa.String(length=120), nullable=False),
        _twin(120),
        sa.Column("street", sa.String(length=200), nullable=True),
        sa.Column("postcode", sa.String(length=20), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("tax_number", sa.String(length=40), nullable=True),
        sa.Column("vat_id", sa.String(length=20), nullable=True),
        sa.Column("logo_id", types.Id(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_legal_entity")),
    )
    op.create_index("ix_core_legal_entity_name_f_id", "core_legal_entity", ["name_f", "id"], unique=False)
    _owned("core_legal_entity")
    _partial("uq_core_legal_entity_default", "core_legal_entity", ["is_default"], "is_default and deleted_at is null")


def _series() -> None:
    op.create_table(
        "core_number_series",
        *_record(),
        sa.Column("name", sa.String(length=100), nullable=False),
        _twin(100),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("legal_entity_id", types.Id(), nullable=True),
        sa.Column("pattern", sa.String(length=60), nullable=False),
        sa.Column("reset", sa.String(length=10), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("gapless", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["legal_entity_id"], ["core_legal_entity.id"], name=op.f("fk_core_number_series_legal_entity_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_number_series")),
    )  # fmt: skip
    _owned("core_number_series")
    op.create_index(op.f("ix_core_number_series_legal_entity_id"), "core_number_series", ["legal_entity_id"])
    shared = "legal_entity_id is null and deleted_at is null"
    _partial("uq_core_number_series_shared", "core_number_series", ["kind"], shared)
    own = "legal_entity_id is not null and deleted_at is null"
    _partial("uq_core_number_series_own", "core_number_series", ["kind", "legal_entity_id"], own)
    op.create_table(
        "core_number_counter",
        sa.Column("series_id", types.Id(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "year", name=op.f("pk_core_number_counter")),
    )


def _owned(table: str) -> None:
    for name in ("owner_id", "team_id"):
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name], unique=False)


def downgrade() -> None:
    for table in ("core_number_counter", "core_number_series", "core_legal_entity"):
        op.drop_table(table)
    for table, name in reversed(AMOUNTS):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(f"{name}_rate_on")
            batch.drop_column(f"{name}_rate")
