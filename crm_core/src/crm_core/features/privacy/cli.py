"""`crm privacy`: give out and erase what is known about a person."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from crm_core.auth.actor import system
from crm_core.errors import CrmError, UserError
from crm_core.features.privacy import actions, again, export
from crm_core.kernel import open_kernel
from crm_core.plugin import Ref
from crm_core.plugin.commands import Config, folder


@click.group("privacy")
def privacy() -> None:
    """Give out and erase what is known about a person."""


@privacy.command("export")
@click.argument("record")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@folder
def export_command(config: Config, record: str, file: Path) -> None:
    """Write everything known about RECORD ("core.contact:<id>") to FILE, a ZIP archive."""
    file.write_bytes(asyncio.run(_export(config, _ref(record))))
    click.echo(f"written: {file}")


@privacy.command("erase")
@click.argument("record")
@click.option("--reason", default="", help="Kept in the receipt; it must not name the person.")
@folder
def erase_command(config: Config, record: str, reason: str) -> None:
    """Erase the person RECORD ("core.contact:<id>") for good; a running server or worker does it."""
    asyncio.run(_erase(config, _ref(record), reason))
    click.echo("begun: see the receipts at /api/v1/privacy/erasures")


def _ref(text: str) -> Ref:
    try:
        return Ref.parse(text)
    except ValueError as error:
        raise UserError(f"{text!r} is not a record: write it as core.contact:<id>") from error


async def _export(config: Config, ref: Ref) -> bytes:
    kernel = await open_kernel(config)
    try:
        async with kernel.read(system("cli")) as uow:
            if ref.entity not in uow.registry.entities:
                raise UserError(f"there is no entity {ref.entity}")
            return await export.archive(uow, ref)
    except CrmError as error:
        raise UserError(str(error)) from error
    finally:
        await kernel.close()


async def _erase(config: Config, ref: Ref, reason: str) -> None:
    kernel = await open_kernel(config)
    try:
        async with kernel.write(system("cli")) as uow:
            if ref.entity not in uow.registry.entities:
                raise UserError(f"there is no entity {ref.entity}")
            await actions.begin(uow, [ref], reason)
    except CrmError as error:
        raise UserError(str(error)) from error
    finally:
        await kernel.close()


@privacy.command("reapply")
@folder
def reapply_command(config: Config) -> None:
    """After a restore: erase again the persons who came back with the backup; a running server or worker does it."""
    click.echo(f"begun: {asyncio.run(_reapply(config))}")


async def _reapply(config: Config) -> int:
    kernel = await open_kernel(config)
    try:
        return await again.reapply(kernel)
    finally:
        await kernel.close()
