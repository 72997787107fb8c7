"""The packages that have migrations: what they own in the database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from crm_core.db import tables
from crm_core.errors import StartupError
from crm_core.plugin import hookspecs
from crm_core.plugin.registry import Registry

VERSION_TABLE = "alembic_version_"
REVISION = re.compile(r'^revision(?::[^=]*)? = "([^"]+)"', re.MULTILINE)
DOWN = re.compile(r'^down_revision(?::[^=]*)? = "([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Package:
    """One package with migrations. name "quotes", package "crm_quotes"; owns tables and revisions `quotes_…`."""

    name: str
    package: str
    versions: Path
    version: str = ""

    @property
    def prefix(self) -> str:
        """Return what its tables' and revisions' names start with."""
        return f"{self.name}_"

    @property
    def version_table(self) -> str:
        """Return the table alembic keeps this package's revision in."""
        return VERSION_TABLE + self.name

    def heads(self) -> set[str]:
        """Return the revisions no other one follows, read from the files' own lines."""
        texts = [file.read_text(encoding="utf-8") for file in self.versions.glob("*.py")]
        after = {found for text in texts for found in DOWN.findall(text)}
        return {found for text in texts for found in REVISION.findall(text)} - after


@dataclass(frozen=True, slots=True)
class State:
    """Where the database stands with one package; `pending` revisions oldest first. `unknown`: newer than the code."""

    package: Package
    current: str | None
    head: str | None
    pending: tuple[str, ...] = ()
    unknown: bool = False

    @property
    def behind(self) -> bool:
        """Return whether `upgrade` has something to do."""
        return bool(self.pending)


def package(name: str, version: str = "", plugin: str = "") -> Package:
    """Return the package `name` ("crm_quotes") as migrations know it; `plugin` if it is not named after one."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise StartupError(f"package {name} is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "migrations" / "versions"
    return Package(plugin or name.removeprefix("crm_"), name, folder, version)


def packages(registry: Registry) -> tuple[Package, ...]:
    """Return core and every loaded plugin with migrations, in dependency order."""
    tables.import_all()
    versions = {p.package: p.version for p in registry.plugins}
    names = {"crm_core": "", **{m.package: m.name for m in registry.gather(hookspecs.crm_migrations)}}
    return tuple(package(n, versions.get(n, ""), plugin) for n, plugin in names.items())
