"""An answer kept under an Idempotency-Key knows the cause of what its request changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db.types import Id

revision = "core_0018"
down_revision = "core_0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("core_idempotency") as batch:
        batch.add_column(sa.Column("cause", Id(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("core_idempotency") as batch:
        batch.drop_column("cause")
