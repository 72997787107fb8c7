"""`crm plugins`: what is installed, what is loaded, and why something is not."""

from __future__ import annotations

import logging

import click
import msgspec

from crm_core.cli import folder
from crm_core.config import Config
from crm_core.plugin.loader import load


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@folder
def command(config: Config, as_json: bool) -> None:
    """List plugins: version, state, hooks used and offered, and the reason when one is not loaded."""
    logging.getLogger("crm_core.plugin.loader").setLevel(logging.CRITICAL)  # the table says it
    plugins = load(config.but(strict_plugins=False, required=())).plugins
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(plugins)).decode())
        return
    for plugin in plugins:
        mark = {"loaded": "+", "disabled": "-", "failed": "!"}[plugin.state]
        click.echo(f"{mark} {plugin.name:<16} {plugin.version:<10} {plugin.state:<9} {plugin.title}")
        if plugin.reason:
            click.echo(f"    why: {plugin.reason}")
        if not plugin.builtin and plugin.hooks:
            click.echo(f"    uses: {', '.join(plugin.hooks)}")
        if plugin.offers:
            click.echo(f"    offers: {', '.join(plugin.offers)}")
        if plugin.bridges:
            click.echo(f"    bridges to: {', '.join(plugin.bridges)}")
