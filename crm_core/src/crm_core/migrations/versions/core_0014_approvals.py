"""Approvals and web forms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0014"
down_revision = "core_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _approval()
    _approval_step()
    _approver()
    _web_form()
    _web_form_field()
    _web_form_submission()


def _approval() -> None:
    op.create_table(
        "core_approval",
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", types.Id(), nullable=True),
        sa.Column("in_order", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.Column("fields", types.Json(), nullable=False),
        sa.Column("payload_hash", sa.String(length=64), nullable=False),
        sa.Column("stale_at", types.UTCDateTime(), nullable=True),
        sa.Column("expires_at", types.UTCDateTime(), nullable=True),
        sa.Column("closed_at", types.UTCDateTime(), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["core_user.id"], name=op.f("fk_core_approval_requested_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_approval")),
    )
    op.create_index("ix_core_approval_record", "core_approval", ["entity", "record_id", "purpose"], unique=False)
    op.create_index(op.f("ix_core_approval_requested_by"), "core_approval", ["requested_by"], unique=False)
    op.create_index("ix_core_approval_state_expires_at", "core_approval", ["state", "expires_at"], unique=False)
    op.create_index(
        "uq_core_approval_waiting",
        "core_approval",
        ["entity", "record_id", "purpose"],
        unique=True,
        sqlite_where=sa.text("state = 'waiting' and purpose <> ''"),
        postgresql_where=sa.text("state = 'waiting' and purpose <> ''"),
    )


def _approval_step() -> None:
    op.create_table(
        "core_approval_step",
        sa.Column("approval_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("asks", types.Json(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["core_approval.id"], name=op.f("fk_core_approval_step_approval_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_approval_step")),
    )
    op.create_index(op.f("ix_core_approval_step_approval_id"), "core_approval_step", ["approval_id"], unique=False)


def _approver() -> None:
    op.create_table(
        "core_approver",
        sa.Column("approval_id", types.Id(), nullable=False),
        sa.Column("step_id", types.Id(), nullable=False),
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("via", sa.String(length=16), nullable=False),
        sa.Column("deputy_id", types.Id(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("skipped", sa.String(length=32), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("decided_by", types.Id(), nullable=True),
        sa.Column("decided_at", types.UTCDateTime(), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["core_approval.id"], name=op.f("fk_core_approver_approval_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["core_user.id"], name=op.f("fk_core_approver_decided_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["deputy_id"], ["core_user.id"], name=op.f("fk_core_approver_deputy_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["step_id"], ["core_approval_step.id"], name=op.f("fk_core_approver_step_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_approver_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_approver")),
        sa.UniqueConstraint("step_id", "user_id", name=op.f("uq_core_approver_step_id_user_id")),
    )
    op.create_index(op.f("ix_core_approver_approval_id"), "core_approver", ["approval_id"], unique=False)
    op.create_index("ix_core_approver_deputy_id_state", "core_approver", ["deputy_id", "state"], unique=False)
    op.create_index("ix_core_approver_user_id_state", "core_approver", ["user_id", "state"], unique=False)


def _web_form() -> None:
    op.create_table(
        "core_web_form",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=True),
        sa.Column("intro", sa.Text(), nullable=True),
        sa.Column("button", sa.String(length=60), nullable=True),
        sa.Column("consent", sa.Text(), nullable=True),
        sa.Column("assign_to_id", types.Id(), nullable=True),
        sa.Column("pool_id", types.Id(), nullable=True),
        sa.Column("allowed_hosts", sa.Text(), nullable=True),
        sa.Column("thanks", sa.Text(), nullable=True),
        sa.Column("thanks_url", sa.String(length=2000), nullable=True),
        sa.Column("is_double_opt_in", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
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
            ["assign_to_id"], ["core_user.id"], name=op.f("fk_core_web_form_assign_to_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_web_form")),
        sa.UniqueConstraint("token", name=op.f("uq_core_web_form_token")),
    )
    op.create_index(op.f("ix_core_web_form_owner_id"), "core_web_form", ["owner_id"], unique=False)
    op.create_index(op.f("ix_core_web_form_team_id"), "core_web_form", ["team_id"], unique=False)


def _web_form_field() -> None:
    op.create_table(
        "core_web_form_field",
        sa.Column("form_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=True),
        sa.Column("help", sa.String(length=500), nullable=True),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column("is_hidden", sa.Boolean(), nullable=False),
        sa.Column("value", sa.String(length=1000), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["form_id"], ["core_web_form.id"], name=op.f("fk_core_web_form_field_form_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_web_form_field")),
        sa.UniqueConstraint("form_id", "field", name=op.f("uq_core_web_form_field_form_id_field")),
    )


def _web_form_submission() -> None:
    op.create_table(
        "core_web_form_submission",
        sa.Column("form_id", types.Id(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column(
            "subject_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column(
            "email_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("answers", sa.Text(), nullable=True),
        sa.Column("consent", sa.Text(), nullable=True),
        sa.Column("page_url", sa.String(length=2000), nullable=True),
        sa.Column("utm_source", sa.String(length=255), nullable=True),
        sa.Column("utm_medium", sa.String(length=255), nullable=True),
        sa.Column("utm_campaign", sa.String(length=255), nullable=True),
        sa.Column("utm_term", sa.String(length=255), nullable=True),
        sa.Column("utm_content", sa.String(length=255), nullable=True),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("record_entity", sa.String(length=64), nullable=True),
        sa.Column("record_id", types.Id(), nullable=True),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.Column("expires_at", types.UTCDateTime(), nullable=True),
        sa.Column("confirmed_at", types.UTCDateTime(), nullable=True),
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
            ["form_id"], ["core_web_form.id"], name=op.f("fk_core_web_form_submission_form_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_web_form_submission")),
    )
    op.create_index(op.f("ix_core_web_form_submission_form_id"), "core_web_form_submission", ["form_id"], unique=False)
    op.create_index(
        "ix_core_web_form_submission_form_id_email_f", "core_web_form_submission", ["form_id", "email_f"], unique=False
    )
    op.create_index(op.f("ix_core_web_form_submission_key"), "core_web_form_submission", ["key"], unique=False)
    op.create_index(
        op.f("ix_core_web_form_submission_owner_id"), "core_web_form_submission", ["owner_id"], unique=False
    )
    op.create_index(
        "ix_core_web_form_submission_record", "core_web_form_submission", ["record_entity", "record_id"], unique=False
    )
    op.create_index(
        "ix_core_web_form_submission_state_expires_at",
        "core_web_form_submission",
        ["state", "expires_at"],
        unique=False,
    )
    op.create_index(op.f("ix_core_web_form_submission_team_id"), "core_web_form_submission", ["team_id"], unique=False)


def downgrade() -> None:
    op.drop_table("core_web_form_submission")
    op.drop_table("core_web_form_field")
    op.drop_table("core_web_form")
    op.drop_table("core_approver")
    op.drop_table("core_approval_step")
    op.drop_table("core_approval")
