"""Writing a migration from the differences between models and database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from alembic import command

from crm_core.db.migrate import config, connected, state
from crm_core.db.packages import Package
from crm_core.errors import UserError


async def revision(url: str, own: Package, message: str, others: Iterable[Package] = ()) -> Path:
    """Write the next migration of a package and return its file, which runs on both databases.

    `others` are all packages, so that tables of "quotes_pro" are not taken for those of "quotes". UserError
    when the database is not at the package's head.
    """
    prefixes = tuple(p.prefix for p in others)
    async with connected(url) as connection:
        found = await connection.run_sync(state, own)
        if found.behind:
            raise UserError(f"the database is not at the head of {own.name}: run `crm db upgrade` first")
        own.versions.mkdir(parents=True, exist_ok=True)
        name = f"{own.name}_{_next_number(own):04}"
        written = await connection.run_sync(
            lambda c: command.revision(config(c, own, prefixes), message, autogenerate=True, rev_id=name)
        )
        await connection.rollback()
    script = written[0] if isinstance(written, list) else written
    if script is None:
        raise UserError("nothing was written")
    return Path(script.path)


def _next_number(own: Package) -> int:
    return 1 + max((int(p.stem.split("_")[1]) for p in own.versions.glob(f"{own.name}_[0-9]*.py")), default=0)
