"""Runs in a process of its own: HTML to PDF with xhtml2pdf, which fetches nothing and reads only our fonts."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

MOST_PAGES_SECONDS = 9.0
LARGEST_HTML = 4 * 1024 * 1024
MOST_PIXELS = 20_000_000
DEEPEST = 200
MOST_WARNINGS = 20
TOO_TALL = (
    "something that cannot be cut is taller than a page: a picture, or a table row that a cell with rowspan crosses"
)
SHOWN_PIXELS = 2000
LOGO_PIXELS = (480, 160)
# Family, style and weight of each file, in the order in which glyphs are looked for.
FONTS = (
    ("Noto Sans", "normal", "normal", "NotoSans_400Regular"),
    ("Noto Sans", "normal", "bold", "NotoSans_700Bold"),
    ("Noto Sans", "italic", "normal", "NotoSans_400Regular_Italic"),
    ("Noto Sans", "italic", "bold", "NotoSans_700Bold_Italic"),
    ("Noto Sans Hebrew", "normal", "normal", "NotoSansHebrew_400Regular"),
    ("Noto Sans Hebrew", "normal", "bold", "NotoSansHebrew_700Bold"),
    ("Noto Sans Arabic", "normal", "normal", "NotoSansArabic_400Regular"),
    ("Noto Sans Arabic", "normal", "bold", "NotoSansArabic_700Bold"),
)
FAMILIES = ", ".join(f"'{name}'" for name in dict.fromkeys(f[0] for f in FONTS))
# Characters that draw nothing, and those that only steer their neighbours.
SILENT = frozenset(map(chr, (*range(0x20), 0x7F, 0xA0, 0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
                             *range(0x2060, 0x2070), *range(0xFE00, 0xFE10), 0xFEFF)))  # fmt: skip


def fonts() -> Path:
    """Return the folder of the fonts."""
    return Path(str(files("crm_ui_assets"))) / "static" / "ttf"


def draw(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return {"pdf": bytes, "missing": characters without a glyph, "warnings": texts}. data: html, title, language."""
    from reportlab.platypus.doctemplate import LayoutError
    from xhtml2pdf.document import pisaDocument
    from xhtml2pdf.files import ResourceAccessPolicy

    from crm_core.features.pdf import cells

    cells.install()
    cells.shrunk.clear()
    html = str(data["html"])
    policy = ResourceAccessPolicy.server(
        None, allow_remote=False, extra_roots=(fonts(),), max_image_pixels=MOST_PIXELS, max_depth=DEEPEST,
        max_render_seconds=MOST_PAGES_SECONDS, max_document_bytes=LARGEST_HTML, allow_remote_pdf_backgrounds=False,
    )  # fmt: skip
    out = io.BytesIO()
    try:
        with _logged() as logged:
            found = pisaDocument(
                io.BytesIO((_faces() + html).encode()), out, encoding="utf-8", resource_policy=policy, path="",
                context_meta={"title": data["title"]},
            )  # fmt: skip
    except LayoutError as error:
        raise ValueError(TOO_TALL) from error
    if found.err:
        raise ValueError("; ".join(_said(found))[:500] or "the document cannot be drawn")
    return {
        "pdf": out.getvalue(),
        "missing": missing(html),
        "warnings": [*_said(found), *logged, *sorted(cells.shrunk)][:MOST_WARNINGS],
    }


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect what the library only logs: that the content of a frame was made smaller."""
    texts: list[str] = []
    logger, handler = logging.getLogger("xhtml2pdf"), logging.Handler(logging.WARNING)
    handler.emit = lambda record: texts.append(record.getMessage()[:300])  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        yield texts
    finally:
        logger.removeHandler(handler)
        texts[:] = [text for text in dict.fromkeys(texts) if "keep-in-frame" in text]


def _said(found: Any) -> list[str]:
    """Return the library's remarks, those about glyphs aside: `missing` names the characters."""
    return [text[:300] for entry in found.log if not (text := str(entry[2])).startswith("No font this document has")]


@lru_cache(maxsize=1)
def _faces() -> str:
    faces = "".join(
        f"@font-face {{ font-family: '{family}'; font-style: {style}; font-weight: {weight};"
        f" src: url('{fonts() / file}.ttf'); }}\n"
        for family, style, weight, file in FONTS
    )
    text = f"font-family: {FAMILIES}; font-size: 10pt; overflow-wrap: break-word"  # a long word stays in its column
    return f"<style>{faces} html, body, table, td, th {{ {text}; }}</style>"


class _Texts(HTMLParser):
    """Collects what a document prints."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.silent += tag in ("style", "script", "title")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("style", "script", "title")

    def handle_data(self, data: str) -> None:
        if self.silent <= 0:
            self.found |= set(data)


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    from reportlab.pdfbase.ttfonts import TTFontFile

    upright = [file for _family, style, weight, file in FONTS if (style, weight) == ("normal", "normal")]
    return frozenset(c for file in upright for c in TTFontFile(str(fonts() / f"{file}.ttf")).charToGlyph)


def missing(html: str) -> str:
    """Return the printed characters that none of the fonts has, sorted."""
    texts = _Texts()
    texts.feed(html)
    return "".join(sorted(c for c in texts.found - SILENT if ord(c) not in _glyphs()))


def picture(content: bytes) -> str:
    """Return an uploaded picture as a data address, drawn anew as PNG: nothing of the upload but its pixels is kept.

    ValueError for what is no picture or has too many pixels.
    """
    return "data:image/png;base64," + base64.b64encode(_anew(content, (SHOWN_PIXELS, SHOWN_PIXELS))).decode()


def logo(content: bytes) -> bytes:
    """Return an uploaded logo as a small PNG, drawn anew; ValueError as `picture`."""
    return _anew(content, LOGO_PIXELS)


def _anew(content: bytes, most: tuple[int, int]) -> bytes:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError("the picture has too many pixels")
        image.thumbnail(most)
        out = io.BytesIO()
        image.convert("RGBA").save(out, "PNG", optimize=True)
    return out.getvalue()
