"""`crm db`: look after the tables of core and every plugin."""

from __future__ import annotations

import asyncio

import click

from crm_core.cli import folder
from crm_core.config import Config
from crm_core.db import migrate
from crm_core.db.orphans import orphans, purge_orphan
from crm_core.db.packages import Package, packages
from crm_core.db.revise import revision as write_revision
from crm_core.defaults import load_defaults
from crm_core.errors import UserError
from crm_core.kernel import open_kernel
from crm_core.plugin.loader import load


@click.group("db")
def command() -> None:
    """Upgrade, inspect and clean up the database, package by package."""


def _packages(config: Config) -> tuple[Package, ...]:
    return packages(load(config))


def _one(config: Config, plugin: str) -> Package:
    for own in _packages(config):
        if plugin in (own.name, own.package):
            return own
    raise UserError(f"no loaded plugin {plugin!r} has migrations; see `crm plugins`")


@command.command()
@click.option("--no-backup", is_flag=True, help="Do not copy the SQLite file first.")
@folder
def upgrade(config: Config, no_backup: bool) -> None:
    """Bring every package's tables to what its code needs."""
    every = _packages(config)
    config.prepare()
    behind = any(s.behind for s in asyncio.run(migrate.status(config.database_url, every)))
    if behind and not no_backup and (copy := migrate.backup(config.database_url, config.folder / "backups")):
        click.echo(f"backup: {copy}")
    done = asyncio.run(migrate.upgrade(config.database_url, every))
    for name in done:
        click.echo(f"ran {name}")
    click.echo(f"{len(done)} migration{'s' * (len(done) > 1)} ran" if done else "nothing to do")
    asyncio.run(_load_defaults(config))


async def _load_defaults(config: Config) -> None:
    """Load what plugins bring once per installation; scaled out, no web process does it."""
    kernel = await open_kernel(config)
    try:
        await load_defaults(kernel)
    finally:
        await kernel.close()


@command.command()
@folder
def status(config: Config) -> None:
    """Show where each package stands, and what absent plugins left behind. Exit code 1 when something is behind."""
    every = _packages(config)
    states = asyncio.run(migrate.status(config.database_url, every))
    for s in states:
        word = "NEWER THAN THE CODE" if s.unknown else f"{len(s.pending)} to run" if s.behind else "up to date"
        click.echo(f"{s.package.name:<16} {s.current or '-':<32} {word}")
    for left in asyncio.run(orphans(config.database_url, every)):
        why = "installed, not loaded" if left.installed else "its code is gone"
        rows = sum(n for _t, n in left.tables)
        click.echo(f"{left.name:<16} orphan: {len(left.tables)} tables, {rows} rows ({why})")
    if any(s.behind or s.unknown for s in states):
        raise click.exceptions.Exit(1)


@command.command()
@folder
def check(config: Config) -> None:
    """Compare models with the database. Exit code 1 on any difference."""
    found = asyncio.run(migrate.check(config.database_url, _packages(config)))
    for name, lines in found.items():
        click.echo(f"{name:<16} {'equal' if not lines else f'{len(lines)} differences'}")
        for line in lines:
            click.echo(f"    {line}")
    if any(found.values()):
        raise click.exceptions.Exit(1)


@command.command()
@click.argument("plugin")
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
@folder
def downgrade(config: Config, plugin: str, revision: str, yes: bool) -> None:
    """Take PLUGIN back to REVISION ("base", "-1", or a revision's name)."""
    own = _one(config, plugin)
    if not yes:
        click.confirm(f"Go back to {revision}? Columns and tables made since then are lost.", abort=True)
    asyncio.run(migrate.downgrade(config.database_url, own, revision))
    click.echo(f"{own.name} is at {revision}")


@command.command()
@click.argument("plugin")
@click.option("--orphan", is_flag=True, help="PLUGIN's code is gone: drop its tables by their names.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@folder
def purge(config: Config, plugin: str, orphan: bool, yes: bool) -> None:
    """Remove all tables and rows of PLUGIN."""
    if plugin in ("core", "crm_core"):
        raise UserError("core cannot be purged: delete the database instead")
    own = None if orphan else _one(config, plugin)
    if not yes:
        click.confirm(f"Delete everything {plugin} has stored?", abort=True)
    if own is None:
        left = asyncio.run(purge_orphan(config.database_url, plugin, _packages(config)))
        click.echo(f"dropped {', '.join(t for t, _n in left.tables) or 'no tables'}")
        return
    asyncio.run(migrate.purge(config.database_url, own))
    click.echo(f"purged {own.name}")


@command.command()
@click.argument("plugin")
@click.option("-m", "--message", required=True, help="What the migration does, in a few words.")
@folder
def revision(config: Config, plugin: str, message: str) -> None:
    """Write a migration of PLUGIN from the differences between its models and the database."""
    path = asyncio.run(write_revision(config.database_url, _one(config, plugin), message, _packages(config)))
    click.echo(f"wrote {path}: read it before you run it")
