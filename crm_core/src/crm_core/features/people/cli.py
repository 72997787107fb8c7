"""The command that makes the index of people anew."""

from __future__ import annotations

import asyncio

import click

from crm_core.features.people.index import batches, differences, entities, reindex, remove_orphans
from crm_core.plugin.commands import Config, folder, system, unit_of_work


@click.group("people")
def command() -> None:
    """Look after the index of people by e-mail address, phone number and domain."""


@command.command("rebuild")
@folder
def rebuild(config: Config) -> None:
    """Compare the index with all records and put right what differs; needed after the country has changed."""
    click.echo(f"{asyncio.run(_rebuild(config))} keys put right.")


async def _rebuild(config: Config) -> int:
    async with unit_of_work(config, system("people")) as uow:
        found = 0
        for entity in entities(uow.registry):
            async for ids in batches(uow, entity):
                found += await reindex(uow, entity, ids)
            found += await remove_orphans(uow, entity)
        return found


@command.command("check")
@folder
def check(config: Config) -> None:
    """Count the keys that differ from the records; exit code 1 if any do."""
    found = asyncio.run(_check(config))
    click.echo(f"{found} keys differ.")
    if found:
        raise SystemExit(1)


async def _check(config: Config) -> int:
    async with unit_of_work(config, system("people")) as uow:
        return await differences(uow)
