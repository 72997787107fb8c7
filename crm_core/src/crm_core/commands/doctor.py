"""`crm doctor`: looks at everything an installation needs, and says what to do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import click
import msgspec
import sqlalchemy as sa

from crm_core.auth.actor import system
from crm_core.cli import folder
from crm_core.config import Config
from crm_core.db import migrate
from crm_core.db.packages import packages
from crm_core.errors import Concern, StartupError
from crm_core.kernel import Kernel, open_kernel
from crm_core.plugin import hookspecs

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is ("ok", "warning", "problem"), in words, and what to do."""

    name: str
    state: str
    text: str = ""
    hint: str = ""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects instead of lines.")
@folder
def command(config: Config, as_json: bool) -> None:
    """Look at configuration, database, Redis, mail, keys, clock, plugins, migrations and jobs.

    Each is ok, a warning or a problem with what to do. Exit code 1 when there is a problem.
    """
    findings = asyncio.run(_all(config))
    if as_json:
        click.echo(msgspec.json.encode(findings).decode())
    else:
        width = max(len(f.name) for f in findings)
        for found in findings:
            click.echo(f"{found.state:<8} {found.name:<{width}}  {found.text}".rstrip())
            if found.hint:
                click.echo(f"{'':<8} {'':<{width}}  → {found.hint}")
    if any(f.state == PROBLEM for f in findings):
        sys.exit(1)


async def _all(config: Config) -> list[Finding]:
    return [found async for found in examine(config)]


async def examine(config: Config) -> AsyncIterator[Finding]:
    """Yield findings from the ground up; what stands on something broken is not asked."""
    yield Finding("configuration", OK, str(config.folder))
    try:
        kernel = await open_kernel(config)
    except StartupError as error:
        yield Finding("start", PROBLEM, str(error), "mend crm.toml or the environment")
        return
    try:
        for finding in _plugins(kernel):
            yield finding
        database = await _database(kernel)
        yield database
        if database.state == PROBLEM:
            return
        behind = await _migrations(kernel)
        yield behind
        if behind.state == PROBLEM:
            return
        for check in kernel.registry.gather(hookspecs.crm_checks):
            yield await _ask(kernel, check.name, check.run)
    finally:
        await kernel.close()


def _plugins(kernel: Kernel) -> list[Finding]:
    failed = [p for p in kernel.registry.plugins if p.state == "failed"]
    found = [
        Finding(f"plugin {p.name}", PROBLEM, p.reason, "mend or remove it, or list it under disabled in crm.toml")
        for p in failed
    ]
    loaded = [p.name for p in kernel.registry.plugins if p.state == "loaded" and not p.builtin]
    return [*found, Finding("plugins", OK, ", ".join(loaded) or "none beside core")]


async def _database(kernel: Kernel) -> Finding:
    try:
        async with kernel.read(system("doctor")) as uow:
            await uow.session.execute(sa.text("select 1"))
    except Exception as error:  # noqa: BLE001 - whatever keeps the database away is the finding
        return Finding("database", PROBLEM, str(error), "see that database_url is right and the server runs")
    where = str(kernel.config.database_file) if kernel.config.sqlite else "PostgreSQL"
    return Finding("database", OK, where)


async def _migrations(kernel: Kernel) -> Finding:
    states = await migrate.status(kernel.config.database_url, packages(kernel.registry))
    behind = [s.package.name for s in states if s.behind or s.unknown]
    if behind:
        return Finding("migrations", PROBLEM, f"not at the code's state: {', '.join(behind)}", "run `crm db upgrade`")
    return Finding("migrations", OK, f"{len(states)} packages up to date")


async def _ask(kernel: Kernel, name: str, run: object) -> Finding:
    try:
        async with kernel.read(system("doctor")) as uow:
            text = await run(uow)  # type: ignore[operator]  # a check's function
    except Concern as error:
        return Finding(name, WARNING, str(error), error.hint)
    except Exception as error:  # noqa: BLE001 - a check says what is wrong by raising anything
        return Finding(name, PROBLEM, str(error), str(getattr(error, "hint", "")))
    return Finding(name, OK, text or "")
