"""`crm import`: a CSV or XLSX file into an entity."""

from __future__ import annotations

import asyncio
import csv
import gc
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_core.cli import folder
from crm_core.config import Config
from crm_core.errors import CrmError, UserError

if TYPE_CHECKING:
    from crm_core.auth.actor import Actor
    from crm_core.features.imports.public import Plan, Problem, Report, Sheet
    from crm_core.kernel import Kernel
    from crm_core.plugin.declare import Entity
    from crm_core.plugin.registry import Registry

SHOWN = 20  # problems printed; --report has all


@click.command("import")
@folder
@click.argument("entity")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map", "mapping", multiple=True, metavar="COLUMN=FIELD", help="Column title = field; FIELD*1000 scales."
)
@click.option("--guess/--no-guess", default=None, help="Guess the columns by their titles (default without --map).")
@click.option(
    "--set",
    "constants",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A value for every row; {COLUMN} stands for a cell.",
)
@click.option("--match", default="", metavar="FIELD", help="Field that finds existing records.")
@click.option(
    "--mode", type=click.Choice(["create", "update", "both"]), help="Default: both with --match, else create."
)
@click.option("--known", multiple=True, metavar="FIELD=FILE:COLUMN", help="Report values that are not in this file.")
@click.option("--strict", is_flag=True, help="A value that cannot be matched fails its row, instead of staying empty.")
@click.option("--day-first/--month-first", default=None, help="How to read 03/04/2026.")
@click.option("--encoding", default="", help="Encoding of the file (default: found out).")
@click.option("--separator", default="", help="Separator of a CSV file (default: found out).")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write every problem to this CSV file.")
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@click.option("--as", "user", default="", metavar="EMAIL", help="Import with this user's rights (default: all rights).")
def command(config: Config, file: Path, **given: Any) -> None:
    """Import the rows of FILE as ENTITY (deals, contact, core.company, …).

    Exit code 0: all rows are in. 1: some rows were not imported. 2: nothing was tried.
    """
    sys.exit(asyncio.run(run(config, file, given)))


async def run(config: Config, file: Path, given: dict[str, Any]) -> int:
    """Import and print the report; return the exit code."""
    from crm_core.features.imports.public import run_import
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    logging.getLogger("crm_core.db.session").setLevel(logging.ERROR)  # chunks are meant to write for long
    try:
        await demand_current(kernel)
        entity = entity_of(kernel.registry, given["entity"])
        actor = await actor_of(kernel, given["user"])
        sheet = _sheet(file, given["encoding"], given["separator"])
        mapping = pairs(given["mapping"], "--map")
        if given["guess"] or (given["guess"] is None and not mapping):
            mapping = guessed(kernel.registry, actor, entity, sheet.columns, mapping)
        gc.freeze()  # what is loaded by now stays: collections need not look at it again and again
        with Problems(given["report"]) as problems:
            plan = _plan(entity, mapping, given, problems)
            with click.progressbar(length=max(1, _count(sheet)), label=file.name, file=sys.stderr) as bar:
                report = await run_import(
                    kernel, actor, sheet, plan, progress=lambda r: bar.update(max(0, r.rows - bar.pos))
                )
        _print(report, entity, given["report"])
        return 1 if report.failed else 0
    finally:
        await kernel.close()


def _sheet(file: Path, encoding: str, separator: str) -> Sheet:
    from crm_core.features.imports.public import open_sheet

    if len(separator) > 1:
        raise UserError(f"--separator takes one character, not {separator!r}")
    try:
        return open_sheet(file, encoding=encoding, separator=separator)
    except CrmError as error:
        raise UserError(f"{file}: {error}") from error


def _plan(entity: Entity, mapping: list[tuple[str, str]], given: dict[str, Any], problems: Problems) -> Plan:
    from crm_core.features.imports.public import Plan

    return Plan(
        entity=entity,
        mapping=mapping,
        mode=given["mode"] or ("both" if given["match"] else "create"),
        match=given["match"],
        constants=dict(pairs(given["constants"], "--set")),
        known={name: _values(place) for name, place in pairs(given["known"], "--known")},
        strict=given["strict"],
        dry_run=given["dry_run"],
        day_first=given["day_first"],
        problems=problems.write if given["report"] else None,
    )


def entity_of(registry: Registry, name: str) -> Entity:
    """Return an entity by name, noun or path; UserError names the ones there are."""
    for entity in registry.entities.values():
        if name in (entity.name, entity.path, entity.noun):
            return entity
    known = ", ".join(sorted(e.path for e in registry.entities.values()))
    raise UserError(f"there is no entity {name}; there are: {known}")


async def actor_of(kernel: Kernel, email: str) -> Actor:
    """Return the user's actor, or the system's when no user is named."""
    from crm_core.auth.actor import system
    from crm_core.auth.rights import actor_by_email

    return await actor_by_email(kernel, email) if email else system("cli")


async def demand_current(kernel: Kernel) -> None:
    """Bring an embedded database up to date; a fresh one is made, with its defaults."""
    from crm_core.commands.serve import bring_up
    from crm_core.defaults import load_defaults

    await bring_up(kernel, upgrade=kernel.config.embedded)
    await load_defaults(kernel)


def guessed(
    registry: Registry, actor: Actor, entity: Entity, titles: tuple[str, ...], mapping: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the given mapping with guesses for the other columns; tell what was guessed and what was not."""
    from crm_core.features.imports.public import guess, left_out

    barred = left_out(registry, actor, entity, titles)
    given = {title for title, _name in mapping}
    taken = {name for _title, name in mapping}
    found = guess(registry, actor, entity, titles)
    for title in titles:
        if title not in given:
            name = found.get(title)
            why = "(left out: this field cannot be imported)" if title in barred else "(left out)"
            click.echo(f"  {title} -> {name if name and name not in taken else why}", err=True)
    return [*mapping, *((t, n) for t, n in found.items() if t not in given and n not in taken)]


def pairs(given: tuple[str, ...], option: str) -> list[tuple[str, str]]:
    """Return NAME=VALUE options as pairs; UserError for anything else."""
    found = []
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise UserError(f"{option} takes NAME=VALUE, not {text!r}")
        found.append((name, value))
    return found


def _values(place: str) -> frozenset[str]:
    """Return the values of a column of a CSV file, given as FILE:COLUMN."""
    path, _colon, column = place.rpartition(":")
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return frozenset(row[column] for row in csv.DictReader(file))
    except (OSError, KeyError) as error:
        raise UserError(f"--known takes FIELD=FILE:COLUMN; {place!r} cannot be read") from error


def _count(sheet: Sheet) -> int:
    """Return about how many rows there are, for the progress bar."""
    if sheet.kind != "csv":
        return 1000
    with sheet.path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) - 1


class Problems:
    """Writes problems to a CSV file as they come; to nowhere without a path."""

    def __init__(self, path: Path | None) -> None:
        self.file = path.open("w", encoding="utf-8-sig", newline="") if path else None
        self.writer = csv.writer(self.file) if self.file else None

    def __enter__(self) -> Problems:
        if self.writer:
            self.writer.writerow(("row", "column", "value", "problem", "imported"))
        return self

    def __exit__(self, *error: object) -> None:
        if self.file:
            self.file.close()

    def write(self, problem: Problem) -> None:
        """Write one problem."""
        from crm_core.entity.cells import shielded

        if self.writer:
            imported = "no" if problem.failed else "yes"
            value = shielded(problem.value).encode("utf-8", "replace").decode()
            self.writer.writerow((problem.row, problem.column, value, str(problem.text), imported))


def _print(report: Report, entity: Entity, path: Path | None) -> None:
    if report.dry_run:
        click.echo("dry run: nothing was changed")
    click.echo(
        f"{report.rows} rows: {report.created} created, {report.updated} updated, "
        f"{report.unchanged} unchanged, {report.failed} not imported, {report.warnings} with warnings"
    )
    for (column, value), count in report.unknown.most_common():
        near = report.suggestions.get((column, value))
        hint = f' (did you mean "{near}"?)' if near else ""
        click.echo(f'  {column}: "{value}" is unknown, {count} times{hint}')
    for alike in report.duplicates:
        names = ", ".join(f"{c.title} ({c.score} %)" for c in alike.candidates)
        click.echo(f"  row {alike.row} may be there already: {names}")
    failed = [p for p in report.problems if p.failed]
    for problem in failed[:SHOWN]:
        click.echo(f'  row {problem.row}: {problem.column or "row"} "{problem.value}": {problem.text}')
    if len(failed) > SHOWN:
        click.echo(f"  … and {report.failed - SHOWN} more" + (f", see {path}" if path else "; use --report FILE"))
