"""An index that finds dead jobs: few among many, and looked for by people, `crm doctor` and metrics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None

DEAD = sa.text("state = 'dead'")


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_core_job_dead", "core_job", ["id"], sqlite_where=DEAD, postgresql_where=DEAD)


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_core_job_dead", table_name="core_job", sqlite_where=DEAD, postgresql_where=DEAD)
