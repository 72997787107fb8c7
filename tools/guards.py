"""Take away each guard of `tests/guards.toml` in turn, in a copy of the tree, and expect its tests to fail.

Usage: python tools/guards.py [name ...] (without a name: all of them). Exit code 1 names guards whose text is no
longer found and those whose tests stay green: somebody could remove such a guard and nobody would notice.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIST = ROOT / "tests" / "guards.toml"
SOURCE, TESTS = "crm_core/src/crm_core", "crm_core/tests"
SECONDS = 1800
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache")
OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR) (\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Edit:
    """Where a guard stands, and what stands there without it."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Guard:
    """One guard: the edits that take it away, and the tests that must fail then."""

    name: str
    protects: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def listed(path: Path = LIST) -> list[Guard]:
    """The guards of a list; KeyError and TypeError for an entry that is none."""
    found = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["guard"]:
        also = entry.pop("also", [])
        first = {key: entry.pop(key) for key in ("file", "old", "new")}
        edits = tuple(Edit(**edit) for edit in (first, *also))
        found.append(Guard(**{**entry, "tests": tuple(entry["tests"])}, edits=edits))
    return found


def stale(guard: Guard, root: Path = ROOT) -> str:
    """What keeps a guard from being taken away: its text is gone, there twice, or a test is; "" for nothing."""
    for edit in guard.edits:
        path = root / SOURCE / edit.file
        times = path.read_text(encoding="utf-8").count(edit.old) if path.is_file() else 0
        if times != 1:
            return f"its text is {times} times in {edit.file}"
    for test in guard.tests:
        file, _colons, name = test.partition("::")
        held = root / TESTS / file
        if not held.is_file() or f"def {name}(" not in held.read_text(encoding="utf-8"):
            return f"there is no test {test}"
    return ""


def copied(folder: Path) -> Path:
    """A copy of all that the tests need."""
    for part in ("crm_core/src", TESTS):
        shutil.copytree(ROOT / part, folder / part, ignore=LEFT_OUT)
    for name in ("pyproject.toml", "crm_core/pyproject.toml"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def outcomes(root: Path, tests: Iterable[str]) -> tuple[dict[str, set[str]], str]:
    """Run tests of a copy on SQLite; what became of each, over all its parameters, and what pytest printed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rA",
        "--tb=line",
        "--database",
        "sqlite",
        "-p",
        "no:cacheprovider",
    ]
    path = os.pathsep.join([str(root / "crm_core/src"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, *(f"{TESTS}/{test}" for test in tests)],
        cwd=root, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    found: dict[str, set[str]] = {}
    for outcome, test in OUTCOME.findall(done.stdout):
        found.setdefault(test.removeprefix(f"{TESTS}/"), set()).add(outcome)
    return found, done.stdout[-3000:] + done.stderr[-1000:]


def without(guard: Guard, root: Path) -> str:
    """Run the tests of a guard without it; what is wrong with that, "" when every one of them fails."""
    kept = {edit.file: (root / SOURCE / edit.file).read_text(encoding="utf-8") for edit in guard.edits}
    try:
        for edit in guard.edits:
            path = root / SOURCE / edit.file
            changed = path.read_text(encoding="utf-8").replace(edit.old, edit.new)
            compile(changed, str(path), "exec")  # a broken file would fail any test
            path.write_text(changed, encoding="utf-8")
        found, printed = outcomes(root, guard.tests)
    finally:
        for name, text in kept.items():
            (root / SOURCE / name).write_text(text, encoding="utf-8")
    green = [test for test in guard.tests if "FAILED" not in found.get(test, set())]
    if not green:
        return ""
    broken = any(found.get(test, {"ERROR"}) & {"ERROR"} for test in green)
    return f"{', '.join(green)}: {f'could not be run{chr(10)}{printed}' if broken else 'stayed green'}"


def red_before(guards: Sequence[Guard], root: Path) -> dict[str, str]:
    """Return the guards whose tests are not green while it is there, with the reason: red would prove nothing."""
    tests = list(dict.fromkeys(test for guard in guards for test in guard.tests))
    found, printed = outcomes(root, tests)
    red = {test for test in tests if found.get(test) != {"PASSED"}}
    if red:
        print(printed)
    reasons = {guard.name: sorted(red & set(guard.tests)) for guard in guards}
    return {name: f"not green with the guard in place: {', '.join(why)}" for name, why in reasons.items() if why}


def main(names: Sequence[str]) -> int:
    """Take the guards away one by one; 1 when one of them is gone or is not missed."""
    guards = [guard for guard in listed() if not names or guard.name in names]
    wrong = {guard.name: reason for guard in guards if (reason := stale(guard))}
    with tempfile.TemporaryDirectory(prefix="crm-guards-") as folder:
        root = copied(Path(folder))
        ready = [guard for guard in guards if guard.name not in wrong]
        wrong |= red_before(ready, root)
        for guard in [guard for guard in ready if guard.name not in wrong]:
            began = time.monotonic()
            if reason := without(guard, root):
                wrong[guard.name] = reason
            print(f"{'green' if reason else 'red':5} {guard.name} ({time.monotonic() - began:.0f} s)", flush=True)
    for name, reason in wrong.items():
        print(f"{name}: {reason}")
    print(f"{len(guards)} guards removed, {len(guards) - len(wrong)} red")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
