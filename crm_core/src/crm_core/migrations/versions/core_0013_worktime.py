"""Working time, absences, assignment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0013"
down_revision = "core_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _work_calendar()
    _absence()
    _pool()
    _work_day()
    _work_feed_day()
    _work_use()
    _assignment()
    _pool_member()
    _pool_member_turn()
    _pool_turn()


def _work_calendar() -> None:
    op.create_table(
        "core_work_calendar",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("monday", sa.String(length=255), nullable=False),
        sa.Column("tuesday", sa.String(length=255), nullable=False),
        sa.Column("wednesday", sa.String(length=255), nullable=False),
        sa.Column("thursday", sa.String(length=255), nullable=False),
        sa.Column("friday", sa.String(length=255), nullable=False),
        sa.Column("saturday", sa.String(length=255), nullable=False),
        sa.Column("sunday", sa.String(length=255), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("subdivision", sa.String(length=16), nullable=False),
        sa.Column("feed_url", sa.String(length=2000), nullable=True),
        sa.Column("feed_at", types.UTCDateTime(), nullable=True),
        sa.Column("feed_problem", sa.String(length=255), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_work_calendar")),
    )
    with op.batch_alter_table("core_work_calendar", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_work_calendar_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_work_calendar_team_id"), ["team_id"], unique=False)
        batch_op.create_index(
            "uq_core_work_calendar_default",
            ["is_default"],
            unique=True,
            sqlite_where=sa.text("is_default and deleted_at is null"),
            postgresql_where=sa.text("is_default and deleted_at is null"),
        )


def _absence() -> None:
    op.create_table(
        "core_absence",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("starts_at", types.UTCDateTime(), nullable=False),
        sa.Column("ends_at", types.UTCDateTime(), nullable=False),
        sa.Column("deputy_id", types.Id(), nullable=True),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.Column(
            "note_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
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
        sa.ForeignKeyConstraint(
            ["deputy_id"], ["core_user.id"], name=op.f("fk_core_absence_deputy_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_absence")),
    )
    with op.batch_alter_table("core_absence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_absence_deputy_id"), ["deputy_id"], unique=False)
        batch_op.create_index("ix_core_absence_ends_at_starts_at", ["ends_at", "starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_absence_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_absence_team_id"), ["team_id"], unique=False)


def _pool() -> None:
    op.create_table(
        "core_pool",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("strategy", sa.String(length=16), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("where", sa.Text(), nullable=False),
        sa.Column("counted_entity", sa.String(length=64), nullable=False),
        sa.Column("counted_where", sa.Text(), nullable=False),
        sa.Column("skills", sa.String(length=500), nullable=False),
        sa.Column("in_hours", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("fallback_user_id", types.Id(), nullable=True),
        sa.Column("fallback_pool_id", types.Id(), nullable=True),
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
        sa.ForeignKeyConstraint(
            ["fallback_pool_id"], ["core_pool.id"], name=op.f("fk_core_pool_fallback_pool_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["fallback_user_id"], ["core_user.id"], name=op.f("fk_core_pool_fallback_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_pool")),
    )
    with op.batch_alter_table("core_pool", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_pool_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_pool_team_id"), ["team_id"], unique=False)


def _work_day() -> None:
    op.create_table(
        "core_work_day",
        sa.Column("calendar_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hours", sa.String(length=255), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["core_work_calendar.id"], name=op.f("fk_core_work_day_calendar_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_work_day")),
        sa.UniqueConstraint("calendar_id", "day", name=op.f("uq_core_work_day_calendar_id_day")),
    )


def _work_feed_day() -> None:
    op.create_table(
        "core_work_feed_day",
        sa.Column("calendar_id", types.Id(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["core_work_calendar.id"],
            name=op.f("fk_core_work_feed_day_calendar_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("calendar_id", "day", name=op.f("pk_core_work_feed_day")),
    )


def _work_use() -> None:
    op.create_table(
        "core_work_use",
        sa.Column("calendar_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("user_id", types.Id(), nullable=True),
        sa.Column("team_id", types.Id(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["core_work_calendar.id"], name=op.f("fk_core_work_use_calendar_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["core_team.id"], name=op.f("fk_core_work_use_team_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_work_use_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_work_use")),
        sa.UniqueConstraint("team_id", name=op.f("uq_core_work_use_team_id")),
        sa.UniqueConstraint("user_id", name=op.f("uq_core_work_use_user_id")),
    )
    with op.batch_alter_table("core_work_use", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_work_use_calendar_id"), ["calendar_id"], unique=False)


def _assignment() -> None:
    op.create_table(
        "core_assignment",
        sa.Column("pool_id", types.Id(), nullable=True),
        sa.Column("pool_name", sa.String(length=100), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("user_id", types.Id(), nullable=True),
        sa.Column("strategy", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("candidates", types.Json(), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pool_id"], ["core_pool.id"], name=op.f("fk_core_assignment_pool_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_assignment_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_assignment")),
    )
    with op.batch_alter_table("core_assignment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_assignment_pool_id"), ["pool_id"], unique=False)
        batch_op.create_index("ix_core_assignment_record", ["entity", "record_id", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_assignment_user_id"), ["user_id"], unique=False)


def _pool_member() -> None:
    op.create_table(
        "core_pool_member",
        sa.Column("pool_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("skills", sa.String(length=500), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pool_id"], ["core_pool.id"], name=op.f("fk_core_pool_member_pool_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_pool_member_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_pool_member")),
        sa.UniqueConstraint("pool_id", "user_id", name=op.f("uq_core_pool_member_pool_id_user_id")),
    )
    with op.batch_alter_table("core_pool_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_pool_member_user_id"), ["user_id"], unique=False)


def _pool_member_turn() -> None:
    op.create_table(
        "core_pool_member_turn",
        sa.Column("pool_id", types.Id(), nullable=False),
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pool_id"], ["core_pool.id"], name=op.f("fk_core_pool_member_turn_pool_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_pool_member_turn_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pool_id", "user_id", name=op.f("pk_core_pool_member_turn")),
    )


def _pool_turn() -> None:
    op.create_table(
        "core_pool_turn",
        sa.Column("pool_id", types.Id(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pool_id"], ["core_pool.id"], name=op.f("fk_core_pool_turn_pool_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pool_id", name=op.f("pk_core_pool_turn")),
    )


def downgrade() -> None:
    op.drop_table("core_pool_turn")
    op.drop_table("core_pool_member_turn")
    op.drop_table("core_pool_member")
    op.drop_table("core_assignment")
    op.drop_table("core_work_use")
    op.drop_table("core_work_feed_day")
    op.drop_table("core_work_day")
    op.drop_table("core_pool")
    op.drop_table("core_absence")
    op.drop_table("core_work_calendar")
