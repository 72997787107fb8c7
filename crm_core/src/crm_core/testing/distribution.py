"""What pip would install of a plugin."""

from __future__ import annotations

import re
import zipfile
from importlib.util import find_spec
from pathlib import Path

from crm_core.plugin.registry import PluginInfo

READ = ("templates/**/*", "static/**/*", "migrations/versions/*.py", "locales/**/*.mo", "py.typed")


def folder(info: PluginInfo) -> Path:
    """Return the folder of a plugin's package."""
    spec = find_spec(info.package)
    assert spec is not None, f"{info.package} is not installed"
    assert spec.submodule_search_locations, f"{info.package} is not a package"
    return Path(spec.submodule_search_locations[0])


def revision_of(path: Path) -> str:
    """Return the revision a migration file declares."""
    found = re.search(
        r"""^revision(?:\s*:[^=]+)?\s*=\s*["']([^"']+)["']""", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    return found.group(1) if found else path.stem


def missing_in_wheel(info: PluginInfo, scratch: Path) -> list[str]:
    """Build the wheel of a plugin's source tree and return files of the package it lacks.

    A plugin installed from a wheel has no source tree: what is there is what was installed.
    """
    home = folder(info)
    project = next((p for p in home.parents if (p / "pyproject.toml").is_file()), None)
    if project is None:
        return []
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = list(WheelBuilder(str(project)).build(directory=str(scratch), versions=["standard"]))
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    prefix = info.package.replace(".", "/")
    files = [p for pattern in READ for p in home.glob(pattern) if p.is_file() and "__pycache__" not in p.parts]
    return sorted(n for p in files if (n := f"{prefix}/{p.relative_to(home).as_posix()}") not in held)
