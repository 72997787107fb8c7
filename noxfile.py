"""What has to hold before a change goes in: `uv run nox`, or one part with `uv run nox -s lint`.

Sessions use the workspace's own environment, so that they start at once; `plugins`, `bridges` and `wheels`
make a fresh one for each case. Anything after `--` goes to pytest: `uv run nox -s tests -- -k quotes -x`.
"""

import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import nox

ROOT = Path(__file__).parent
UV = os.environ.get("UV", "uv")

nox.options.default_venv_backend = "none"
nox.options.sessions = [
    *("lint", "types", "imports", "tests", "browser", "migrations", "docs", "wheels", "bridges", "plugins", "faults"),
]


def python(session: nox.Session, *arguments: str) -> None:
    session.run(sys.executable, *arguments, external=True)


def pytest(session: nox.Session, *arguments: str, interpreter: str = sys.executable) -> None:
    session.run(interpreter, "-m", "pytest", *arguments, *session.posargs, external=True)


def files(*patterns: str) -> list[str]:
    """Paths below the root that fit one of the patterns, sorted."""
    return sorted(str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern))


def plugins() -> dict[str, Path]:
    """Every plugin distribution by name, the third-party examples included."""
    projects = [ROOT / name for name in files("plugins/*/pyproject.toml", "examples/*/pyproject.toml")]
    return {project(path.parent)["name"]: path.parent for path in projects}


def project(folder: Path) -> dict[str, Any]:
    """The [project] table of a distribution."""
    table: dict[str, Any] = tomllib.loads(folder.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def required(name: str, found: dict[str, Path]) -> set[str]:
    """The plugin distributions that `name` cannot do without, itself included."""
    names = {name}
    for requirement in project(found[name]).get("dependencies", []):
        other = re.split(r"[^A-Za-z0-9_.-]", requirement)[0]
        if other in found:
            names |= required(other, found)
    return names


def environment(session: nox.Session, label: str, installed: set[str]) -> str:
    """A fresh environment with core, the given plugins and the test tools; its interpreter."""
    folder = Path(session.create_tmp(), label)
    constraints = folder.with_suffix(".txt")
    pins = session.run(sys.executable, "tools/pins.py", "--print", external=True, silent=True)
    constraints.write_text(str(pins), encoding="utf-8")
    session.run(UV, "venv", "-q", "--clear", "--python", sys.executable, str(folder), external=True)
    interpreter = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    found = plugins()
    editable = [part for name in sorted(installed) for part in ("-e", str(found[name]))]
    command = [UV, "pip", "install", "-q", "--python", interpreter, "-c", str(constraints), "--group", "dev"]
    session.run(*command, "./crm_ui_assets", "-e", "./crm_core", *editable, external=True)
    return interpreter


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, its format, templates, house style, pinned versions."""
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "tools/lint_templates.py")
    python(session, "tools/lint_house.py")
    python(session, "tools/pins.py", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict."""
    sources = files("crm_*/src", "plugins/*/src", "examples/*/src")
    env = {"MYPYPATH": os.pathsep.join(sources)}
    session.run(sys.executable, "-m", "mypy", "noxfile.py", "tools", *sources, env=env, external=True)


@nox.session
def imports(session: nox.Session) -> None:
    """Who may import what, generated for every package found."""
    python(session, "tools/import_contracts.py")


@nox.session
def tests(session: nox.Session) -> None:
    """All tests with every plugin installed but those of `browser` and `faults`."""
    pytest(session, "-n", "auto", "-m", "not faults and not browser")


@nox.session
def browser(session: nox.Session) -> None:
    """Pages in Chromium, apart since Playwright keeps an event loop running; a file's tests share one site."""
    pytest(session, "-n", "auto", "--dist", "loadfile", "-m", "browser", "tests/browser")


@nox.session(name="plugins")
def plugins_alone(session: nox.Session) -> None:
    """Each plugin with core and what it requires, the others absent."""
    found = plugins()
    if not found:
        session.log("no plugin distributions")
    for name, folder in found.items():
        interpreter = environment(session, name, required(name, found))
        bridged = files(f"{folder.relative_to(ROOT)}/tests/test_with_*.py")
        session.log(f"{name} alone; {len(bridged)} files of bridge tests are left to the session bridges")
        chosen = ("-m", "not faults and not browser", "--ignore-glob=*/test_with_*.py", f"{folder}/tests")
        pytest(session, "-n", "auto", *chosen, interpreter=interpreter)


@nox.session
def bridges(session: nox.Session) -> None:
    """Each declared pair of a plugin and its optional neighbour, all others absent."""
    found = plugins()
    pairs = [
        (name, neighbour, module)
        for name, folder in found.items()
        for neighbour, module in project(folder).get("entry-points", {}).get("crm.bridges", {}).items()
    ]
    if not pairs:
        session.log("no bridges are declared")
    for name, neighbour, module in pairs:
        other = f"crm-{neighbour}"
        if neighbour not in project(found[name]).get("optional-dependencies", {}):
            session.error(f"{name}: the bridge to {other} needs an extra named {neighbour!r} with a version range")
        interpreter = environment(session, f"{name}+{neighbour}", required(name, found) | required(other, found))
        session.log(f"{name} with {other}")
        pytest(session, f"{found[name]}/tests/test_{module.rpartition('.')[2]}.py", interpreter=interpreter)


@nox.session
def migrations(session: nox.Session) -> None:
    """Up, down, up, and equal to the models, on SQLite and PostgreSQL."""
    found = files("crm_core/tests/db/test_*migrat*.py", "plugins/*/tests/test_*migrat*.py")
    if not found and files("crm_core/src/crm_core/migrations/versions/*.py"):
        session.error("there are migrations and no tests of them")
    if found:
        pytest(session, "-m", "not faults", *found)
    else:
        session.log("no migrations")


@nox.session
def docs(session: nox.Session) -> None:
    """Links, the generated reference, and the examples in the guides."""
    python(session, "tools/lint_docs.py")
    for script in files("tools/reference.py"):
        python(session, script, "--check")
    found = files("tests/test_docs*.py", "tests/test_examples*.py")
    if not found and files("examples/*"):
        session.error("there are examples and no tests/test_examples.py")
    if found:
        pytest(session, *found)


@nox.session
def wheels(session: nox.Session) -> None:
    """Build every distribution, install the wheels where there is no Node, start, fetch one page."""
    dist = Path(session.create_tmp(), "dist")
    session.run(UV, "build", "-q", "--all-packages", "--clear", "-o", str(dist), external=True)
    python(session, "tools/try_wheels.py", str(dist))


@nox.session
def faults(session: nox.Session) -> None:
    """Killed processes and cut connections: a share of each, or with `-- --full` the whole number; prints counts.

    The session `tests` runs a share of those marked `counted`; here they run whole.
    """
    full = "--full" in session.posargs
    chosen = [a for a in session.posargs if a != "--full"]
    marks = ("mark.faults", "mark.counted") if full else ("mark.faults",)
    written = [
        path
        for path in files("tests/**/test_*.py", "crm_core/tests/**/test_*.py", "plugins/*/tests/test_*.py")
        if any(mark in Path(path).read_text() for mark in marks)
    ]
    which = "faults or counted" if full else "faults and not slow"
    if not written:
        session.log("no fault tests")
        return
    session.run(
        *(sys.executable, "-m", "pytest", "-s", "-m", which, *written, *chosen),
        env={"CRM_FAULTS": "full"} if full else {},
        external=True,
    )


@nox.session
def guards(session: nox.Session) -> None:
    """Take each guard of tests/guards.toml away in a copy and expect a red test; minutes, so not among the defaults."""
    python(session, "tools/guards.py", *session.posargs)
