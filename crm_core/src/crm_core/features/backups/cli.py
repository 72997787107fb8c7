"""`crm backup` and `crm restore`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from crm_core.features.backups import actions, archive
from crm_core.plugin.commands import Config, folder
from crm_core.plugin.loader import load


@click.command("backup")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File (default: in backups/).")
@folder
def backup(config: Config, output: Path | None) -> None:
    """Copy the database and all files into one archive, while everything runs.

    The secret key is not in it: keep `secret.key`, or `secret_key` of crm.toml, in another place.
    """
    config = config.prepare()
    path, made = asyncio.run(actions.back_up(config, load(config), output))
    size = path.stat().st_size / 2**20
    click.echo(f"{path}: {size:.1f} MB, database and {made.files} files")


@click.command("restore")
@click.argument("source", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Put it in the place of the database that is there.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@folder
def restore(config: Config, source: Path, replace: bool, yes: bool) -> None:
    """Put the backup SOURCE in place. Stop web and worker processes first.

    Afterwards nothing is sent - no mail, no webhook - until a person allows it under Sent mails.
    """
    manifest = archive.manifest_of(source)
    if replace and not yes:
        click.confirm(f"Replace what is stored now by the backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC?", abort=True)
    config = config.prepare()
    done = asyncio.run(actions.restore(config, source, replace=replace))
    click.echo(f"restored the state of {done.made_at:%Y-%m-%d %H:%M:%S} UTC: database and {done.files} files")
    if done.key != archive.key_id_of(config):
        click.echo("! the secret key is not the one of that time: stored passwords and tokens cannot be opened with it")
    click.echo("nothing is sent until a person allows it under Sent mails; everybody signs in anew")
