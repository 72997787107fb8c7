"""`crm doctor`: runs every check and says what is wrong."""

from __future__ import annotations

import asyncio
import sys

import click

from crm_core.cli import folder
from crm_core.config import Config
from crm_core.kernel import open_kernel
from crm_core.web.health import failing


@click.command("doctor")
@folder
def command(config: Config) -> None:
    """Check database, plugins and everything plugins ask to be checked; exit code 1 if something is wrong."""
    problems = asyncio.run(_check(config))
    for name, reason in problems.items():
        click.echo(f"! {name}: {reason}")
    click.echo(f"key file and files: {config.folder}")
    if problems:
        sys.exit(1)
    click.echo("everything is fine")


async def _check(config: Config) -> dict[str, str]:
    kernel = await open_kernel(config)
    try:
        failed = {f"plugin {p.name}": p.reason for p in kernel.registry.plugins if p.state == "failed"}
        return failed | await failing(kernel)
    finally:
        await kernel.close()
