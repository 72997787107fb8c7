"""Whether stored bytes hold one of some words: plain text, office files and archives, PDF."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from crm_core.features.privacy.scrub import spellings
from crm_core.isolate import IsolatedFailure, run_in_process

BLOCK = 1024 * 1024
OVERLAP = 2048
LARGEST = 64 * 1024 * 1024
"""Bytes looked at in an unpacked archive, and of a PDF."""
SECONDS, MEGABYTES = 10.0, 512
CODES = ("utf-8", "utf-16-le", "cp1252")


def encoded(words: Iterable[str]) -> list[bytes]:
    """Return the words as bytes of the usual encodings, in small letters."""
    found: dict[bytes, None] = {}
    for word in {s for w in words for s in spellings(w)}:
        for form in (word.lower(), word):
            for code in CODES:
                try:
                    found[form.encode(code).lower()] = None
                except UnicodeEncodeError:
                    continue
    return sorted(found)


async def holds(path: Path, words: Sequence[str]) -> bool | None:
    """Return whether a file holds one of the words; None when it cannot be looked through."""
    wanted = encoded(words)
    if not wanted:
        return False
    found = await asyncio.to_thread(_in_file, path, wanted)
    if found is not False or not await asyncio.to_thread(_is_pdf, path):
        return found
    content = await asyncio.to_thread(path.read_bytes)
    if len(content) > LARGEST:
        return None
    try:
        text = str(await run_in_process(pdf_text, content, SECONDS, MEGABYTES))
    except IsolatedFailure:
        return None
    plain = re.sub(r"\s+", " ", text).lower().encode()
    return any(w in plain or w.replace(b" ", b"") in plain.replace(b" ", b"") for w in wanted)


def _in_file(path: Path, wanted: Sequence[bytes]) -> bool | None:
    with path.open("rb") as file:
        if _in_stream(file, wanted, None):
            return True
    if not zipfile.is_zipfile(path):
        return False
    left = LARGEST
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as part:
                    if _in_stream(part, wanted, left):
                        return True
                    left -= part.tell()
                if left <= 0:
                    return None
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError):
        return None  # damaged or under a password: the receipt lists it for somebody to look at
    return False


def _in_stream(file: IO[bytes], wanted: Sequence[bytes], most: int | None) -> bool:
    before = b""
    while block := file.read(BLOCK):
        text = before + block.lower()
        if any(w in text for w in wanted):
            return True
        before = text[-OVERLAP:]
        if most is not None and file.tell() > most:
            return False
    return False


def _is_pdf(path: Path) -> bool:
    with path.open("rb") as file:
        return b"%PDF-" in file.read(1024)


def pdf_text(content: bytes) -> str:
    """Return the text of a PDF; runs in a process of its own."""
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
