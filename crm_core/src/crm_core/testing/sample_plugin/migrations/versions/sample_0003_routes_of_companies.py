"""Route and rhythm of the visits at a company."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "sample_0003"
down_revision = "sample_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    twin = sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql")
    with op.batch_alter_table("sample_company") as batch_op:
        batch_op.add_column(sa.Column("sample_route", sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column("sample_route_f", twin, nullable=False, server_default=""))
        batch_op.add_column(sa.Column("sample_rhythm", sa.String(length=20), nullable=True))
    with op.batch_alter_table("sample_company") as batch_op:
        batch_op.alter_column("sample_route_f", existing_type=twin, existing_nullable=False, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("sample_company") as batch_op:
        batch_op.drop_column("sample_rhythm")
        batch_op.drop_column("sample_route_f")
        batch_op.drop_column("sample_route")
