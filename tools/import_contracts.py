"""Write the import-linter contracts for core and every plugin found, and check them.

Usage: python tools/import_contracts.py [--print]

Contracts are generated, so a new plugin is held to them from its first file:
- core imports no plugin, and the kernel no features;
- a plugin imports of core only the published packages, of another plugin only `public` and `hookspecs`;
- only `with_<name>.py` imports a plugin that its distribution does not require;
- inside a plugin and a feature imports go down the layers only.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE = "crm_core"
PUBLISHED = {"plugin", "uow", "web", "testing", "liquid", "net", "isolate"}
OFFERED = {"public", "hookspecs"}
LAYERS = (
    ("plugin",),
    ("rest", "pages", "public_pages", "jobs", "listeners", "cli", "demo"),  # and with_*
    ("public",),
    ("actions",),
    ("queries",),
    ("models",),
    ("schemas", "events", "settings", "hookspecs"),
)


@dataclass(frozen=True)
class Package:
    """One import package: its name, its modules and the plugins that its distribution requires."""

    name: str
    folder: Path
    requires: frozenset[str] = field(default_factory=frozenset)

    def children(self) -> list[str]:
        return children(self.folder)


def children(folder: Path) -> list[str]:
    """The names that can be imported from a package's folder."""
    files = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    packages = [path.name for path in folder.iterdir() if path.joinpath("__init__.py").is_file()]
    return sorted({*files, *packages})


def plugins(root: Path) -> list[Package]:
    """Every plugin under plugins/ and examples/."""
    found: list[Package] = []
    for project in sorted([*root.glob("plugins/*/pyproject.toml"), *root.glob("examples/*/pyproject.toml")]):
        required = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("dependencies", [])
        names = frozenset(re.split(r"[^A-Za-z0-9_.-]", name)[0].replace("-", "_") for name in required)
        found += [Package(p.parent.name, p.parent, names) for p in sorted(project.parent.glob("src/*/__init__.py"))]
    return found


def contracts(core: Package, others: list[Package]) -> Iterator[dict[str, object]]:
    """All contracts for what exists."""
    kernel = [f"{CORE}.{name}" for name in core.children() if name not in {"features", "testing", "commands", "cli"}]
    if feature_names(core):
        yield forbidden("The kernel does not import features", kernel, [f"{CORE}.features"])
    features = [Package(f"{CORE}.features.{name}", core.folder / "features" / name) for name in feature_names(core)]
    for package in [*features, *others]:
        yield from layers(package)
    if others:
        yield forbidden("Core imports no plugin", [CORE], [other.name for other in others])
    for package in others:
        inner = [*unpublished(core, features), *(m for o in others if o != package for m in unoffered(o))]
        yield forbidden(f"{package.name} imports only what others offer", [package.name], inner, direct=True)
        yield from bridges(package, others)


def feature_names(core: Package) -> list[str]:
    folder = core.folder / "features"
    return [name for name in children(folder) if folder.joinpath(name).is_dir()] if folder.is_dir() else []


def unpublished(core: Package, features: list[Package]) -> Iterator[str]:
    """Modules of core that a plugin may not name."""
    yield from (f"{CORE}.{name}" for name in core.children() if name not in {*PUBLISHED, "features"})
    for feature in features:
        yield from (f"{feature.name}.{name}" for name in feature.children() if name != "public")


def unoffered(package: Package) -> Iterator[str]:
    yield from (f"{package.name}.{name}" for name in package.children() if name not in OFFERED)


def bridges(package: Package, others: list[Package]) -> Iterator[dict[str, object]]:
    """A neighbour that is not required is imported by its bridge module only."""
    for other in others:
        bridge = f"with_{other.name.removeprefix('crm_')}"
        sources = [f"{package.name}.{name}" for name in package.children() if name != bridge]
        if other != package and other.name not in package.requires and sources:
            title = f"{package.name} imports {other.name} in {bridge}.py only"
            yield forbidden(title, sources, [other.name], direct=True)


def layers(package: Package) -> Iterator[dict[str, object]]:
    present = package.children()
    bridges = tuple(name for name in present if name.startswith("with_"))
    rows = [LAYERS[0], (*LAYERS[1], *bridges), *LAYERS[2:]]
    kept = [" | ".join(name for name in row if name in present) for row in rows]
    if len([row for row in kept if row]) > 1:
        yield {
            "name": f"Layers of {package.name}",
            "type": "layers",
            "containers": [package.name],
            "layers": [row for row in kept if row],
        }


def forbidden(name: str, sources: list[str], modules: list[str], *, direct: bool = False) -> dict[str, object]:
    contract: dict[str, object] = {"name": name, "type": "forbidden", "source_modules": sources}
    return {**contract, "forbidden_modules": modules, "allow_indirect_imports": direct}


def as_toml(roots: list[str], found: list[dict[str, object]]) -> str:
    lines = ["[tool.importlinter]", f"root_packages = {toml(roots)}"]
    for contract in found:
        if contract.get("forbidden_modules", ["layers"]) and contract.get("source_modules", ["layers"]):
            lines += ["", "[[tool.importlinter.contracts]]", *(f"{key} = {toml(v)}" for key, v in contract.items())]
    return "\n".join(lines) + "\n"


def toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


def configuration(root: Path) -> str:
    """The complete import-linter configuration of a workspace."""
    core, others = Package(CORE, root / CORE / "src" / CORE), plugins(root)
    return as_toml([CORE, *(other.name for other in others)], list(contracts(core, others)))


def check(root: Path, python_path: list[Path] | None = None) -> int:
    """Run import-linter over a workspace; its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "contracts.toml")
        config.write_text(configuration(root), encoding="utf-8")
        extra = f"import sys; sys.path[:0] = {[str(path) for path in python_path or []]}; "
        run = (
            f"{extra}from importlinter.cli import lint_imports; sys.exit(lint_imports({str(config)!r}, no_cache=True))"
        )
        return subprocess.run([sys.executable, "-c", run], cwd=root, check=False).returncode


def main(arguments: list[str]) -> int:
    if "--print" in arguments:
        print(configuration(ROOT))
        return 0
    if not plugins(ROOT):
        print("no plugin distributions")
    return check(ROOT, sorted(ROOT.glob("examples/*/src")))  # plugins are installed, examples are not


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
