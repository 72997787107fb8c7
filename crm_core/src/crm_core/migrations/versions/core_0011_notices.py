"""Notifications, followers, favourites, saved views, reminders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0011"
down_revision = "core_0010"
branch_labels = None
depends_on = None
TABLES = ("core_notification", "core_reminder", "core_follow", "core_favourite", "core_view")


def upgrade() -> None:
    _notifications()
    _reminders()
    _follows()
    _favourites()
    _views()
    op.add_column("core_comment", sa.Column("summary", sa.String(length=255), nullable=True))
    op.execute("update core_comment set summary = substr(body, 1, 255)")


def _notifications() -> None:
    op.create_table(
        "core_notification",
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("event", sa.String(length=255), nullable=False),
        sa.Column("cause", types.Id(), nullable=False),
        sa.Column("kind", sa.String(length=128), nullable=False),
        sa.Column("strength", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=True),
        sa.Column("record_id", types.Id(), nullable=True),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("message", types.Json(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by_id", types.Id(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("delivered_at", types.UTCDateTime(), nullable=True),
        sa.Column("read_at", types.UTCDateTime(), nullable=True),
        sa.Column("mailed_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_notification_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_notification")),
        sa.UniqueConstraint("user_id", "event", name=op.f("uq_core_notification_user_id_event")),
    )
    op.create_index("ix_core_notification_about", "core_notification", ["entity", "record_id"], unique=False)
    op.create_index(
        "ix_core_notification_digest",
        "core_notification",
        ["user_id", "delivered_at"],
        unique=False,
        sqlite_where=sa.text("channel = 'digest' and mailed_at is null"),
        postgresql_where=sa.text("channel = 'digest' and mailed_at is null"),
    )
    op.create_index(
        "ix_core_notification_open",
        "core_notification",
        ["cause"],
        unique=False,
        sqlite_where=sa.text("delivered_at is null"),
        postgresql_where=sa.text("delivered_at is null"),
    )
    op.create_index(
        "ix_core_notification_unread",
        "core_notification",
        ["user_id"],
        unique=False,
        sqlite_where=sa.text("read_at is null"),
        postgresql_where=sa.text("read_at is null"),
    )
    op.create_index("ix_core_notification_user_id_id", "core_notification", ["user_id", "id"], unique=False)


def _reminders() -> None:
    op.create_table(
        "core_reminder",
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("at", types.UTCDateTime(), nullable=False),
        sa.Column("due_at", types.UTCDateTime(), nullable=True),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.Column("done_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_reminder_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_reminder")),
        sa.UniqueConstraint(
            "user_id",
            "entity",
            "record_id",
            "at",
            "source",
            name=op.f("uq_core_reminder_user_id_entity_record_id_at_source"),
        ),
    )
    op.create_index("ix_core_reminder_about", "core_reminder", ["entity", "record_id"], unique=False)
    op.create_index(
        "ix_core_reminder_waiting",
        "core_reminder",
        ["at"],
        unique=False,
        sqlite_where=sa.text("done_at is null"),
        postgresql_where=sa.text("done_at is null"),
    )


def _follows() -> None:
    op.create_table(
        "core_follow",
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("is_muted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_follow_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_follow")),
        sa.UniqueConstraint("entity", "record_id", "user_id", name=op.f("uq_core_follow_entity_record_id_user_id")),
    )
    op.create_index(op.f("ix_core_follow_user_id"), "core_follow", ["user_id"], unique=False)


def _favourites() -> None:
    op.create_table(
        "core_favourite",
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_favourite_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_favourite")),
        sa.UniqueConstraint("user_id", "entity", "record_id", name=op.f("uq_core_favourite_user_id_entity_record_id")),
    )


def _views() -> None:
    op.create_table(
        "core_view",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("owner_id", types.Id(), nullable=False),
        sa.Column("team_id", types.Id(), nullable=True),
        sa.Column("share", sa.String(length=8), nullable=False),
        sa.Column("state", types.Json(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", types.UTCDateTime(), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name=op.f("fk_core_view_owner_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name=op.f("fk_core_view_team_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_view")),
    )
    op.create_index("ix_core_view_entity", "core_view", ["entity", "share"], unique=False)
    op.create_index(op.f("ix_core_view_owner_id"), "core_view", ["owner_id"], unique=False)
    op.create_index(op.f("ix_core_view_team_id"), "core_view", ["team_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("core_comment") as batch:
        batch.drop_column("summary")
    for name in reversed(TABLES):
        op.drop_table(name)
