"""Translations: `uv run python tools/locales.py PACKAGE_FOLDER [--check]`.

Reads every `_("…")` of a package's Python files and templates, adds new ones to its German .po file and
compiles the .mo beside it. Both are committed, so that a wheel or a clean clone needs no build step.
With --check nothing is written: exit code 1 names what is untranslated or not compiled.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

TEMPLATES = ("**/templates/**.html", "**/templates/**.txt")  # the latter are the text parts of mails
METHODS = [("**.py", "python"), *((pattern, "jinja2.ext:babel_extract") for pattern in TEMPLATES)]
FOREIGN = ("testing",)  # folders that hold packages of their own
LOCALES = ("de",)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)  # a date of today would change the files at each run


def messages(package: Path) -> list[str]:
    """Return the texts of a package, sorted."""
    trimmed = {"**.html": {"trimmed": "true"}, "**.txt": {"trimmed": "true"}}
    found = extract_from_dir(package, METHODS, keywords={"_": None}, options_map=trimmed)
    own = (m for file, _line, m, _comments, _context in found if Path(file).parts[0] not in FOREIGN)
    return sorted({m for m in own if isinstance(m, str) and m})


def catalogue(file: Path, locale: str) -> Catalog:
    """Return the .po file, or an empty catalogue."""
    if not file.is_file():
        return Catalog(locale=locale)
    with file.open("rb") as source:
        return read_po(source, locale=locale)


def update(package: Path, locale: str, *, check: bool) -> list[str]:
    """Bring one locale up to date; return what is wrong with it."""
    file = package / "locales" / locale / "LC_MESSAGES" / f"{package.name}.po"
    known, wanted = catalogue(file, locale), messages(package)
    extra = [str(m.id) for m in known if m.id and m.id not in wanted and "dynamic" in m.user_comments]
    fresh = Catalog(locale=locale, project=package.name, charset="utf-8", header_comment="",
                    creation_date=LONG_AGO, revision_date=LONG_AGO)  # fmt: skip
    fresh.mime_headers  # noqa: B018 - fills the header before the dates are taken out
    for text in sorted({*wanted, *extra}):
        old = known.get(text)
        fresh.add(text, old.string if old else "", user_comments=["dynamic"] if text in extra else [])
    untranslated = [str(m.id) for m in fresh if m.id and not m.string]
    compiled = file.with_suffix(".mo")
    if check:
        stale = not compiled.is_file() or _texts(compiled) != {str(m.id): m.string for m in fresh if m.id and m.string}
        return [
            *(f"untranslated: {t!r}" for t in untranslated),
            *(["the .mo file is older than the .po file"] if stale else []),
        ]
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as target:
        write_po(target, fresh, omit_header=False, no_location=True, sort_output=True, width=120)
    _without_dates(file)
    with compiled.open("wb") as target:
        write_mo(target, fresh)
    return [f"untranslated: {t!r}" for t in untranslated]


def _texts(compiled: Path) -> dict[str, Any]:
    return {str(m.id): m.string for m in read_mo(io.BytesIO(compiled.read_bytes())) if m.id}


def _without_dates(file: Path) -> None:
    """A date in the header would change the file at each run."""
    lines = [x for x in file.read_text(encoding="utf-8").splitlines() if "-Date: " not in x]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Update or check the packages named."""
    check, bad = "--check" in arguments, 0
    for name in (a for a in arguments if not a.startswith("-")):
        for locale in LOCALES:
            problems = update(Path(name).resolve(), locale, check=check)
            bad += len(problems)
            print(*(f"{name} {locale}: {p}" for p in problems), sep="\n")
    return 1 if check and bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
