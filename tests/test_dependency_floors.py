"""What is installed is not older than the releases that closed published holes; no network is asked."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
# Release that closed the hole, and which. Of what another package pulls in: only if it is installed.
FLOORS = {
    "litestar": ">=2.22.0",  # CVE-2026-48060, -48061: CSRF cookie unescaped, X-Forwarded-Host taken
    "jinja2": ">=3.1.6",  # CVE-2025-27516: a sandbox that is left
    "authlib": ">=1.6.12,!=1.7.0",  # CVE-2025-68158, CVE-2026-44681: state not bound to the session, open redirect
    "weasyprint": ">=68.0",  # CVE-2025-68616: redirect past the fetcher
    "lxml": ">=6.1.0",  # CVE-2026-41066: entities by default
    "lxml-html-clean": ">=0.4.4",
    "pypdf": ">=6.4.0",
    "pdfminer-six": ">=20251107",  # CVE-2025-64512: pickle out of a PDF
    "starlette": ">=1.0.1",  # CVE-2026-48710
}
NEEDED = {"litestar", "jinja2", "authlib"}
NOT_FIXED = {"xhtml2pdf": Version("0.2.13")}
"""Up to this release holes are known, and none that closes them was found."""


def installed(name: str) -> Version | None:
    try:
        return Version(version(name))
    except PackageNotFoundError:
        return None


def below(found: dict[str, Version | None]) -> list[str]:
    """Name what is older than its floor."""
    return [
        f"{n} {v}"
        for n, v in found.items()
        if v is not None and not SpecifierSet(FLOORS[n]).contains(v, prereleases=True)
    ]


@pytest.mark.counted
def test_nothing_installed_is_below_its_floor() -> None:
    found = {name: installed(name) for name in FLOORS}
    there = [name for name, held in found.items() if held is not None]
    print(f"{len(there)} of {len(FLOORS)} packages with a floor are installed, {len(below(found))} below it")
    assert set(there) >= NEEDED
    assert below(found) == []


def test_pins_are_not_below_the_floors_either() -> None:
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"][
        "constraint-dependencies"
    ]
    pins = {canonicalize_name(p.name): Version(str(p.specifier).removeprefix("==")) for p in map(Requirement, lines)}
    assert below({name: pins.get(name) for name in FLOORS}) == []


def test_a_release_before_the_floor_is_found() -> None:
    assert below({"litestar": Version("2.21.1"), "jinja2": Version("3.1.6")}) == ["litestar 2.21.1"]
    assert below({"authlib": Version("1.7.0")}) == ["authlib 1.7.0"]


@pytest.mark.parametrize("name", sorted(NOT_FIXED))
def test_what_has_no_fixed_release_is_not_installed_unseen(name: str) -> None:
    held = installed(name)
    assert held is None or held > NOT_FIXED[name], (
        f"{name} {held} has known holes: say in docs/decisions why it is used"
    )
