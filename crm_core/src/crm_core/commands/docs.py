"""`crm docs`: writes the reference of core or of a plugin from its code."""

from __future__ import annotations

from pathlib import Path

import click

from crm_core.cli import folder
from crm_core.config import Config
from crm_core.errors import UserError


@click.command("docs")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to.")
@click.option("--plugin", default="core", show_default=True, help="Whose reference.")
@folder
def command(config: Config, out: Path, plugin: str) -> None:
    """Write the reference of core or of a plugin as Markdown, one file per subject."""
    from crm_core.commands.reference import pages
    from crm_core.plugin.loader import discover, load

    others = frozenset(found.name for found in discover()[0]) if plugin == "core" else config.disabled
    registry = load(config.but(disabled=others, required=()))
    if plugin != "core" and not any(i.name == plugin and i.state == "loaded" for i in registry.plugins):
        raise UserError(f"no loaded plugin {plugin!r}; see `crm plugins`")
    out.mkdir(parents=True, exist_ok=True)
    written = pages(registry, plugin)
    for name, text in written.items():
        (out / name).write_text(text, encoding="utf-8")
    click.echo(f"wrote {len(written)} files to {out}")
