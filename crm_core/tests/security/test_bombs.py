"""T17: files that unpack to far more than they are: refused in words, with little memory, on every way in."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crm_core.testing.people import Api
from openpyxl import Workbook

MB = 2**20
MOST = 100 * MB
READ = """
import resource, sys
from pathlib import Path
from crm_core.errors import CrmError
from crm_core.features.imports.sheets import open_sheet
import openpyxl  # its own size is no fault of the file
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before, rows = most(), 0
try:
    for row in open_sheet(Path(sys.argv[1])).rows():
        rows += 1
    told = f"read {rows}"
except CrmError as error:
    told = f"refused: {error}"
print(most() - before, told)
"""


TEXTS = (
    b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    b'spreadsheetml.sharedStrings+xml"/></Types>'
)


def book(**replaced: bytes | Callable[[zipfile.ZipFile, str], None]) -> bytes:
    """Return a small workbook in which parts ("sharedStrings.xml") are replaced."""
    made, plain = io.BytesIO(), io.BytesIO()
    source = Workbook()
    assert source.active is not None
    source.active.append(["name"])
    source.active.append(["Acme"])
    source.save(plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = replaced.pop(name.rpartition("/")[2], None)
            if callable(part):
                part(new, name)
            else:
                text = old.read(name) if part is None else part
                new.writestr(name, text.replace(b"</Types>", TEXTS) if name.startswith("[Content") else text)
        for name, part in replaced.items():  # the library that writes puts texts into their cells
            assert callable(part)
            part(new, f"xl/{name}")
    return made.getvalue()


def long(start: bytes, middle: bytes, times: int, end: bytes) -> Callable[[zipfile.ZipFile, str], None]:
    """Return what writes a part that repeats itself, without holding it."""

    def write(archive: zipfile.ZipFile, name: str) -> None:
        with archive.open(name, "w", force_zip64=True) as part:
            part.write(start)
            block = middle * (MB // len(middle) + 1)
            for _n in range(times * len(middle) // len(block) + 1):
                part.write(block)
            part.write(end)

    return write


SHEET = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
    b'<c r="A1" t="inlineStr"><is><t>name</t></is></c></row>'
)
END = b"</sheetData></worksheet>"
ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]>"
)


def many_entries() -> bytes:
    """Return a workbook with ten thousand further entries."""
    made = io.BytesIO(book())
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10_000):
            archive.writestr(f"xl/media/{number}.bin", b"0" * 50_000)
    return made.getvalue()


def lying() -> bytes:
    """Return a workbook whose largest part says that it is small."""
    made = bytearray(book(**{"sheet1.xml": long(SHEET, b"<row><c><v>1</v></c></row>", 20_000_000, b"")}))
    for sign, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = -1
        while (at := made.find(sign, at + 1)) >= 0:
            if struct.unpack_from("<I", made, at + place)[0] > MB:
                struct.pack_into("<I", made, at + place, 1000)
    return bytes(made)


BOMBS: dict[str, Callable[[], bytes]] = {
    "a sheet of 600 MB": lambda: book(**{"sheet1.xml": long(SHEET, b"<row/>", 100_000_000, END)}),
    "one cell of 300 MB": lambda: book(
        **{"sheet1.xml": long(SHEET + b'<row r="2"><c r="A2" t="inlineStr"><is><t>', b"a" * 100, 3_000_000, b"")}
    ),
    "texts of 300 MB": lambda: book(
        **{"sharedStrings.xml": long(
            b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">', b"<si><t>a</t></si>",
            18_000_000, b"</sst>")}
    ),
    "styles of 300 MB": lambda: book(**{"styles.xml": long(b"<styleSheet>", b"<xf/>", 60_000_000, b"</styleSheet>")}),
    "entities that multiply": lambda: book(
        **{"sharedStrings.xml": long(ENTITIES + b"<sst><si><t>&j;</t></si>", b" ", 1, b"</sst>")}
    ),
    "one row of many cells": lambda: book(
        **{"sheet1.xml": long(SHEET + b'<row r="2">', b"<c/>", 90_000_000, b"</row></sheetData></worksheet>")}
    ),
    "many empty rows": lambda: book(**{"sheet1.xml": long(SHEET, b"<row/>", 60_000_000, END)}),
    "many empty rows by another name": lambda: book(
        **{"sheet1.xml": long(SHEET.replace(b"<worksheet ", b"<worksheet xmlns:q='http://schemas.openxmlformats.org/"
                                            b"spreadsheetml/2006/main' "), b"<q:row/>", 40_000_000, b"")}
    ),
    "many notes behind the rows": lambda: book(
        **{"sheet1.xml": long(SHEET + b"</sheetData><mergeCells>", b'<mergeCell ref="A1:B2"/>', 15_000_000, b"")}
    ),
    "entities that multiply in the sheet": lambda: book(
        **{"sheet1.xml": ENTITIES + SHEET + b'<row r="2"><c r="A2" t="inlineStr"><is><t>&j;</t></is></c></row>' + END}
    ),
    "ten thousand entries": many_entries,
    "a part that lies about its size": lying,
    "a workbook in a workbook": lambda: book(**{"sheet1.xml": book()}),
}  # fmt: skip


@pytest.mark.counted
@pytest.mark.parametrize("name", BOMBS)
def test_spreadsheet_that_unpacks_to_too_much_costs_little_and_is_refused(name: str, tmp_path: Path) -> None:
    file = tmp_path / "bomb.xlsx"
    file.write_bytes(BOMBS[name]())
    done = subprocess.run(
        [sys.executable, "-c", READ, str(file)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    grown, _space, told = done.stdout.strip().partition(" ")
    print(f"T17 {name}: {file.stat().st_size / 1024:.0f} kB, {int(grown) / MB:.0f} MB of memory, {told}")
    assert int(grown) < MOST
    assert told.startswith("refused:"), told


def test_spreadsheet_of_ordinary_size_is_read(tmp_path: Path) -> None:
    """Twenty thousand rows that are much alike: the limits are not in the way of real files."""
    source = Workbook(write_only=True)
    sheet = source.create_sheet()
    sheet.append(["name", "city", "note"])
    for number in range(20_000):
        sheet.append([f"Company {number}", "Lisbon", "the same note in each of the rows of this file"])
    source.save(tmp_path / "book.xlsx")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / "book.xlsx")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("read 20000"), done.stdout


def image(width: int, height: int) -> bytes:
    """Return a PNG of one colour that is small in the file and large when it is drawn."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeeze = zlib.compressobj(9)
    line = b"\0" + b"\0" * (width // 8)
    rows = b"".join(squeeze.compress(line * 100) for _n in range(height // 100)) + squeeze.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


@pytest.mark.counted
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_image_and_archive_bombs_are_stored_unopened_and_given_out_as_they_came(api: Api) -> None:
    """Nothing here draws or unpacks an upload: a bomb is bytes, with our name and nosniff."""
    import resource

    bombs = {"huge.png": image(50_000, 50_000), "archive.zip": book()}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, content in bombs.items():
        made: Any = await api.client.post("/api/v1/files/upload", files={"file": (name, content)}, headers=api.headers)
        assert made.status_code == 201, made.text
        got = await api.client.get(f"/api/v1/files/{made.json()['id']}/content", headers=api.headers)
        assert got.content == content
        assert got.headers["content-disposition"].startswith("attachment")
        assert got.headers["x-content-type-options"] == "nosniff"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(f"T17 images: {len(bombs['huge.png']) / 1024:.0f} kB for 50,000 x 50,000, {grown / MB:.0f} MB of memory")
    assert grown < MOST


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_bomb_is_refused_in_words_by_the_import_of_the_api_and_its_preview(api: Api) -> None:
    bomb = BOMBS["texts of 300 MB"]()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    for path in ("/api/v1/imports/preview", "/api/v1/imports"):
        answer = await api.client.post(
            path, params={"entity": "companies"}, content=bomb, headers={**api.headers, "content-type": kind}
        )
        assert answer.status_code == 422, answer.text
        assert "too large when unpacked" in answer.json()["detail"]
