"""Commands of the sample plugin."""

from __future__ import annotations

import asyncio

import click

from crm_core.plugin.commands import Config, folder, system, unit_of_work
from crm_core.testing.sample_plugin import actions


@click.command("sample-mark-missed")
@folder
def mark_missed(config: Config) -> None:
    """Mark overdue planned visits as missed, as the nightly job does."""
    click.echo(f"{asyncio.run(_mark_missed(config))} visits marked as missed")


async def _mark_missed(config: Config) -> int:
    async with unit_of_work(config, system("cli")) as uow:
        return await actions.mark_missed(uow)
