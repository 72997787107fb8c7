"""Tables in files: CSV of any common encoding and separator, and XLSX, read row by row.

Nothing here knows entities. A file that cannot be read raises SheetError; a row that cannot be read is
a row with a problem.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, TextIO

from crm_core.errors import Invalid
from crm_core.features.imports.unpacking import is_tame
from crm_core.i18n import Strings, Text

_ = Strings("crm_core")

MOST_COLUMNS = 1000
LONGEST_CELL = 200_000  # characters
SEPARATORS = ",;\t|"
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
BINARY = (b"%PDF", b"\x7fELF", b"\x89PNG", b"\xff\xd8\xff", b"\xd0\xcf\x11\xe0", b"GIF8", b"\x1f\x8b")
BLOCK = 1024 * 1024


class SheetError(Invalid):
    """The file cannot be read as a table."""


@dataclass(slots=True)
class Row:
    """One row: its number in the file (the header is 1), its cells, and what is wrong with it."""

    number: int
    cells: list[Any]
    problem: Text | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A readable table: what was found out about the file, and its column titles."""

    path: Path
    columns: tuple[str, ...]
    kind: str  # "csv" or "xlsx"
    encoding: str = ""
    separator: str = ""
    mixed: bool = False
    size: int = 0
    sheet: str = field(default="")

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header; empty ones are left out."""
        return _csv_rows(self) if self.kind == "csv" else _xlsx_rows(self)


def open_sheet(path: Path, *, encoding: str = "", separator: str = "") -> Sheet:
    """Look at a file and return it as a sheet; encoding and separator are found out when empty."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise SheetError(_("The file {name} cannot be opened.", name=path.name)) from error
    if not size:
        raise SheetError(_("The file is empty."))
    if start == b"PK\x03\x04":
        return _open_xlsx(path, size)
    if start.startswith(BINARY):
        raise SheetError(_("This is not a CSV or XLSX file."))
    encoding, mixed = _encoding(path, encoding)
    separator = separator or _separator(path, encoding)
    sheet = Sheet(path, (), "csv", encoding, separator, mixed, size)
    with path.open(encoding=encoding, errors=_errors(sheet), newline="") as file:
        try:
            header = next(csv.reader(_limited(file), delimiter=separator), [])
        except (csv.Error, UnicodeError) as error:
            raise SheetError(_("The first line cannot be read: {reason}.", reason=str(error))) from error
    return Sheet(path, _titles(header), "csv", encoding, separator, mixed, size)


def _titles(header: list[Any]) -> tuple[str, ...]:
    """Return column titles that are all different; SheetError when there are none or too many."""
    if len(header) > MOST_COLUMNS:
        raise SheetError(_("The file has {count} columns; {most} are possible.", count=len(header), most=MOST_COLUMNS))
    titles: list[str] = []
    for number, cell in enumerate(header, 1):
        title = " ".join(str(cell if cell is not None else "").replace("\x00", "").split())[:200] or f"#{number}"
        same = sum(1 for t in titles if t == title or t.startswith(f"{title} ("))
        titles.append(f"{title} ({same + 1})" if title in titles else title)
    if not titles or all(t.startswith("#") for t in titles):
        raise SheetError(_("The first line has no column titles."))
    return tuple(titles)


def _encoding(path: Path, wanted: str) -> tuple[str, bool]:
    """Return the encoding, and whether some bytes do not fit it (rows with them are refused one by one)."""
    with path.open("rb") as file:
        start = file.read(BLOCK)
    for bom, name in BOMS:
        if start.startswith(bom):
            return name, False
    if start.count(0) > len(start) // 20:
        raise SheetError(_("This is not a CSV or XLSX file."))
    if wanted:
        try:
            return codecs.lookup(wanted).name, False
        except LookupError as error:
            raise SheetError(_("Unknown encoding: {name}.", name=wanted)) from error
    good, bad = _count_utf8(path)
    if not bad:
        return "utf-8", False
    # Bytes that are UTF-8 in more places than not: a few rows were pasted in from elsewhere.
    return ("utf-8", True) if good > bad else ("cp1252", False)


def _count_utf8(path: Path) -> tuple[int, int]:
    """Return how many characters beyond ASCII are valid UTF-8, and how many bytes are not."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if block.isascii():
                continue
            for char in decoder.decode(block):
                if "\udc80" <= char <= "\udcff":
                    bad += 1
                elif char > "\x7f":
                    good += 1
    return good, bad


def _separator(path: Path, encoding: str) -> str:
    """Return the separator that splits the first lines most, and into equally many cells."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        sample = file.read(64 * 1024)
    best, most = ",", (0.0, 0)
    for separator in SEPARATORS:
        try:
            lines = [
                len(r)
                for _n, r in zip(
                    range(20), csv.reader(io.StringIO(sample, newline=""), delimiter=separator), strict=False
                )
                if r
            ]
        except csv.Error:
            continue
        if lines and lines[0] > 1:
            alike = sum(1 for count in lines if count == lines[0]) / len(lines)
            if (alike, lines[0]) > most:
                best, most = separator, (alike, lines[0])
    return best


def _errors(sheet: Sheet) -> str:
    return "surrogateescape" if sheet.mixed else "replace"


def _limited(lines: TextIO) -> Iterator[str]:
    """Yield lines; csv.Error for one that is too long to be real."""
    most = LONGEST_CELL * 20
    while line := lines.readline(most + 1):
        if len(line) > most:
            raise csv.Error(f"line longer than {most} characters")
        yield line


def _csv_rows(sheet: Sheet) -> Iterator[Row]:
    width = len(sheet.columns)
    csv.field_size_limit(LONGEST_CELL)
    with sheet.path.open(encoding=sheet.encoding, errors=_errors(sheet), newline="") as file:
        reader = csv.reader(_limited(file), delimiter=sheet.separator)
        next(reader, None)
        number = 1
        while True:
            number += 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                # What follows cannot be told from what was quoted: stop, and say where.
                yield Row(
                    number,
                    [],
                    _(
                        "Line {line}: {reason}. Is a quotation mark not closed?",
                        line=reader.line_num,
                        reason=str(error),
                    ),
                )
                return
            if cells is None:
                return
            if any(cells):
                yield Row(number, cells, _csv_problem(sheet, cells, width))


def _csv_problem(sheet: Sheet, cells: list[str], width: int) -> Text | None:
    if len(cells) > width:
        return _(
            "{count} cells in a table of {width} columns. Is a separator not quoted?", count=len(cells), width=width
        )
    if sheet.mixed and any("\udc80" <= c <= "\udcff" for cell in cells for c in cell):
        return _("This row is not in the encoding of the file ({encoding}).", encoding=sheet.encoding)
    if sheet.encoding != "cp1252" and any("\ufffd" in cell for cell in cells):
        return _("This row is not in the encoding of the file ({encoding}).", encoding=sheet.encoding)
    return None


@contextmanager
def _book(path: Path, **how: bool) -> Iterator[Any]:
    """Open a workbook by its open file: given a path, openpyxl refuses names that do not end with .xlsx."""
    import openpyxl

    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, **how)
        try:
            yield book
        finally:
            book.close()


def _open_xlsx(path: Path, size: int) -> Sheet:
    try:
        with zipfile.ZipFile(path) as archive:
            if not is_tame(archive):
                raise SheetError(_("The file is too large when unpacked."))
        with _book(path, data_only=True) as book:
            sheet = book.worksheets[0]
            if (sheet.max_column or 0) > MOST_COLUMNS:
                _titles([""] * sheet.max_column)
            header = next(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS + 1), ())
            while header and header[-1] is None:
                header = header[:-1]
            return Sheet(path, _titles(list(header)), "xlsx", size=size, sheet=sheet.title)
    except SheetError:
        raise
    except Exception as error:
        raise SheetError(_("This is not an XLSX file that can be read.")) from error


def _xlsx_rows(sheet: Sheet) -> Iterator[Row]:
    width = len(sheet.columns)
    with ExitStack() as stack:
        book = stack.enter_context(_book(sheet.path, data_only=True))
        formulas = stack.enter_context(_book(sheet.path)) if _has_formulas(sheet.path) else None
        yield from _xlsx_filled(sheet, width, book, formulas)


def _xlsx_filled(sheet: Sheet, width: int, book: Any, formulas: Any) -> Iterator[Row]:
    try:
        rows = book.worksheets[0].iter_rows(min_row=2, max_col=width, values_only=True)
        texts = formulas.worksheets[0].iter_rows(min_row=2, max_col=width, values_only=True) if formulas else None
        for number, cells in enumerate(rows, 2):
            raw = next(texts, ()) if texts is not None else ()
            if any(c is not None for c in cells) or any(c is not None for c in raw):
                lost = [
                    sheet.columns[i]
                    for i, c in enumerate(raw)
                    if isinstance(c, str) and c.startswith("=") and cells[i] is None
                ]
                problem = _("The formula in {column} has no stored result.", column=lost[0]) if lost else None
                yield Row(number, [_plain(c) for c in cells], problem)
    except Exception as error:
        raise SheetError(_("The file is damaged.")) from error


def _has_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with archive.open(name) as file:
                    tail = b""
                    while block := file.read(BLOCK):
                        if b"<f>" in tail + block or b"<f " in tail + block:
                            return True
                        tail = block[-3:]
    return False


def _plain(value: Any) -> Any:
    """Return a cell as text, number or day; a day with midnight is a day."""
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value
    if isinstance(value, bool | date):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return value
