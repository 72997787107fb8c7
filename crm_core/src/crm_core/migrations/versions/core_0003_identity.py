"""Second factor, recovery codes and invitations; roles that demand a second factor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0003"
down_revision = "core_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("core_role") as batch_op:
        batch_op.add_column(sa.Column("second_factor", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "core_second_factor",
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("secret", sa.String(length=255), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("confirmed_at", types.UTCDateTime(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_second_factor_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_core_second_factor")),
    )
    op.create_table(
        "core_recovery_code",
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("used_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_recovery_code_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_recovery_code")),
        sa.UniqueConstraint("hash", name=op.f("uq_core_recovery_code_hash")),
    )
    op.create_index(op.f("ix_core_recovery_code_user_id"), "core_recovery_code", ["user_id"])
    invitations()


def invitations() -> None:
    op.create_table(
        "core_invitation",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column(
            "email_f",
            sa.String(length=254).with_variant(sa.String(length=254, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("role_ids", types.Json(), nullable=False),
        sa.Column("team_id", types.Id(), nullable=True),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("invited_by", types.Id(), nullable=True),
        sa.Column("expires_at", types.UTCDateTime(), nullable=False),
        sa.Column("mailed_at", types.UTCDateTime(), nullable=True),
        sa.Column("accepted_at", types.UTCDateTime(), nullable=True),
        sa.Column("user_id", types.Id(), nullable=True),
        sa.Column("revoked_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["core_team.id"], name=op.f("fk_core_invitation_team_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["core_user.id"], name=op.f("fk_core_invitation_invited_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_invitation_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_invitation")),
    )
    op.create_index(op.f("ix_core_invitation_expires_at"), "core_invitation", ["expires_at"])
    op.create_index(op.f("ix_core_invitation_email_f"), "core_invitation", ["email_f"])


def downgrade() -> None:
    op.drop_table("core_invitation")
    op.drop_table("core_recovery_code")
    op.drop_table("core_second_factor")
    with op.batch_alter_table("core_role") as batch_op:
        batch_op.drop_column("second_factor")
