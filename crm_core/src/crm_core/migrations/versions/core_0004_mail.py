"""Outbound mail: ledger, attachments, suppressed addresses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0004"
down_revision = "core_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "core_mail",
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column(
            "recipient_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("reply_to", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=500), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("secret_body", sa.Text(), nullable=True),
        sa.Column("headers", types.Json(), nullable=False),
        sa.Column("about", types.Json(), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("transport", sa.String(length=64), nullable=False),
        sa.Column("claim", types.Id(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("notice", sa.String(length=255), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("user_id", types.Id(), nullable=True),
        sa.Column("due_at", types.UTCDateTime(), nullable=True),
        sa.Column("ended_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_mail")),
        sa.UniqueConstraint("message_id", name=op.f("uq_core_mail_message_id")),
    )
    with op.batch_alter_table("core_mail", schema=None) as batch_op:
        batch_op.create_index("ix_core_mail_created_at", ["created_at"], unique=False)
        batch_op.create_index("ix_core_mail_recipient_f_id", ["recipient_f", "id"], unique=False)
        batch_op.create_index("ix_core_mail_state_id", ["state", "id"], unique=False)

    op.create_table(
        "core_suppression",
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column(
            "address_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("mail_id", types.Id(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("updated_at", types.UTCDateTime(), nullable=False),
        sa.Column("owner_id", types.Id(), nullable=True),
        sa.Column("team_id", types.Id(), nullable=True),
        sa.Column("deleted_at", types.UTCDateTime(), nullable=True),
        sa.Column("deleted_by", types.Id(), nullable=True),
        sa.Column("merged_into", types.Id(), nullable=True),
        sa.Column("custom", types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_suppression")),
    )
    with op.batch_alter_table("core_suppression", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_suppression_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_suppression_team_id"), ["team_id"], unique=False)
        batch_op.create_index(
            "uq_core_suppression_address_f_reason",
            ["address_f", "reason"],
            unique=True,
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )

    op.create_table(
        "core_mail_file",
        sa.Column("mail_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=127), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["core_mail.id"], name=op.f("fk_core_mail_file_mail_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_mail_file")),
    )
    with op.batch_alter_table("core_mail_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_mail_file_mail_id"), ["mail_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_mail_file_sha256"), ["sha256"], unique=False)

    op.create_table(
        "core_mail_server",
        sa.Column("transport", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("security", sa.String(length=16), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("sender_address", sa.String(length=254), nullable=False),
        sa.Column("sender_name", sa.String(length=100), nullable=False),
        sa.Column("updated_at", types.UTCDateTime(), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_mail_server")),
    )


def downgrade() -> None:
    op.drop_table("core_mail_server")
    with op.batch_alter_table("core_mail_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_mail_file_sha256"))
        batch_op.drop_index(batch_op.f("ix_core_mail_file_mail_id"))

    op.drop_table("core_mail_file")
    with op.batch_alter_table("core_suppression", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_suppression_address_f_reason",
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )
        batch_op.drop_index(batch_op.f("ix_core_suppression_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_suppression_owner_id"))

    op.drop_table("core_suppression")
    with op.batch_alter_table("core_mail", schema=None) as batch_op:
        batch_op.drop_index("ix_core_mail_state_id")
        batch_op.drop_index("ix_core_mail_recipient_f_id")
        batch_op.drop_index("ix_core_mail_created_at")

    op.drop_table("core_mail")
