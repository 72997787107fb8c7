"""Custom fields and their index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0008"
down_revision = "core_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _definitions()
    _options()
    _values()


def _folded(name: str, *, nullable: bool) -> sa.Column[str]:
    kind = sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql")
    return sa.Column(name, kind, nullable=nullable)


def _definitions() -> None:
    op.create_table(
        "core_field",
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        _folded("label_f", nullable=False),
        sa.Column("label_de", sa.String(length=100), nullable=True),
        sa.Column("help", sa.String(length=500), nullable=True),
        sa.Column("group_name", sa.String(length=60), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=True),
        sa.Column("length", sa.Integer(), nullable=True),
        sa.Column("digits", sa.Integer(), nullable=True),
        sa.Column("minimum", types.Amount(), nullable=True),
        sa.Column("maximum", types.Amount(), nullable=True),
        sa.Column("default_value", sa.String(length=255), nullable=True),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column("is_unique", sa.Boolean(), nullable=False),
        sa.Column("is_searched", sa.Boolean(), nullable=False),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.Column("is_personal", sa.Boolean(), nullable=False),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_field")),
    )
    op.create_index("ix_core_field_owner_id", "core_field", ["owner_id"], unique=False)
    op.create_index("ix_core_field_team_id", "core_field", ["team_id"], unique=False)
    _partial("uq_core_field_entity_name", "core_field", ["entity", "name"], "deleted_at is null", unique=True)


def _options() -> None:
    op.create_table(
        "core_field_option",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("field_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(length=60), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("label_de", sa.String(length=100), nullable=True),
        sa.Column("colour", sa.String(length=20), nullable=False),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["field_id"], ["core_field.id"], name=op.f("fk_core_field_option_field_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_field_option")),
    )
    op.create_index("ix_core_field_option_field_id", "core_field_option", ["field_id"], unique=False)


def _values() -> None:
    op.create_table(
        "core_field_value",
        sa.Column("field_id", types.Id(), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        _folded("folded", nullable=True),
        sa.Column("number", types.Amount(), nullable=True),
        sa.Column("moment", types.UTCDateTime(), nullable=True),
        sa.Column("ref", types.Id(), nullable=True),
        _folded("taken", nullable=True),
        sa.PrimaryKeyConstraint("field_id", "record_id", "place", name=op.f("pk_core_field_value")),
        sqlite_with_rowid=False,
    )
    for column in ("folded", "number", "moment", "ref"):
        name, columns = f"ix_core_field_value_{column}", ["field_id", column, "record_id"]
        _partial(name, "core_field_value", columns, f"{column} is not null")
    _partial("uq_core_field_value_taken", "core_field_value", ["field_id", "taken"], "taken is not null", unique=True)


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    kept = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=kept, postgresql_where=kept)


def downgrade() -> None:
    op.drop_table("core_field_value")
    op.drop_table("core_field_option")
    op.drop_table("core_field")
