"""Visits have a number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "sample_0004"
down_revision = "sample_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    twin = sa.String(length=80).with_variant(sa.String(length=80, collation="C"), "postgresql")
    with op.batch_alter_table("sample_visit") as batch_op:
        batch_op.add_column(sa.Column("number", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("number_f", twin, nullable=False, server_default=""))
    with op.batch_alter_table("sample_visit") as batch_op:
        batch_op.alter_column("number_f", existing_type=twin, existing_nullable=False, server_default=None)
        batch_op.create_index("ix_sample_visit_number_f_id", ["number_f", "id"])


def downgrade() -> None:
    with op.batch_alter_table("sample_visit") as batch_op:
        batch_op.drop_index("ix_sample_visit_number_f_id")
        batch_op.drop_column("number_f")
        batch_op.drop_column("number")
