"""Rights by verb, opening the CRM as somebody else.

Bulk changes and imports were not bounded by verbs of their own: roles get what they could do until now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op
from crm_core.db import types

revision = "core_0005"
down_revision = "core_0004"
branch_labels = None
depends_on = None

ORDER = ("none", "own", "team", "all")
BULK, CHANGING = "bulk_edit", ("edit", "delete")
grants = sa.table(
    "core_role_grant", sa.column("id", types.Id()), sa.column("created_at", types.UTCDateTime()),
    sa.column("role_id", types.Id()), sa.column("name", sa.String()), sa.column("scope", sa.String()),
)  # fmt: skip


def upgrade() -> None:
    """Give `bulk_edit` to roles that change records; let creating and importing reach as far as they did."""
    with op.batch_alter_table("core_session", schema=None) as batch:
        batch.add_column(sa.Column("viewing_id", types.Id(), nullable=True))
        batch.add_column(sa.Column("viewing_until", types.UTCDateTime(), nullable=True))
    held: dict[tuple[object, str], dict[str, str]] = defaultdict(dict)
    connection = op.get_bind()
    for row in connection.execute(sa.select(grants.c.role_id, grants.c.name, grants.c.scope)):
        entity, _dot, verb = row.name.rpartition(".")
        held[row.role_id, entity][verb] = row.scope
    for (role, entity), scopes in held.items():
        reach = _widest(scopes[v] for v in CHANGING if v in scopes)
        if reach != "none" and BULK not in scopes:
            made = {"id": types.new_id(), "created_at": types.utcnow(), "role_id": role}
            connection.execute(sa.insert(grants).values(**made, name=f"{entity}.{BULK}", scope=reach))
        _widen(connection, role, entity, scopes, "create", ("assign",))
        _widen(connection, role, entity, scopes, "import", ("create", "edit"))


def _widen(
    connection: sa.Connection, role: object, entity: str, scopes: dict[str, str], verb: str, others: tuple[str, ...]
) -> None:
    """Raise the scope of a verb that the role has to that of others, which alone decided before."""
    reach = _widest(scopes[v] for v in (verb, *others) if v in scopes)
    if verb in scopes and scopes[verb] != "none" and reach != scopes[verb]:
        mine = (grants.c.role_id == role, grants.c.name == f"{entity}.{verb}")
        connection.execute(sa.update(grants).where(*mine).values(scope=reach))
        scopes[verb] = reach


def _widest(scopes: Iterable[str]) -> str:
    return max((s for s in scopes if s in ORDER), key=ORDER.index, default="none")


def downgrade() -> None:
    """Drop the columns; grants stay, the code before reads them the same way."""
    with op.batch_alter_table("core_session", schema=None) as batch:
        batch.drop_column("viewing_until")
        batch.drop_column("viewing_id")
