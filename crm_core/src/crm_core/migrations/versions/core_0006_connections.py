"""Connected accounts and single sign-on."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0006"
down_revision = "core_0005"
branch_labels = None
depends_on = None


def provider_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", types.UTCDateTime(), nullable=False),
        sa.Column("client_secret", sa.Text(), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "core_sso_provider",
        *provider_columns(),
        sa.Column("group_claim", sa.String(length=100), nullable=False),
        sa.Column("role_map", types.Json(), nullable=False),
        sa.Column("email_domains", types.Json(), nullable=False),
        sa.Column("creates_users", sa.Boolean(), nullable=False),
        sa.Column("links_by_email", sa.Boolean(), nullable=False),
        sa.Column("trusts_email", sa.Boolean(), nullable=False),
        sa.Column("second_factor", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_sso_provider")),
        sa.UniqueConstraint("key", name=op.f("uq_core_sso_provider_key")),
    )
    op.create_table(
        "core_sso_identity",
        sa.Column("provider_id", types.Id(), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("last_used_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["core_sso_provider.id"], name=op.f("fk_core_sso_identity_provider_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_sso_identity_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_sso_identity")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_core_sso_identity_issuer_subject")),
        sa.UniqueConstraint("user_id", "issuer", name=op.f("uq_core_sso_identity_user_id_issuer")),
    )
    op.create_index(op.f("ix_core_sso_identity_provider_id"), "core_sso_identity", ["provider_id"])
    connections()


def connections() -> None:
    op.create_table(
        "core_connection_provider",
        *provider_columns(),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("authorization_endpoint", sa.String(length=255), nullable=False),
        sa.Column("token_endpoint", sa.String(length=255), nullable=False),
        sa.Column("userinfo_endpoint", sa.String(length=255), nullable=False),
        sa.Column("revocation_endpoint", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_connection_provider")),
        sa.UniqueConstraint("key", name=op.f("uq_core_connection_provider_key")),
    )
    op.create_table(
        "core_connection",
        sa.Column("user_id", types.Id(), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("scopes", types.Json(), nullable=False),
        sa.Column("access_token", sa.Text(), nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=False),
        sa.Column("expires_at", types.UTCDateTime(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("last_error", sa.String(length=255), nullable=False),
        sa.Column("refreshing", types.Id(), nullable=True),
        sa.Column("refreshing_until", types.UTCDateTime(), nullable=True),
        sa.Column("connected_at", types.UTCDateTime(), nullable=False),
        sa.Column("updated_at", types.UTCDateTime(), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_connection_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_connection")),
        sa.UniqueConstraint("user_id", "provider", "subject", name=op.f("uq_core_connection_user_id_provider_subject")),
    )
    op.create_index(op.f("ix_core_connection_provider"), "core_connection", ["provider"])


def downgrade() -> None:
    op.drop_table("core_connection")
    op.drop_table("core_connection_provider")
    op.drop_table("core_sso_identity")
    op.drop_table("core_sso_provider")
