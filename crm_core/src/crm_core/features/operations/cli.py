"""`crm retention`: what would be deleted, and doing it now."""

from __future__ import annotations

import asyncio

import click

from crm_core.auth.actor import system
from crm_core.features.operations import queries
from crm_core.features.operations.schemas import ApplyRetention, RetentionOut
from crm_core.kernel import open_kernel
from crm_core.plugin.commands import Config, folder


@click.command("retention")
@click.option("--apply", "apply_now", is_flag=True, help="Delete it in the background now, not tonight.")
@folder
def command(config: Config, apply_now: bool) -> None:
    """Show how long each kind of thing is kept, and how many are older. Without --apply nothing is deleted."""
    for one in asyncio.run(_due(config, apply_now)):
        kept = f"{one.days} days" if one.days else "for ever"
        click.echo(f"{one.name:<24} kept {kept:<10} {one.due} older")
    if apply_now:
        click.echo("deleting: see Jobs")


async def _due(config: Config, apply_now: bool) -> list[RetentionOut]:
    kernel = await open_kernel(config)
    try:
        async with kernel.read(system("cli")) as uow:
            found = await queries.due(uow)
        if apply_now:
            async with kernel.write(system("cli")) as uow:
                await uow.enqueue(ApplyRetention(), key="core.retention")
        return found
    finally:
        await kernel.close()
