"""Filters of single members of a pool, and files that come with web forms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0017"
down_revision = "core_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("core_pool_member") as batch:
        batch.add_column(sa.Column("where", sa.Text(), server_default="", nullable=False))
    with op.batch_alter_table("core_pool_member") as batch:
        batch.alter_column("where", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("core_pool_member") as batch:
        batch.drop_column("where")
