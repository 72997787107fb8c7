"""Receipts of erasures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0015"
down_revision = "core_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "core_erasure",
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("by_id", types.Id(), nullable=True),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("counts", types.Json(), nullable=False),
        sa.Column("kept", types.Json(), nullable=False),
        sa.Column("ended_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_erasure")),
    )
    op.create_index("ix_core_erasure_record", "core_erasure", ["entity", "record_id"])


def downgrade() -> None:
    op.drop_table("core_erasure")
