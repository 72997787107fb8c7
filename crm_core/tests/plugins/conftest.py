"""Throw-away distributions: packages and `*.dist-info` folders on a temporary `sys.path` entry."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from crm_core.config import Config
from crm_core.db.model import metadata
from crm_core.plugin.loader import _registries, load
from crm_core.plugin.registry import PluginInfo, Registry
from sqlalchemy.orm import configure_mappers


class Site:
    """A folder on `sys.path` that distributions are written into; `load()` is what `crm` would load."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.folder = folder
        self.config = config
        self.names: list[str] = []

    def add(
        self,
        name: str,
        plugin: str = "",
        *,
        files: Mapping[str, str] = {},
        requires: Sequence[str] = (),
        bridges: Mapping[str, str] = {},
        version: str = "1.0",
        package: str = "",
    ) -> None:
        """Write the distribution `crm-<name>` with `crm_<name>/plugin.py` (or `package`) and its entry points."""
        package = package or f"crm_{name}"
        self.names.append(package)
        home = self.folder / package
        home.mkdir()
        texts = {"__init__.py": f'"""The {name} plugin."""\n', "plugin.py": plugin, **files}
        for file, text in texts.items():
            path = home / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        points = [f"[crm.plugins]\n{name} = {package}.plugin"]
        if bridges:
            points.append("[crm.bridges]\n" + "\n".join(f"{n} = {m}" for n, m in bridges.items()))
        lines = [f"Metadata-Version: 2.1\nName: crm-{name}\nVersion: {version}"]
        info = self.folder / f"crm_{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {r}" for r in requires)]) + "\n")
        (info / "entry_points.txt").write_text("\n".join(points) + "\n")

    def load(self, **changes: object) -> Registry:
        """Load everything with a configuration changed by keywords."""
        return load(self.config.but(**changes))

    def info(self, name: str, **changes: object) -> PluginInfo:
        """Load everything and return what is said about one plugin."""
        return next(i for i in self.load(**changes).plugins if i.name == name)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base_config: Config) -> Iterator[Site]:
    """A site of this test's own; its packages, mappers and tables are forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    load(base_config)  # core's own modules and tables are there before, and stay
    tables = set(metadata.tables)
    monkeypatch.syspath_prepend(str(folder))
    made = Site(folder, base_config)
    yield made
    for package in made.names:
        for registry in _registries(package):
            registry.dispose()
        for module in [m for m in sys.modules if m == package or m.startswith(f"{package}.")]:
            del sys.modules[module]
    for name in set(metadata.tables) - tables:
        metadata.remove(metadata.tables[name])
    configure_mappers()
