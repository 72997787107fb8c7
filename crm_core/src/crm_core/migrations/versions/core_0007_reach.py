"""Webhooks, deliveries, event sinks, events taken in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0007"
down_revision = "core_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _sinks()
    _webhooks()
    _deliveries()


def _sinks() -> None:
    op.create_table(
        "core_sink",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("retry_at", types.UTCDateTime(), nullable=True),
        sa.Column("updated_at", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_sink")),
    )
    op.create_table(
        "core_inbound_event",
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("at", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "event_id", name=op.f("pk_core_inbound_event")),
    )
    op.create_index("ix_core_inbound_event_at", "core_inbound_event", ["at"], unique=False)


def _webhooks() -> None:
    op.create_table(
        "core_webhook",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("old_secret", sa.Text(), nullable=True),
        sa.Column("old_secret_until", types.UTCDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", types.UTCDateTime(), nullable=True),
        sa.Column("retry_at", types.UTCDateTime(), nullable=True),
        sa.Column("stopped", sa.String(length=255), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_webhook")),
    )
    op.create_index("ix_core_webhook_owner_id", "core_webhook", ["owner_id"], unique=False)
    op.create_index("ix_core_webhook_team_id", "core_webhook", ["team_id"], unique=False)


def _deliveries() -> None:
    op.create_table(
        "core_webhook_delivery",
        sa.Column("webhook_id", types.Id(), nullable=False),
        sa.Column("event_id", types.Id(), nullable=True),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=128), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=True),
        sa.Column("record_id", types.Id(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("tried_at", types.UTCDateTime(), nullable=True),
        sa.Column("due_at", types.UTCDateTime(), nullable=True),
        sa.Column("ended_at", types.UTCDateTime(), nullable=True),
        sa.Column("replay_of", types.Id(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["core_webhook.id"], name=op.f("fk_core_webhook_delivery_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_webhook_delivery")),
    )
    op.create_index("ix_core_webhook_delivery_created_at", "core_webhook_delivery", ["created_at"], unique=False)
    op.create_index("ix_core_webhook_delivery_webhook_id_id", "core_webhook_delivery", ["webhook_id", "id"])
    op.create_index(
        "uq_core_webhook_delivery_event",
        "core_webhook_delivery",
        ["webhook_id", "event_id"],
        unique=True,
        sqlite_where=sa.text("replay_of is null"),
        postgresql_where=sa.text("replay_of is null"),
    )


def downgrade() -> None:
    op.drop_table("core_webhook_delivery")
    op.drop_table("core_webhook")
    op.drop_table("core_inbound_event")
    op.drop_table("core_sink")
