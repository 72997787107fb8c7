"""The reference is what the code says, and the tutorial shows the files that are tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from crm_core.cli import crm

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
EXAMPLE = ROOT / "examples" / "crm_visits"
SHOWN = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reference")
    done = CliRunner().invoke(crm, ["docs", "--out", str(out), "--folder", str(out / "home")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return out


def test_committed_reference_has_the_pages_that_are_generated(generated: Path) -> None:
    assert sorted(p.name for p in REFERENCE.glob("*.md")) == sorted(p.name for p in generated.glob("*.md"))


@pytest.mark.parametrize("name", sorted(p.name for p in REFERENCE.glob("*.md")))
def test_committed_reference_equals_a_fresh_one(generated: Path, name: str) -> None:
    fresh, committed = (p.joinpath(name).read_text(encoding="utf-8") for p in (generated, REFERENCE))
    assert committed == fresh, "run `uv run crm docs --out docs/reference`"


def test_tutorial_shows_the_files_of_the_example() -> None:
    shown = dict(SHOWN.findall((ROOT / "docs" / "plugins" / "tutorial.md").read_text(encoding="utf-8")))
    for name, text in shown.items():
        assert text == EXAMPLE.joinpath(name).read_text(encoding="utf-8"), (
            f"{name} differs between tutorial and example"
        )
    written = {p.relative_to(EXAMPLE).as_posix() for p in EXAMPLE.rglob("*") if p.suffix in {".py", ".toml", ".html"}}
    made = {name for name in written if "/migrations/" in name or "__pycache__" in name}
    assert written - made == set(shown)
