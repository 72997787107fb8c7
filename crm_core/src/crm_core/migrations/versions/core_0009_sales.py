"""Pipelines, deal contacts, domains, company contacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from crm_core.db import types
from crm_core.entity.folding import fold

revision = "core_0009"
down_revision = "core_0008"
branch_labels = None
depends_on = None

BLOCK = 500


def upgrade() -> None:
    """Make the tables and fill them from the columns that said the same with one value."""
    _named("core_lost_reason")
    _named("core_deal_role")
    _parts()
    with op.batch_alter_table("core_deal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lost_reason_id", types.Id(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_core_deal_lost_reason_id"), "core_lost_reason", ["lost_reason_id"], ["id"],
            ondelete="SET NULL",
        )  # fmt: skip
        batch_op.create_index(batch_op.f("ix_core_deal_lost_reason_id"), ["lost_reason_id"], unique=False)
    connection = op.get_bind()
    _fill_domains(connection)
    _fill_companies(connection)
    _fill_contacts(connection)
    _fill_reasons(connection)


def _folded(name: str, length: int) -> sa.Column[str]:
    kind = sa.String(length=length).with_variant(sa.String(length=length, collation="C"), "postgresql")
    return sa.Column(name, kind, nullable=False)


def _named(table: str) -> None:
    op.create_table(
        table,
        sa.Column("name", sa.String(length=100), nullable=False),
        _folded("name_f", 100),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_owner_id"), table, ["owner_id"], unique=False)
    op.create_index(op.f(f"ix_{table}_team_id"), table, ["team_id"], unique=False)


def _link(table: str, column: str, target: str, on_delete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=on_delete)


def _part(table: str, owner: str, *more: Any) -> None:
    op.create_table(
        table,
        sa.Column("id", types.Id(), nullable=False),
        sa.Column(owner, types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *more,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_{owner}"), table, [owner], unique=False)


def _parts() -> None:
    _part(
        "core_company_domain", "company_id",
        sa.Column("domain", sa.String(length=255), nullable=False),
        _folded("domain_f", 255),
        _link("core_company_domain", "company_id", "core_company", "CASCADE"),
    )  # fmt: skip
    op.create_index("ix_core_company_domain_domain_f", "core_company_domain", ["domain_f"], unique=False)
    _part(
        "core_contact_company", "contact_id",
        sa.Column("company_id", types.Id(), nullable=False),
        sa.Column("job_title", sa.String(length=150), nullable=True),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        _link("core_contact_company", "contact_id", "core_contact", "CASCADE"),
        _link("core_contact_company", "company_id", "core_company", "CASCADE"),
    )  # fmt: skip
    op.create_index(op.f("ix_core_contact_company_company_id"), "core_contact_company", ["company_id"], unique=False)
    _part(
        "core_deal_contact", "deal_id",
        sa.Column("contact_id", types.Id(), nullable=False),
        sa.Column("role_id", types.Id(), nullable=True),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        _link("core_deal_contact", "deal_id", "core_deal", "CASCADE"),
        _link("core_deal_contact", "contact_id", "core_contact", "CASCADE"),
        _link("core_deal_contact", "role_id", "core_deal_role", "SET NULL"),
    )  # fmt: skip
    op.create_index(op.f("ix_core_deal_contact_contact_id"), "core_deal_contact", ["contact_id"], unique=False)
    op.create_index(op.f("ix_core_deal_contact_role_id"), "core_deal_contact", ["role_id"], unique=False)


def _blocks(connection: Any, query: Any) -> Iterator[list[Any]]:
    """Yield rows of (id, …) after one another by id, so that a large table is never in memory whole."""
    last = None
    while True:
        some = query if last is None else query.where(query.selected_columns[0] > last)
        rows = connection.execute(some.order_by(query.selected_columns[0]).limit(BLOCK)).all()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def _table(name: str, *columns: str, **kinds: Any) -> Any:
    return sa.table(name, *(sa.column(c, kinds.get(c, types.Id() if c.endswith("id") else None)) for c in columns))


def _fill_domains(connection: Any) -> None:
    company = _table("core_company", "id", "domain_f", "domain")
    made = _table("core_company_domain", "id", "company_id", "position", "domain", "domain_f")
    for rows in _blocks(connection, sa.select(company.c.id, company.c.domain).where(company.c.domain.is_not(None))):
        new = []
        for key, text in rows:
            if domain := _domain(text):
                new.append({"id": uuid4(), "company_id": key, "position": 0, "domain": domain, "domain_f": domain})
                # `domain` and the first row say the same from now on.
                if domain != text:
                    change = company.update().where(company.c.id == key).values(domain=domain, domain_f=domain)
                    connection.execute(change)
        if new:
            connection.execute(made.insert(), new)


def _domain(text: str) -> str:
    """Return "acme.com" for what was typed ("https://www.Acme.com/x"), "" when it is no domain."""
    plain = text.strip().lower()
    try:
        host = urlsplit(plain if "://" in plain else f"//{plain.rpartition('@')[2]}").hostname or ""
        host = host.removeprefix("www.").strip(".").encode("idna").decode()
    except (ValueError, UnicodeError):
        return ""
    return host if "." in host and " " not in host and len(host) < 254 else ""


def _fill_companies(connection: Any) -> None:
    contact = _table("core_contact", "id", "company_id", "job_title")
    names = ("id", "contact_id", "position", "company_id", "job_title", "is_primary", "from_on", "until_on")
    made = _table("core_contact_company", *names, is_primary=sa.Boolean(), from_on=sa.Date(), until_on=sa.Date())
    wanted = sa.select(contact.c.id, contact.c.company_id, contact.c.job_title)
    for rows in _blocks(connection, wanted.where(contact.c.company_id.is_not(None))):
        new = [
            {"id": uuid4(), "contact_id": k, "position": 0, "company_id": c, "job_title": j, "is_primary": True}
            for k, c, j in rows
        ]
        connection.execute(made.insert(), new)


def _fill_contacts(connection: Any) -> None:
    deal = _table("core_deal", "id", "contact_id")
    names = ("id", "deal_id", "position", "contact_id", "role_id", "is_primary")
    made = _table("core_deal_contact", *names, is_primary=sa.Boolean())
    for rows in _blocks(connection, sa.select(deal.c.id, deal.c.contact_id).where(deal.c.contact_id.is_not(None))):
        new = [{"id": uuid4(), "deal_id": k, "position": 0, "contact_id": c, "is_primary": True} for k, c in rows]
        connection.execute(made.insert(), new)


def _fill_reasons(connection: Any) -> None:
    """Make a reason of each text that several deals share; a text stays where it is, whether it became one or not."""
    deal = _table("core_deal", "id", "lost_reason_id", "lost_reason")
    names = (
        "id", "name", "name_f", "position", "is_archived", "version", "created_at", "updated_at", "custom",
    )  # fmt: skip
    made = _table(
        "core_lost_reason", *names, is_archived=sa.Boolean(), created_at=types.UTCDateTime(),
        updated_at=types.UTCDateTime(), custom=types.Json(),
    )  # fmt: skip
    text = deal.c.lost_reason
    shared = sa.select(text).where(text.is_not(None), sa.func.length(text) <= 100).group_by(text)
    found = connection.execute(shared.having(sa.func.count() > 1).order_by(sa.func.count().desc(), text).limit(50))
    known: dict[str, Any] = {}
    for (said,) in found.all():
        folded = fold(said)
        if not folded:
            continue
        if folded not in known:
            known[folded] = uuid4()
            now = types.utcnow()
            row = {"id": known[folded], "name": said.strip(), "name_f": folded[:100], "position": len(known) - 1,
                   "is_archived": False, "version": 1, "created_at": now, "updated_at": now, "custom": {}}  # fmt: skip
            connection.execute(made.insert(), [row])
        connection.execute(deal.update().where(text == said).values(lost_reason_id=known[folded]))


def downgrade() -> None:
    """Drop the tables; what was in one column before still is."""
    with op.batch_alter_table("core_deal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_deal_lost_reason_id"))
        batch_op.drop_constraint(batch_op.f("fk_core_deal_lost_reason_id"), type_="foreignkey")
        batch_op.drop_column("lost_reason_id")
    for table in ("core_deal_contact", "core_contact_company", "core_company_domain"):
        op.drop_table(table)
    for table in ("core_deal_role", "core_lost_reason"):
        op.drop_table(table)
