"""`crm keys`: what stored secrets are sealed with, and sealing everything anew under the present key."""

from __future__ import annotations

import asyncio
import secrets as tokens
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import sqlalchemy as sa

from crm_core import secrets
from crm_core.cli import folder
from crm_core.config import KEY_FILE, Config
from crm_core.db.model import metadata
from crm_core.errors import UserError

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

BATCH = 200


def sealed_columns() -> list[tuple[sa.Table, sa.Column[Any], str]]:
    """Return every column of loaded packages that says it is sealed, with its purpose."""
    return [
        (table, column, column.info["sealed"])
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info.get("sealed")
    ]


async def in_use(kernel: Kernel) -> Counter[str]:
    """Return how many stored secrets each key seals, by key id."""
    found: Counter[str] = Counter()
    for table, column, _purpose in sealed_columns():
        async for rows in _batches(kernel, table, column):
            found.update(secrets.key_id_of(row[-1]) for row in rows)
    return found


async def rotate(kernel: Kernel) -> int:
    """Seal everything anew that an old key sealed; return how many. Stopped half-way, it goes on where it was.

    SecretNotReadable names what no known key opens; everything before it is done.
    """
    changed = 0
    for table, column, purpose in sealed_columns():
        keys = list(table.primary_key.columns)
        async for rows in _batches(kernel, table, column):
            old = [row for row in rows if not secrets.is_current(kernel, row[-1])]
            async with kernel.db.write.begin() as connection:
                for row in old:
                    value, bound = row[-1], secrets.bound(purpose, *row[len(keys) : -1])
                    new = secrets.seal(kernel, bound, secrets.unseal(kernel, bound, value))
                    # Only if nobody stored another secret meanwhile.
                    mine = [c == k for c, k in zip(keys, row[: len(keys)], strict=True)]
                    done = await connection.execute(
                        sa.update(table).where(*mine, column == value).values({column.name: new})
                    )
                    changed += done.rowcount
    return changed


async def _batches(kernel: Kernel, table: sa.Table, column: sa.Column[Any]) -> AsyncIterator[list[Any]]:
    """Yield (key…, what the seal is bound to…, sealed text) of all rows that have one, in order of the key."""
    keys = list(table.primary_key.columns)
    # Labelled: a key may be among what the seal is bound to.
    bound = [table.c[name].label(f"bound_{name}") for name in column.info.get("bound", ())]
    last: tuple[Any, ...] | None = None
    while True:
        query = sa.select(*keys, *bound, column).where(column.is_not(None), column != "").order_by(*keys).limit(BATCH)
        if last is not None:
            query = query.where(
                sa.tuple_(*keys) > sa.tuple_(*(sa.literal(v, k.type) for v, k in zip(last, keys, strict=True)))
            )
        async with kernel.db.read.connect() as connection:
            rows = list(await connection.execute(query))
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        last = tuple(rows[-1][: len(keys)])


def new_key(folder: Path) -> str:
    """Put a new key before the others in the folder's key file and return its id; UserError without such a file.

    Every running process has to be started again to know it.
    """
    path = folder / KEY_FILE
    if not path.is_file():
        raise UserError("there is no key file: put a new secret_key and the old_secret_keys into the configuration")
    made = tokens.token_urlsafe(48)
    kept = path.read_text().split()
    beside = path.with_suffix(".new")
    beside.touch(0o600)
    beside.write_text("\n".join([made, *kept]) + "\n")
    beside.replace(path)
    return secrets.key_id(made)


@click.group("keys")
def command() -> None:
    """Look after the keys that stored secrets are sealed with."""


@command.command("list")
@folder
def list_(config: Config) -> None:
    """Show each key's id and how many stored secrets it seals; the first is the present one."""
    present, known, found = asyncio.run(_list(config))
    for name in dict.fromkeys([present, *known, *found]):
        note = "present" if name == present else "old" if name in known else "NOT KNOWN: put it into old_secret_keys"
        click.echo(f"{name}  {found[name]:>8} secrets  {note}")


async def _list(config: Config) -> tuple[str, list[str], Counter[str]]:
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        known = [secrets.key_id(key) for key in kernel.config.old_secret_keys]
        return secrets.key_id(kernel.config.secret_key), known, await in_use(kernel)
    finally:
        await kernel.close()


@command.command("rotate")
@click.option("--new", is_flag=True, help="Make a new key in the folder's key file first; stop the CRM before.")
@folder
def rotate_command(config: Config, new: bool) -> None:
    """Seal all stored secrets anew under the present key; afterwards the old ones can go."""
    if new:
        config.prepare()
        click.echo(f"new key {new_key(config.folder)}: start every process of the CRM again")
    click.echo(f"{asyncio.run(_rotate(config))} secrets sealed anew")


async def _rotate(config: Config) -> int:
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        return await rotate(kernel)
    finally:
        await kernel.close()
