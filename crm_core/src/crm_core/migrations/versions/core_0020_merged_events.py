"""A merge knows which of the events that it brought onto the winner's timeline were there before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db.types import Json

revision = "core_0020"
down_revision = "core_0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("core_merge") as batch:
        batch.add_column(sa.Column("told_both", Json(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("core_merge") as batch:
        batch.drop_column("told_both")
