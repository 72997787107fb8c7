"""Third-party browser libraries, built from npm packages; this distribution holds nothing else."""

import json
from functools import cache
from pathlib import Path

__all__ = ["STATIC", "icons", "manifest"]

STATIC = Path(__file__).parent / "static"
"""The folder to serve: vendor/*.js, css/*.css, fonts/, icons.json, manifest.json, THIRD_PARTY_LICENSES.txt."""


@cache
def manifest() -> dict[str, dict[str, str]]:
    """`imports` and `styles` map a library's name to its file below STATIC, `versions` npm packages to versions."""
    found: dict[str, dict[str, str]] = json.loads(_read("manifest.json"))
    return found


@cache
def icons() -> dict[str, str]:
    """Each icon's SVG content by name, drawn on 24 x 24; filled variants are called `<name>-filled`."""
    found: dict[str, str] = json.loads(_read("icons.json"))
    return found


def _read(name: str) -> str:
    return STATIC.joinpath(name).read_text(encoding="utf-8")
