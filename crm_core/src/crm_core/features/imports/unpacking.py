"""What an XLSX file may unpack to: the library that reads it holds texts, styles and each row whole in memory."""

from __future__ import annotations

import re
import zipfile

MB = 2**20
LARGEST = 400 * MB  # all parts together
LARGEST_TEXTS = 64 * MB  # xl/sharedStrings.xml
LARGEST_OTHER = 8 * MB  # any further part that is read: styles, workbook, relations
LONGEST_ROW = 4 * MB
MOST_ROWS = 1_048_577  # what a spreadsheet can have, and one
BLOCK = MB
LONGEST_TAG = 50  # of a row, as far as it is looked at; it may lie across two blocks
_ROW = re.compile(rb"<[^<>\s/]{0,40}?row[\s>/]")


def is_tame(archive: zipfile.ZipFile) -> bool:
    """Return whether a workbook can be read with bounded memory; sizes that lie end the reading by themselves."""
    parts = [i for i in archive.infolist() if i.filename.endswith((".xml", ".rels"))]
    if sum(i.file_size for i in archive.infolist()) > LARGEST:
        return False
    for part in parts:
        if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
            if not _rows_are_tame(archive, part):
                return False
        elif part.file_size > (LARGEST_TEXTS if part.filename.endswith("sharedStrings.xml") else LARGEST_OTHER):
            return False
    return True


def _rows_are_tame(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Return whether no stretch between two rows is very long, and there are not more rows than can be."""
    since = rows = 0
    with archive.open(part) as file:
        rest = b""
        while block := file.read(BLOCK):
            text = rest + block
            ends = [m.end() for m in _ROW.finditer(text)]
            rows += len(ends)
            since = len(text) - ends[-1] if ends else since + len(block)
            if since > LONGEST_ROW or rows > MOST_ROWS:
                return False
            rest = text[max(len(text) - LONGEST_TAG, ends[-1] if ends else 0) :]
    return True
