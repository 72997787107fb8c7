"""`crm keys`: what stored secrets are sealed with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from crm_core.cli import folder
from crm_core.config import Config

if TYPE_CHECKING:
    from collections import Counter


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
    from crm_core import keys, secrets
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        known = [secrets.key_id(key) for key in kernel.config.old_secret_keys]
        return secrets.key_id(kernel.config.secret_key), known, await keys.in_use(kernel)
    finally:
        await kernel.close()


@command.command("rotate")
@click.option("--new", is_flag=True, help="Make a new key in the folder's key file first; stop the CRM before.")
@folder
def rotate(config: Config, new: bool) -> None:
    """Seal all stored secrets anew under the present key; afterwards the old ones can go."""
    from crm_core import keys

    if new:
        config.prepare()
        click.echo(f"new key {keys.new_key(config.folder)}: start every process of the CRM again")
    click.echo(f"{asyncio.run(_rotate(config))} secrets sealed anew")


async def _rotate(config: Config) -> int:
    from crm_core import keys
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        return await keys.rotate(kernel)
    finally:
        await kernel.close()
