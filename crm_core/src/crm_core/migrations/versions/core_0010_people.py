"""People by address, duplicates, merges, conversions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0010"
down_revision = "core_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "core_match_key",
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column(
            "folded",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("entity", "record_id", "kind", "folded", name=op.f("pk_core_match_key")),
    )
    op.create_index("ix_core_match_key_folded_entity", "core_match_key", ["folded", "entity"], unique=False)
    _merges()
    _duplicates()
    with op.batch_alter_table("core_lead") as batch:
        batch.add_column(sa.Column("deal_id", types.Id(), nullable=True))
        batch.add_column(sa.Column("converted_at", types.UTCDateTime(), nullable=True))
        batch.create_foreign_key(op.f("fk_core_lead_deal_id"), "core_deal", ["deal_id"], ["id"], ondelete="SET NULL")
        batch.create_index(op.f("ix_core_lead_deal_id"), ["deal_id"], unique=False)


def _merges() -> None:
    op.create_table(
        "core_merge",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("cause", types.Id(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("winner_id", types.Id(), nullable=False),
        sa.Column("losers", types.Json(), nullable=False),
        sa.Column("before", types.Json(), nullable=False),
        sa.Column("after", types.Json(), nullable=False),
        sa.Column("by_id", types.Id(), nullable=True),
        sa.Column("undone_at", types.UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_merge")),
    )
    op.create_index(op.f("ix_core_merge_cause"), "core_merge", ["cause"], unique=False)
    op.create_index("ix_core_merge_entity_winner_id", "core_merge", ["entity", "winner_id"], unique=False)
    op.create_table(
        "core_move",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("merge_id", types.Id(), nullable=False),
        sa.Column("table_name", sa.String(length=64), nullable=False),
        sa.Column("key", types.Json(), nullable=False),
        sa.Column("before", types.Json(), nullable=False),
        sa.Column("after", types.Json(), nullable=False),
        sa.Column("taken", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merge_id"], ["core_merge.id"], name=op.f("fk_core_move_merge_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_move")),
    )
    op.create_index(op.f("ix_core_move_merge_id"), "core_move", ["merge_id"], unique=False)


def _duplicates() -> None:
    for name in ("core_duplicate", "core_not_duplicate"):
        own = (
            (sa.Column("score", sa.Integer(), nullable=False), sa.Column("reasons", types.Json(), nullable=False))
            if name == "core_duplicate"
            else (sa.Column("by_id", types.Id(), nullable=True),)
        )
        op.create_table(
            name,
            sa.Column("id", types.Id(), nullable=False),
            sa.Column("created_at", types.UTCDateTime(), nullable=False),
            sa.Column("entity", sa.String(length=64), nullable=False),
            sa.Column("first_id", types.Id(), nullable=False),
            sa.Column("second_id", types.Id(), nullable=False),
            *own,
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
            sa.UniqueConstraint("entity", "first_id", "second_id", name=op.f(f"uq_{name}_entity_first_id_second_id")),
        )
    op.create_index("ix_core_duplicate_entity_score", "core_duplicate", ["entity", "score"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("core_lead") as batch:
        batch.drop_index(op.f("ix_core_lead_deal_id"))
        batch.drop_constraint(op.f("fk_core_lead_deal_id"), type_="foreignkey")
        batch.drop_column("converted_at")
        batch.drop_column("deal_id")
    for name in ("core_not_duplicate", "core_duplicate", "core_move", "core_merge", "core_match_key"):
        op.drop_table(name)
