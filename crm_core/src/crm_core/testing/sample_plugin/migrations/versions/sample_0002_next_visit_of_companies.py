"""The next visit of a company."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "sample_0002"
down_revision = "sample_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sample_company") as batch_op:
        batch_op.add_column(sa.Column("sample_next_visit_id", types.Id(), nullable=True))
        batch_op.create_index(batch_op.f("ix_sample_company_sample_next_visit_id"), ["sample_next_visit_id"])
        batch_op.create_foreign_key(
            op.f("fk_sample_company_sample_next_visit_id"), "sample_visit", ["sample_next_visit_id"], ["id"],
            ondelete="SET NULL",
        )  # fmt: skip


def downgrade() -> None:
    with op.batch_alter_table("sample_company") as batch_op:
        batch_op.drop_constraint(op.f("fk_sample_company_sample_next_visit_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_sample_company_sample_next_visit_id"))
        batch_op.drop_column("sample_next_visit_id")
