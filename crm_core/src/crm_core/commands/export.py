"""`crm export`: records of an entity as CSV or XLSX."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, BinaryIO

import click

from crm_core.cli import folder
from crm_core.config import Config
from crm_core.errors import UserError


@click.command("export")
@folder
@click.argument("entity")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File; .xlsx or .csv (default: CSV to standard output).",
)
@click.option("--fields", default="", metavar="A,B", help="Columns (default: all).")
@click.option(
    "--filter", "where", default="", metavar="JSON", help='Filter, as in the API: {"field":…,"op":…,"value":…}.'
)
@click.option("--sort", default="", metavar="FIELD", help='Sort key, "-" first for descending.')
@click.option("--labels", is_flag=True, help="Column titles in words instead of keys.")
@click.option("--as", "user", default="", metavar="EMAIL", help="Export what this user may (default: everything).")
def command(config: Config, output: Path | None, **given: Any) -> None:
    """Export the records of ENTITY (deals, contact, core.company, …)."""
    asyncio.run(run(config, output, given))


def _stdout() -> BinaryIO:
    return open(sys.stdout.fileno(), "wb", closefd=False)


async def run(config: Config, output: Path | None, given: dict[str, Any]) -> None:
    """Write the export."""
    from crm_core.commands.import_ import actor_of, entity_of
    from crm_core.features.exports.public import Wanted, export_csv, export_xlsx
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        wanted = Wanted(
            entity=entity_of(kernel.registry, given["entity"]),
            filter=given["where"] or None,
            sort=given["sort"],
            columns=tuple(n for n in given["fields"].split(",") if n),
            labels=given["labels"],
        )
        actor = await actor_of(kernel, given["user"])
        if output is not None and output.suffix.lower() == ".xlsx":
            output.open("ab").close()  # OSError before the work is done, and what is there stays
            await export_xlsx(kernel, actor, wanted, output)
            return
        try:
            with output.open("wb") if output else _stdout() as file:
                async for block in export_csv(kernel, actor, wanted):
                    file.write(block)
        except OSError as error:
            raise UserError(f"cannot write {output or 'standard output'}: {error.strerror}") from error
    finally:
        await kernel.close()
