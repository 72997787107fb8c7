"""The examples work: their own tests pass with the example installed beside core, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(path.parent for path in ROOT.glob("examples/*/pyproject.toml"))


def installed(folder: Path, site: Path) -> list[str]:
    """Write what pip would about a distribution into `site`; return the entries `sys.path` needs."""
    project = tomllib.loads(folder.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    needs = "".join(f"Requires-Dist: {need}\n" for need in project.get("dependencies", ()))
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n{needs}", encoding="utf-8"
    )
    points = [
        "\n".join([f"[{group}]", *(f"{name} = {module}" for name, module in found.items())])
        for group, found in project.get("entry-points", {}).items()
    ]
    info.joinpath("entry_points.txt").write_text("\n".join(points), encoding="utf-8")
    return [str(site), str(folder / "src")]


@pytest.mark.slow
@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_example_plugin_passes_its_tests(folder: Path, tmp_path: Path) -> None:
    entries = installed(folder, tmp_path)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder / "tests")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entries)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
