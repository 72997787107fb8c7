"""The list of guards is up to date; that each is missed when it is gone takes minutes: `uv run nox -s guards`."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parent.parent / "tools" / "guards.py"


@pytest.fixture(scope="module")
def guards() -> Any:
    spec = importlib.util.spec_from_file_location("guards", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["guards"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_guard_and_test_of_the_list_is_there(guards: Any) -> None:
    listed = guards.listed()
    assert {g.name: reason for g in listed if (reason := guards.stale(g))} == {}
    assert len({g.name for g in listed}) == len(listed) >= 15
    assert all(g.protects.endswith(".") and g.tests for g in listed)


def test_guard_that_moved_and_test_that_went_are_told(guards: Any) -> None:
    one = guards.listed()[0]
    assert "0 times" in guards.stale(replace(one, edits=(guards.Edit("app.py", "no such text", ""),)))
    assert "times in app.py" in guards.stale(replace(one, edits=(guards.Edit("app.py", "import", ""),)))
    assert "no test" in guards.stale(replace(one, tests=("kernel/test_rest.py::test_that_is_not",)))


def test_outcomes_are_read_per_test_over_all_its_parameters(guards: Any) -> None:
    text = "PASSED a.py::test_x[one - two]\nFAILED a.py::test_x[sqlite] - assert 1 == 2\nERROR b.py::test_y - boom\n"
    assert guards.OUTCOME.findall(text) == [
        ("PASSED", "a.py::test_x"),
        ("FAILED", "a.py::test_x"),
        ("ERROR", "b.py::test_y"),
    ]
