"""Writing a migration from the differences between models and database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.script import Script

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
        options = {"autogenerate": True, "rev_id": name, "process_revision_directives": _only_real}
        written = await connection.run_sync(
            lambda c: command.revision(config(c, own, prefixes), message, **options)  # type: ignore[arg-type]
        )
        await connection.rollback()
    script = written[0] if isinstance(written, list) and written else written
    if not isinstance(script, Script):
        raise UserError(f"models and database of {own.name} are equal: nothing to write")
    return _tidied(Path(script.path))


def _tidied(path: Path) -> Path:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(x for x in lines if not x.startswith("    # ### ")), encoding="utf-8")
    return path


def _only_real(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Write no file when nothing differs."""
    if directives[0].upgrade_ops.is_empty():
        directives.clear()


def _next_number(own: Package) -> int:
    return 1 + max((int(p.stem.split("_")[1]) for p in own.versions.glob(f"{own.name}_[0-9]*.py")), default=0)
