"""All tables of the kernel and the basic CRM, and the full-text index beside core_search."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0001"
down_revision = None
branch_labels = None
depends_on = None

SQLITE = (
    "create virtual table core_search_fts using fts5(title, body, content='core_search', content_rowid='id', prefix='2 3', detail='none')",
    "create trigger core_search_ai after insert on core_search begin insert into core_search_fts(rowid, title, body) values (new.id, new.title, new.body); end",
    "create trigger core_search_ad after delete on core_search begin insert into core_search_fts(core_search_fts, rowid, title, body) values ('delete', old.id, old.title, old.body); end",
    "create trigger core_search_au after update of title, body on core_search begin insert into core_search_fts(core_search_fts, rowid, title, body) values ('delete', old.id, old.title, old.body); insert into core_search_fts(rowid, title, body) values (new.id, new.title, new.body); end",
)
POSTGRESQL = (
    "alter table core_search add column words tsvector generated always as (array_to_tsvector(string_to_array(title, ' ') || string_to_array(body, ' '))) stored",
    "create index ix_core_search_words on core_search using gin (words) with (fastupdate = off)",
)


def upgrade() -> None:
    op.create_table(
        "core_activity",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column(
            "subject_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("location", sa.String(length=255), nullable=True),
        sa.Column("starts_at", types.UTCDateTime(), nullable=True),
        sa.Column("ends_at", types.UTCDateTime(), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("all_day", sa.Boolean(), nullable=False),
        sa.Column("due_at", types.UTCDateTime(), nullable=True),
        sa.Column("done_at", types.UTCDateTime(), nullable=True),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("visibility", sa.String(length=10), nullable=False),
        sa.Column("organiser_id", types.Id(), nullable=True),
        sa.Column("parent_entity", sa.String(length=64), nullable=True),
        sa.Column("parent_id", types.Id(), nullable=True),
        sa.Column("parent_owner_id", types.Id(), nullable=True),
        sa.Column("parent_team_id", types.Id(), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_activity")),
    )
    with op.batch_alter_table("core_activity", schema=None) as batch_op:
        batch_op.create_index("ix_core_activity_due_at_id", ["due_at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_activity_organiser_id"), ["organiser_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_activity_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index("ix_core_activity_owner_id_due_at", ["owner_id", "due_at"], unique=False)
        batch_op.create_index("ix_core_activity_parent", ["parent_entity", "parent_id", "due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_activity_parent_owner_id"), ["parent_owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_activity_parent_team_id"), ["parent_team_id"], unique=False)
        batch_op.create_index("ix_core_activity_starts_at", ["starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_activity_team_id"), ["team_id"], unique=False)

    op.create_table(
        "core_attempt",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("at", types.UTCDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("is_right", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_attempt")),
    )
    with op.batch_alter_table("core_attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_attempt_at"), ["at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_core_attempt_kind_core_attempt_address_core_attempt_at"),
            ["kind", "address", "at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_core_attempt_kind_core_attempt_key_core_attempt_at"), ["kind", "key", "at"], unique=False
        )

    op.create_table(
        "core_comment",
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("parent_entity", sa.String(length=64), nullable=False),
        sa.Column("parent_id", types.Id(), nullable=False),
        sa.Column("parent_owner_id", types.Id(), nullable=True),
        sa.Column("parent_team_id", types.Id(), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_comment")),
    )
    with op.batch_alter_table("core_comment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_comment_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index("ix_core_comment_parent", ["parent_entity", "parent_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_comment_parent_owner_id"), ["parent_owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_comment_parent_team_id"), ["parent_team_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_comment_team_id"), ["team_id"], unique=False)

    op.create_table(
        "core_company",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("domain", sa.String(length=255), nullable=True),
        sa.Column(
            "domain_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("parent_id", types.Id(), nullable=True),
        sa.Column("industry", sa.String(length=40), nullable=True),
        sa.Column("revenue", types.Amount(), nullable=True),
        sa.Column("revenue_currency", sa.String(length=3), nullable=True),
        sa.Column("revenue_base", types.Amount(), nullable=True),
        sa.Column("employees", sa.Integer(), nullable=True),
        sa.Column("founded", sa.Integer(), nullable=True),
        sa.Column("website", sa.String(length=2000), nullable=True),
        sa.Column("phone", sa.String(length=60), nullable=True),
        sa.Column("street", sa.String(length=255), nullable=True),
        sa.Column("postcode", sa.String(length=20), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column(
            "city_f",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("country", sa.String(length=100), nullable=True),
        sa.Column(
            "country_f",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("last_activity_at", types.UTCDateTime(), nullable=True),
        sa.Column("next_activity_at", types.UTCDateTime(), nullable=True),
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
            ["parent_id"], ["core_company.id"], name=op.f("fk_core_company_parent_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_company")),
    )
    with op.batch_alter_table("core_company", schema=None) as batch_op:
        batch_op.create_index("ix_core_company_domain_f", ["domain_f"], unique=False)
        batch_op.create_index("ix_core_company_name_f_id", ["name_f", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_company_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_company_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_company_team_id"), ["team_id"], unique=False)
        batch_op.create_index("ix_core_company_team_id_name_f", ["team_id", "name_f", "id"], unique=False)

    op.create_table(
        "core_currency",
        sa.Column("code", sa.String(length=3), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("symbol", sa.String(length=8), nullable=False),
        sa.Column("digits", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_core_currency")),
    )
    op.create_table(
        "core_epoch",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_epoch")),
    )
    op.create_table(
        "core_event",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("at", types.UTCDateTime(), nullable=False),
        sa.Column("type", sa.String(length=128), nullable=False),
        sa.Column("v", sa.SmallInteger(), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=True),
        sa.Column("record_id", types.Id(), nullable=True),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("cause", types.Id(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_event")),
    )
    with op.batch_alter_table("core_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_event_cause"), ["cause"], unique=False)
        batch_op.create_index("ix_core_event_record", ["entity", "record_id", "id"], unique=False)

    op.create_table(
        "core_event_text",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_core_event_text")),
    )
    op.create_table(
        "core_file",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("media_type", sa.String(length=127), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("parent_entity", sa.String(length=64), nullable=True),
        sa.Column("parent_id", types.Id(), nullable=True),
        sa.Column("parent_owner_id", types.Id(), nullable=True),
        sa.Column("parent_team_id", types.Id(), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_file")),
    )
    with op.batch_alter_table("core_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_file_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index("ix_core_file_parent", ["parent_entity", "parent_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_file_parent_owner_id"), ["parent_owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_file_parent_team_id"), ["parent_team_id"], unique=False)
        batch_op.create_index("ix_core_file_sha256", ["sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_file_team_id"), ["team_id"], unique=False)

    op.create_table(
        "core_idempotency",
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("route", sa.String(length=255), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("record_id", types.Id(), nullable=True),
        sa.Column("at", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_core_idempotency")),
    )
    with op.batch_alter_table("core_idempotency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_idempotency_at"), ["at"], unique=False)

    op.create_table(
        "core_job",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("kind", sa.String(length=128), nullable=False),
        sa.Column("queue", sa.String(length=32), nullable=False),
        sa.Column("args", types.Json(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("due_at", types.UTCDateTime(), nullable=False),
        sa.Column("run_at", types.UTCDateTime(), nullable=False),
        sa.Column("lease_until", types.UTCDateTime(), nullable=True),
        sa.Column("finished_at", types.UTCDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("token", types.Id(), nullable=True),
        sa.Column("key", sa.String(length=255), nullable=True),
        sa.Column("held_key", sa.String(length=255), nullable=True),
        sa.Column("lane", sa.String(length=255), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("user_id", types.Id(), nullable=True),
        sa.Column("cause", types.Id(), nullable=True),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.BigInteger(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=255), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("result", types.Json(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_job")),
    )
    with op.batch_alter_table("core_job", schema=None) as batch_op:
        batch_op.create_index(
            "ix_core_job_due",
            ["run_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index("ix_core_job_finished", ["finished_at"], unique=False)
        batch_op.create_index(
            "ix_core_job_lane",
            ["lane", "due_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'pending' and lane is not null"),
            postgresql_where=sa.text("state = 'pending' and lane is not null"),
        )
        batch_op.create_index(
            "ix_core_job_lease",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("state = 'running'"),
            postgresql_where=sa.text("state = 'running'"),
        )
        batch_op.create_index(
            "uq_core_job_held_key",
            ["held_key"],
            unique=True,
            sqlite_where=sa.text("held_key is not null"),
            postgresql_where=sa.text("held_key is not null"),
        )
        batch_op.create_index(
            "uq_core_job_lane_running",
            ["lane"],
            unique=True,
            sqlite_where=sa.text("state = 'running' and lane is not null"),
            postgresql_where=sa.text("state = 'running' and lane is not null"),
        )

    op.create_table(
        "core_lease",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", types.Id(), nullable=False),
        sa.Column("until", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_lease")),
    )
    op.create_table(
        "core_pipeline",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_pipeline")),
    )
    with op.batch_alter_table("core_pipeline", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_pipeline_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_pipeline_team_id"), ["team_id"], unique=False)

    op.create_table(
        "core_plugin",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("package", sa.String(length=128), nullable=False),
        sa.Column("table_prefix", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("updated_at", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_plugin")),
    )
    op.create_table(
        "core_public_link",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("ref_entity", sa.String(length=64), nullable=True),
        sa.Column("ref_id", types.Id(), nullable=True),
        sa.Column("data", types.Json(), nullable=False),
        sa.Column("expires_at", types.UTCDateTime(), nullable=True),
        sa.Column("max_uses", sa.Integer(), nullable=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("revoked_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_public_link")),
        sa.UniqueConstraint("hash", name=op.f("uq_core_public_link_hash")),
    )
    with op.batch_alter_table("core_public_link", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_core_public_link_ref_entity_core_public_link_ref_id"), ["ref_entity", "ref_id"], unique=False
        )

    op.create_table(
        "core_role",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("everything", sa.Boolean(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_role")),
        sa.UniqueConstraint("key", name=op.f("uq_core_role_key")),
    )
    with op.batch_alter_table("core_role", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_role_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_role_team_id"), ["team_id"], unique=False)
        batch_op.create_index(
            "uq_core_role_name",
            ["name_f"],
            unique=True,
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )

    op.create_table(
        "core_role_known",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_role_known")),
    )
    op.create_table(
        "core_schedule",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=128), nullable=False),
        sa.Column("args", types.Json(), nullable=False),
        sa.Column("cron", sa.String(length=128), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("next_at", types.UTCDateTime(), nullable=False),
        sa.Column("last_at", types.UTCDateTime(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("declared", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_core_schedule")),
    )
    with op.batch_alter_table("core_schedule", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_schedule_next_at"), ["next_at"], unique=False)

    op.create_table(
        "core_search",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("owner_id", types.Id(), nullable=True),
        sa.Column("team_id", types.Id(), nullable=True),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("title_text", sa.String(length=255), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_search")),
        sa.UniqueConstraint("entity", "record_id", name=op.f("uq_core_search_entity_record_id")),
        info={"by_hand": ("words", "ix_core_search_words")},
        sqlite_autoincrement=True,
    )
    op.create_table(
        "core_setting",
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("value", types.Json(), nullable=False),
        sa.Column("updated_at", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "user_id", "name", name=op.f("pk_core_setting")),
    )
    op.create_table(
        "core_stage_history",
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("pipeline_id", types.Id(), nullable=True),
        sa.Column("from_id", types.Id(), nullable=True),
        sa.Column("to_id", types.Id(), nullable=False),
        sa.Column("at", types.UTCDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_stage_history")),
    )
    with op.batch_alter_table("core_stage_history", schema=None) as batch_op:
        batch_op.create_index("ix_core_stage_history_record", ["entity", "record_id", "at"], unique=False)

    op.create_table(
        "core_tag",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("colour", sa.String(length=20), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_tag")),
    )
    with op.batch_alter_table("core_tag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_tag_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_tag_team_id"), ["team_id"], unique=False)
        batch_op.create_index(
            "uq_core_tag_name_f",
            ["name_f"],
            unique=True,
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )

    op.create_table(
        "core_team",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("parent_id", types.Id(), nullable=True),
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
            ["parent_id"], ["core_team.id"], name=op.f("fk_core_team_parent_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_team")),
    )
    with op.batch_alter_table("core_team", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_team_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_team_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_team_team_id"), ["team_id"], unique=False)
        batch_op.create_index(
            "uq_core_team_name",
            ["name_f"],
            unique=True,
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )

    op.create_table(
        "core_user",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column(
            "email_f",
            sa.String(length=254).with_variant(sa.String(length=254, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("job_title", sa.String(length=255), nullable=False),
        sa.Column("phone", sa.String(length=64), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_user")),
    )
    with op.batch_alter_table("core_user", schema=None) as batch_op:
        batch_op.create_index("ix_core_user_name_f", ["name_f", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_user_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_user_team_id"), ["team_id"], unique=False)
        batch_op.create_index(
            "uq_core_user_email",
            ["email_f"],
            unique=True,
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )

    op.create_table(
        "core_activity_link",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("activity_id", types.Id(), nullable=False),
        sa.Column("record_entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["activity_id"], ["core_activity.id"], name=op.f("fk_core_activity_link_activity_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_activity_link")),
    )
    with op.batch_alter_table("core_activity_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_activity_link_activity_id"), ["activity_id"], unique=False)
        batch_op.create_index("ix_core_activity_link_record", ["record_entity", "record_id"], unique=False)

    op.create_table(
        "core_contact",
        sa.Column("first_name", sa.String(length=100), nullable=True),
        sa.Column(
            "first_name_f",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("last_name", sa.String(length=100), nullable=False),
        sa.Column(
            "last_name_f",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("company_id", types.Id(), nullable=True),
        sa.Column("job_title", sa.String(length=150), nullable=True),
        sa.Column(
            "job_title_f",
            sa.String(length=150).with_variant(sa.String(length=150, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("department", sa.String(length=100), nullable=True),
        sa.Column("language", sa.String(length=10), nullable=True),
        sa.Column("street", sa.String(length=255), nullable=True),
        sa.Column("postcode", sa.String(length=20), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("country", sa.String(length=100), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("last_activity_at", types.UTCDateTime(), nullable=True),
        sa.Column("next_activity_at", types.UTCDateTime(), nullable=True),
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
            ["company_id"], ["core_company.id"], name=op.f("fk_core_contact_company_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_contact")),
    )
    with op.batch_alter_table("core_contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_contact_company_id"), ["company_id"], unique=False)
        batch_op.create_index("ix_core_contact_name_f_id", ["name_f", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_contact_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index("ix_core_contact_owner_id_name_f", ["owner_id", "name_f", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_contact_team_id"), ["team_id"], unique=False)
        batch_op.create_index("ix_core_contact_team_id_name_f", ["team_id", "name_f", "id"], unique=False)

    op.create_table(
        "core_event_data",
        sa.Column("event_id", types.Id(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["core_event.id"], name=op.f("fk_core_event_data_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_core_event_data")),
    )
    op.create_table(
        "core_event_position",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["core_event.id"], name=op.f("fk_core_event_position_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_core_event_position")),
        sa.UniqueConstraint("event_id", name=op.f("uq_core_event_position_event_id")),
    )
    op.create_table(
        "core_event_ref",
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("event_id", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["core_event.id"], name=op.f("fk_core_event_ref_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entity", "record_id", "event_id", name=op.f("pk_core_event_ref")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "core_password",
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("hash", sa.String(length=255), nullable=False),
        sa.Column("changed_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_password_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_core_password")),
    )
    op.create_table(
        "core_rate",
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("rate", types.Ratio(), nullable=False),
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
            ["currency"], ["core_currency.code"], name=op.f("fk_core_rate_currency"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_rate")),
    )
    with op.batch_alter_table("core_rate", schema=None) as batch_op:
        batch_op.create_index("ix_core_rate_currency_valid_from", ["currency", "valid_from"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_rate_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_rate_team_id"), ["team_id"], unique=False)

    op.create_table(
        "core_role_field",
        sa.Column("role_id", types.Id(), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"], ["core_role.id"], name=op.f("fk_core_role_field_role_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_role_field")),
        sa.UniqueConstraint("role_id", "entity", "field", name=op.f("uq_core_role_field_role_id_entity_field")),
    )
    op.create_table(
        "core_role_grant",
        sa.Column("role_id", types.Id(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"], ["core_role.id"], name=op.f("fk_core_role_grant_role_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_role_grant")),
        sa.UniqueConstraint("role_id", "name", name=op.f("uq_core_role_grant_role_id_name")),
    )
    op.create_table(
        "core_session",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("expires_at", types.UTCDateTime(), nullable=False),
        sa.Column("last_seen_at", types.UTCDateTime(), nullable=False),
        sa.Column("revoked_at", types.UTCDateTime(), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=255), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_session_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_core_session_token_hash")),
    )
    with op.batch_alter_table("core_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_session_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_session_user_id"), ["user_id"], unique=False)

    op.create_table(
        "core_share",
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("user_id", types.Id(), nullable=True),
        sa.Column("team_id", types.Id(), nullable=True),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.CheckConstraint("(user_id is null) <> (team_id is null)", name=op.f("ck_core_share_one_holder")),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name=op.f("fk_core_share_team_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_share_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_share")),
    )
    with op.batch_alter_table("core_share", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_share_team_id"), ["team_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_share_user_id"), ["user_id"], unique=False)
        batch_op.create_index(
            "uq_core_share_team",
            ["entity", "record_id", "team_id"],
            unique=True,
            sqlite_where=sa.text("team_id is not null"),
            postgresql_where=sa.text("team_id is not null"),
        )
        batch_op.create_index(
            "uq_core_share_user",
            ["entity", "record_id", "user_id"],
            unique=True,
            sqlite_where=sa.text("user_id is not null"),
            postgresql_where=sa.text("user_id is not null"),
        )

    op.create_table(
        "core_stage",
        sa.Column("pipeline_id", types.Id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("colour", sa.String(length=20), nullable=False),
        sa.Column("probability", types.Ratio(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("required", types.Json(), nullable=False),
        sa.Column("allowed_next", types.Json(), nullable=False),
        sa.Column("rotting_days", sa.Integer(), nullable=True),
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
            ["pipeline_id"], ["core_pipeline.id"], name=op.f("fk_core_stage_pipeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_stage")),
    )
    with op.batch_alter_table("core_stage", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_stage_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_stage_pipeline_id"), ["pipeline_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_stage_team_id"), ["team_id"], unique=False)

    op.create_table(
        "core_tagging",
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_id", types.Id(), nullable=False),
        sa.Column("tag_id", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(["tag_id"], ["core_tag.id"], name=op.f("fk_core_tagging_tag_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entity", "record_id", "tag_id", name=op.f("pk_core_tagging")),
    )
    with op.batch_alter_table("core_tagging", schema=None) as batch_op:
        batch_op.create_index("ix_core_tagging_tag_id_entity", ["tag_id", "entity"], unique=False)

    op.create_table(
        "core_team_member",
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("team_id", types.Id(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["core_team.id"], name=op.f("fk_core_team_member_team_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_team_member_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_team_member")),
        sa.UniqueConstraint("user_id", "team_id", name=op.f("uq_core_team_member_user_id_team_id")),
    )
    with op.batch_alter_table("core_team_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_team_member_team_id"), ["team_id"], unique=False)
        batch_op.create_index(
            "uq_core_team_member_primary",
            ["user_id"],
            unique=True,
            sqlite_where=sa.text("is_primary"),
            postgresql_where=sa.text("is_primary"),
        )

    op.create_table(
        "core_token",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("start", sa.String(length=16), nullable=False),
        sa.Column("scopes", types.Json(), nullable=False),
        sa.Column("expires_at", types.UTCDateTime(), nullable=True),
        sa.Column("last_used_at", types.UTCDateTime(), nullable=True),
        sa.Column("revoked_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_token_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_core_token_token_hash")),
    )
    with op.batch_alter_table("core_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_token_user_id"), ["user_id"], unique=False)

    op.create_table(
        "core_user_role",
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("role_id", types.Id(), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"], ["core_role.id"], name=op.f("fk_core_user_role_role_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_user_role_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_user_role")),
        sa.UniqueConstraint("user_id", "role_id", name=op.f("uq_core_user_role_user_id_role_id")),
    )
    with op.batch_alter_table("core_user_role", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_user_role_role_id"), ["role_id"], unique=False)

    op.create_table(
        "core_activity_participant",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("activity_id", types.Id(), nullable=False),
        sa.Column("user_id", types.Id(), nullable=True),
        sa.Column("contact_id", types.Id(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(
            ["activity_id"],
            ["core_activity.id"],
            name=op.f("fk_core_activity_participant_activity_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["core_contact.id"],
            name=op.f("fk_core_activity_participant_contact_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_activity_participant")),
    )
    with op.batch_alter_table("core_activity_participant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_activity_participant_activity_id"), ["activity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_activity_participant_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_activity_participant_user_id"), ["user_id"], unique=False)

    op.create_table(
        "core_contact_email",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("contact_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column(
            "address_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["core_contact.id"], name=op.f("fk_core_contact_email_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_contact_email")),
    )
    with op.batch_alter_table("core_contact_email", schema=None) as batch_op:
        batch_op.create_index("ix_core_contact_email_address_f", ["address_f"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_contact_email_contact_id"), ["contact_id"], unique=False)

    op.create_table(
        "core_contact_phone",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("contact_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column(
            "number_f",
            sa.String(length=60).with_variant(sa.String(length=60, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["core_contact.id"], name=op.f("fk_core_contact_phone_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_contact_phone")),
    )
    with op.batch_alter_table("core_contact_phone", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_contact_phone_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index("ix_core_contact_phone_number_f", ["number_f"], unique=False)

    op.create_table(
        "core_deal",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("company_id", types.Id(), nullable=True),
        sa.Column("contact_id", types.Id(), nullable=True),
        sa.Column("pipeline_id", types.Id(), nullable=False),
        sa.Column("stage_id", types.Id(), nullable=False),
        sa.Column("stage_entered_at", types.UTCDateTime(), nullable=True),
        sa.Column("amount", types.Amount(), nullable=True),
        sa.Column("amount_currency", sa.String(length=3), nullable=True),
        sa.Column("amount_base", types.Amount(), nullable=True),
        sa.Column("probability", types.Ratio(), nullable=True),
        sa.Column("engaged_on", sa.Date(), nullable=True),
        sa.Column("expected_close_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("product", sa.String(length=100), nullable=True),
        sa.Column(
            "product_f",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("reference", sa.String(length=60), nullable=True),
        sa.Column(
            "reference_f",
            sa.String(length=60).with_variant(sa.String(length=60, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("lost_reason", sa.String(length=255), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("last_activity_at", types.UTCDateTime(), nullable=True),
        sa.Column("next_activity_at", types.UTCDateTime(), nullable=True),
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
            ["company_id"], ["core_company.id"], name=op.f("fk_core_deal_company_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["core_contact.id"], name=op.f("fk_core_deal_contact_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["core_pipeline.id"], name=op.f("fk_core_deal_pipeline_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["stage_id"], ["core_stage.id"], name=op.f("fk_core_deal_stage_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_deal")),
    )
    with op.batch_alter_table("core_deal", schema=None) as batch_op:
        batch_op.create_index("ix_core_deal_closed_on", ["closed_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_deal_company_id"), ["company_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_deal_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index("ix_core_deal_expected_close_on", ["expected_close_on"], unique=False)
        batch_op.create_index("ix_core_deal_name_f_id", ["name_f", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_deal_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_deal_pipeline_id"), ["pipeline_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_deal_stage_id"), ["stage_id"], unique=False)
        batch_op.create_index("ix_core_deal_stage_id_amount_base", ["stage_id", "amount_base", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_deal_team_id"), ["team_id"], unique=False)
        batch_op.create_index("ix_core_deal_team_id_stage_id", ["team_id", "stage_id"], unique=False)

    op.create_table(
        "core_lead",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column(
            "name_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("company_name", sa.String(length=255), nullable=True),
        sa.Column(
            "company_name_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("job_title", sa.String(length=150), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column(
            "email_f",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("phone", sa.String(length=60), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=True),
        sa.Column("country", sa.String(length=100), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("company_id", types.Id(), nullable=True),
        sa.Column("contact_id", types.Id(), nullable=True),
        sa.Column("last_activity_at", types.UTCDateTime(), nullable=True),
        sa.Column("next_activity_at", types.UTCDateTime(), nullable=True),
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
            ["company_id"], ["core_company.id"], name=op.f("fk_core_lead_company_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["core_contact.id"], name=op.f("fk_core_lead_contact_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_lead")),
    )
    with op.batch_alter_table("core_lead", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_lead_company_id"), ["company_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_lead_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index("ix_core_lead_email_f", ["email_f"], unique=False)
        batch_op.create_index("ix_core_lead_name_f_id", ["name_f", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_lead_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index("ix_core_lead_status", ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_lead_team_id"), ["team_id"], unique=False)

    bind = op.get_bind()
    for statement in POSTGRESQL if bind.dialect.name == "postgresql" else SQLITE:
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("drop table core_search_fts")  # its triggers go with core_search
    with op.batch_alter_table("core_lead", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_lead_team_id"))
        batch_op.drop_index("ix_core_lead_status")
        batch_op.drop_index(batch_op.f("ix_core_lead_owner_id"))
        batch_op.drop_index("ix_core_lead_name_f_id")
        batch_op.drop_index("ix_core_lead_email_f")
        batch_op.drop_index(batch_op.f("ix_core_lead_contact_id"))
        batch_op.drop_index(batch_op.f("ix_core_lead_company_id"))

    op.drop_table("core_lead")
    with op.batch_alter_table("core_deal", schema=None) as batch_op:
        batch_op.drop_index("ix_core_deal_team_id_stage_id")
        batch_op.drop_index(batch_op.f("ix_core_deal_team_id"))
        batch_op.drop_index("ix_core_deal_stage_id_amount_base")
        batch_op.drop_index(batch_op.f("ix_core_deal_stage_id"))
        batch_op.drop_index(batch_op.f("ix_core_deal_pipeline_id"))
        batch_op.drop_index(batch_op.f("ix_core_deal_owner_id"))
        batch_op.drop_index("ix_core_deal_name_f_id")
        batch_op.drop_index("ix_core_deal_expected_close_on")
        batch_op.drop_index(batch_op.f("ix_core_deal_contact_id"))
        batch_op.drop_index(batch_op.f("ix_core_deal_company_id"))
        batch_op.drop_index("ix_core_deal_closed_on")

    op.drop_table("core_deal")
    with op.batch_alter_table("core_contact_phone", schema=None) as batch_op:
        batch_op.drop_index("ix_core_contact_phone_number_f")
        batch_op.drop_index(batch_op.f("ix_core_contact_phone_contact_id"))

    op.drop_table("core_contact_phone")
    with op.batch_alter_table("core_contact_email", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_contact_email_contact_id"))
        batch_op.drop_index("ix_core_contact_email_address_f")

    op.drop_table("core_contact_email")
    with op.batch_alter_table("core_activity_participant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_activity_participant_user_id"))
        batch_op.drop_index(batch_op.f("ix_core_activity_participant_contact_id"))
        batch_op.drop_index(batch_op.f("ix_core_activity_participant_activity_id"))

    op.drop_table("core_activity_participant")
    with op.batch_alter_table("core_user_role", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_user_role_role_id"))

    op.drop_table("core_user_role")
    with op.batch_alter_table("core_token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_token_user_id"))

    op.drop_table("core_token")
    with op.batch_alter_table("core_team_member", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_team_member_primary", sqlite_where=sa.text("is_primary"), postgresql_where=sa.text("is_primary")
        )
        batch_op.drop_index(batch_op.f("ix_core_team_member_team_id"))

    op.drop_table("core_team_member")
    with op.batch_alter_table("core_tagging", schema=None) as batch_op:
        batch_op.drop_index("ix_core_tagging_tag_id_entity")

    op.drop_table("core_tagging")
    with op.batch_alter_table("core_stage", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_stage_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_stage_pipeline_id"))
        batch_op.drop_index(batch_op.f("ix_core_stage_owner_id"))

    op.drop_table("core_stage")
    with op.batch_alter_table("core_share", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_share_user",
            sqlite_where=sa.text("user_id is not null"),
            postgresql_where=sa.text("user_id is not null"),
        )
        batch_op.drop_index(
            "uq_core_share_team",
            sqlite_where=sa.text("team_id is not null"),
            postgresql_where=sa.text("team_id is not null"),
        )
        batch_op.drop_index(batch_op.f("ix_core_share_user_id"))
        batch_op.drop_index(batch_op.f("ix_core_share_team_id"))

    op.drop_table("core_share")
    with op.batch_alter_table("core_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_session_user_id"))
        batch_op.drop_index(batch_op.f("ix_core_session_expires_at"))

    op.drop_table("core_session")
    op.drop_table("core_role_grant")
    op.drop_table("core_role_field")
    with op.batch_alter_table("core_rate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_rate_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_rate_owner_id"))
        batch_op.drop_index("ix_core_rate_currency_valid_from")

    op.drop_table("core_rate")
    op.drop_table("core_password")
    op.drop_table("core_event_ref")
    op.drop_table("core_event_position")
    op.drop_table("core_event_data")
    with op.batch_alter_table("core_contact", schema=None) as batch_op:
        batch_op.drop_index("ix_core_contact_team_id_name_f")
        batch_op.drop_index(batch_op.f("ix_core_contact_team_id"))
        batch_op.drop_index("ix_core_contact_owner_id_name_f")
        batch_op.drop_index(batch_op.f("ix_core_contact_owner_id"))
        batch_op.drop_index("ix_core_contact_name_f_id")
        batch_op.drop_index(batch_op.f("ix_core_contact_company_id"))

    op.drop_table("core_contact")
    with op.batch_alter_table("core_activity_link", schema=None) as batch_op:
        batch_op.drop_index("ix_core_activity_link_record")
        batch_op.drop_index(batch_op.f("ix_core_activity_link_activity_id"))

    op.drop_table("core_activity_link")
    with op.batch_alter_table("core_user", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_user_email",
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )
        batch_op.drop_index(batch_op.f("ix_core_user_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_user_owner_id"))
        batch_op.drop_index("ix_core_user_name_f")

    op.drop_table("core_user")
    with op.batch_alter_table("core_team", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_team_name",
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )
        batch_op.drop_index(batch_op.f("ix_core_team_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_team_parent_id"))
        batch_op.drop_index(batch_op.f("ix_core_team_owner_id"))

    op.drop_table("core_team")
    with op.batch_alter_table("core_tag", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_tag_name_f",
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )
        batch_op.drop_index(batch_op.f("ix_core_tag_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_tag_owner_id"))

    op.drop_table("core_tag")
    with op.batch_alter_table("core_stage_history", schema=None) as batch_op:
        batch_op.drop_index("ix_core_stage_history_record")

    op.drop_table("core_stage_history")
    op.drop_table("core_setting")
    op.drop_table("core_search")
    with op.batch_alter_table("core_schedule", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_schedule_next_at"))

    op.drop_table("core_schedule")
    op.drop_table("core_role_known")
    with op.batch_alter_table("core_role", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_role_name",
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )
        batch_op.drop_index(batch_op.f("ix_core_role_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_role_owner_id"))

    op.drop_table("core_role")
    with op.batch_alter_table("core_public_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_public_link_ref_entity_core_public_link_ref_id"))

    op.drop_table("core_public_link")
    op.drop_table("core_plugin")
    with op.batch_alter_table("core_pipeline", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_pipeline_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_pipeline_owner_id"))

    op.drop_table("core_pipeline")
    op.drop_table("core_lease")
    with op.batch_alter_table("core_job", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_job_lane_running",
            sqlite_where=sa.text("state = 'running' and lane is not null"),
            postgresql_where=sa.text("state = 'running' and lane is not null"),
        )
        batch_op.drop_index(
            "uq_core_job_held_key",
            sqlite_where=sa.text("held_key is not null"),
            postgresql_where=sa.text("held_key is not null"),
        )
        batch_op.drop_index(
            "ix_core_job_lease",
            sqlite_where=sa.text("state = 'running'"),
            postgresql_where=sa.text("state = 'running'"),
        )
        batch_op.drop_index(
            "ix_core_job_lane",
            sqlite_where=sa.text("state = 'pending' and lane is not null"),
            postgresql_where=sa.text("state = 'pending' and lane is not null"),
        )
        batch_op.drop_index("ix_core_job_finished")
        batch_op.drop_index(
            "ix_core_job_due", sqlite_where=sa.text("state = 'pending'"), postgresql_where=sa.text("state = 'pending'")
        )

    op.drop_table("core_job")
    with op.batch_alter_table("core_idempotency", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_idempotency_at"))

    op.drop_table("core_idempotency")
    with op.batch_alter_table("core_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_file_team_id"))
        batch_op.drop_index("ix_core_file_sha256")
        batch_op.drop_index(batch_op.f("ix_core_file_parent_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_file_parent_owner_id"))
        batch_op.drop_index("ix_core_file_parent")
        batch_op.drop_index(batch_op.f("ix_core_file_owner_id"))

    op.drop_table("core_file")
    op.drop_table("core_event_text")
    with op.batch_alter_table("core_event", schema=None) as batch_op:
        batch_op.drop_index("ix_core_event_record")
        batch_op.drop_index(batch_op.f("ix_core_event_cause"))

    op.drop_table("core_event")
    op.drop_table("core_epoch")
    op.drop_table("core_currency")
    with op.batch_alter_table("core_company", schema=None) as batch_op:
        batch_op.drop_index("ix_core_company_team_id_name_f")
        batch_op.drop_index(batch_op.f("ix_core_company_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_company_parent_id"))
        batch_op.drop_index(batch_op.f("ix_core_company_owner_id"))
        batch_op.drop_index("ix_core_company_name_f_id")
        batch_op.drop_index("ix_core_company_domain_f")

    op.drop_table("core_company")
    with op.batch_alter_table("core_comment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_comment_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_comment_parent_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_comment_parent_owner_id"))
        batch_op.drop_index("ix_core_comment_parent")
        batch_op.drop_index(batch_op.f("ix_core_comment_owner_id"))

    op.drop_table("core_comment")
    with op.batch_alter_table("core_attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_attempt_kind_core_attempt_key_core_attempt_at"))
        batch_op.drop_index(batch_op.f("ix_core_attempt_kind_core_attempt_address_core_attempt_at"))
        batch_op.drop_index(batch_op.f("ix_core_attempt_at"))

    op.drop_table("core_attempt")
    with op.batch_alter_table("core_activity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_activity_team_id"))
        batch_op.drop_index("ix_core_activity_starts_at")
        batch_op.drop_index(batch_op.f("ix_core_activity_parent_team_id"))
        batch_op.drop_index(batch_op.f("ix_core_activity_parent_owner_id"))
        batch_op.drop_index("ix_core_activity_parent")
        batch_op.drop_index("ix_core_activity_owner_id_due_at")
        batch_op.drop_index(batch_op.f("ix_core_activity_owner_id"))
        batch_op.drop_index(batch_op.f("ix_core_activity_organiser_id"))
        batch_op.drop_index("ix_core_activity_due_at_id")

    op.drop_table("core_activity")
