"""Table cells that are never shrunk to the height of a page: a row that is too tall goes on over the next pages.

xhtml2pdf 0.2 makes the content of a cell smaller until the row fits one page, without a word: 400 lines became specks.
It can cut a row, but only one whose cells have their natural height. So cells are made of its own class for parts of a
row, which is shrunk to the width of its column only. What is still drawn much smaller than it was written is noted.
"""

from __future__ import annotations

from typing import Any

from reportlab.platypus.flowables import KeepInFrame
from xhtml2pdf import parser, tables
from xhtml2pdf.xhtml2pdf_reportlab import PmlKeepInFrame, _CellPart

LEAST = 0.6
"""Smaller than this part of its size, text is noted as too small to read."""
shrunk: set[str] = set()
"""What was drawn too small since this was emptied."""


class Cell(_CellPart):  # type: ignore[misc]  # the library has no types
    """The content of a cell at its natural height."""

    def wrap(self, width: float, height: float) -> Any:
        """Return the size taken; note when the width made the text small."""
        size = super().wrap(width, height)
        _note(self, "A table cell holds a word or picture wider than its column: its text was drawn at {percent} %.")
        return size


class Box(KeepInFrame):  # type: ignore[misc]  # the library has no types
    """What `-pdf-keep-in-frame-mode` makes of other elements."""

    def wrap(self, width: float, height: float) -> Any:
        """Return the size taken; note when the text became small."""
        size = super().wrap(width, height)
        _note(self, "-pdf-keep-in-frame-mode drew its text at {percent} %.")
        return size


def _note(flowable: Any, text: str) -> None:
    scale = getattr(flowable, "_scale", None) or 1
    if 1 / scale < LEAST:
        shrunk.add(text.format(percent=round(100 / scale)))


def _cell(maxWidth: float, maxHeight: float, mode: str, content: list[Any]) -> Any:  # noqa: N803 - the library's names
    if mode == "shrink":
        return Cell(content)
    return PmlKeepInFrame(maxWidth=maxWidth, maxHeight=maxHeight, mode=mode, content=content)


def install() -> None:
    """Put these classes in the places of the library's own; this process draws PDF files and nothing else."""
    tables.PmlKeepInFrame, parser.KeepInFrame = _cell, Box
