"""An index for a reader's own companies in the order of their names, as contacts have it."""

from __future__ import annotations

from alembic import op

revision = "core_0019"
down_revision = "core_0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_core_company_owner_id_name_f", "core_company", ["owner_id", "name_f", "id"])


def downgrade() -> None:
    op.drop_index("ix_core_company_owner_id_name_f", table_name="core_company")
