"""The `crm` command. Subcommands are modules in `crm_core.commands`, imported when they are asked for."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from crm_core.config import Config
from crm_core.errors import CrmError, StartupError, UserError

COMMANDS = {
    "demo": "demo", "serve": "serve", "worker": "worker", "db": "db", "plugins": "plugins", "user": "user",
    "token": "token", "import": "import_", "export": "export", "docs": "docs", "doctor": "doctor",
    "settings": "settings", "keys": "keys",
}  # fmt: skip


class Group(click.Group):
    """Loads core's commands by name, then those of plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(set(COMMANDS) | set(self._of_plugins(ctx)))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            found = import_module(f"crm_core.commands.{COMMANDS[name]}").command
            assert isinstance(found, click.Command)
            return found
        return self._of_plugins(ctx).get(name)

    def _of_plugins(self, ctx: click.Context) -> dict[str, click.Command]:
        from crm_core.plugin import hookspecs
        from crm_core.plugin.loader import load

        try:
            registry = load(Config.load(ctx.params.get("folder")))
        except StartupError:
            return {}  # `crm --help` must work on a broken installation; the command itself says what is wrong
        return {c.command.name or "": c.command for c in registry.gather(hookspecs.crm_commands)}


def folder(run: Any) -> Any:
    """Add `--folder DIR` to a command; the value reaches it as `config`."""

    def load(ctx: click.Context, param: click.Parameter, value: Path | None) -> Config:
        chosen = value or (ctx.find_root().params.get("folder"))
        return Config.load(chosen)

    return click.option(
        "--folder", "config", type=click.Path(file_okay=False, path_type=Path), callback=load, expose_value=True,
        help="Where configuration, SQLite file, key and uploads live (default: CRM_FOLDER, then your data folder).",
    )(run)  # fmt: skip


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Folder of this installation.")
@click.version_option(package_name="crm-core")
def crm(folder: Path | None) -> None:
    """The CRM: run it, move its database, look after its users and data."""


def main() -> None:
    """Run the command line. Errors a user can mend are printed without a traceback; exit code 2."""
    try:
        code = crm(standalone_mode=False)  # of `Exit(1)` click makes a value here, no exception
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (StartupError, UserError, CrmError) as error:
        click.echo(f"Error: {error}", err=True)
        for name, text in getattr(error, "fields", {}).items():
            click.echo(f"  {name}: {text}", err=True)
        sys.exit(2)
    except OSError as error:
        if error.filename is None:  # no file that somebody named: a fault of ours
            raise
        click.echo(f"Error: {error.filename}: {error.strerror}", err=True)
        sys.exit(2)
