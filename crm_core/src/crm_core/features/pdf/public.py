"""PDF files from HTML: what features and plugins use for letters, quotes and reports.

    drawn = await render_pdf(html, title="Quote 12")

Drawing happens in a process of its own within 10 s and 512 MB, in both ways to run. Nothing is fetched and no file is
read but the fonts that come with the CRM; pictures are put in as data addresses made by `picture_address`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from crm_core.errors import Invalid
from crm_core.features.pdf.drawing import draw, logo, picture
from crm_core.i18n import Strings
from crm_core.isolate import IsolatedFailure, run_in_process

_ = Strings("crm_core")
SECONDS, MEGABYTES = 10.0, 512

__all__ = ["Drawn", "PdfFailed", "PictureInvalid", "logo_of", "picture_address", "render_pdf"]


class PdfFailed(Invalid):
    """The document cannot be drawn: it is broken, too long, or wants too much memory."""


class PictureInvalid(Invalid):
    """The bytes are no picture that can be drawn."""


class Drawn(msgspec.Struct, frozen=True):
    """A PDF. missing: printed characters that no font has (they leave a gap). warnings: what was left out and why."""

    pdf: bytes
    missing: str = ""
    warnings: list[str] = []


async def render_pdf(html: str, *, title: str = "") -> Drawn:
    """Return a document drawn as PDF. PdfFailed when it cannot be; RuntimeError in a transaction that has written."""
    try:
        answer: Any = await run_in_process(draw, {"html": html, "title": title}, SECONDS, MEGABYTES)
    except IsolatedFailure as error:
        raise PdfFailed(_("The PDF cannot be made: {reason}", reason=str(error)[:300])) from error
    return Drawn(**answer)


async def picture_address(content: bytes) -> str:
    """Return an uploaded picture (PNG, JPEG, GIF, WebP) as an address for `<img src>`; PictureInvalid if it is none."""
    return str(await _drawn(picture, content))


async def logo_of(content: bytes) -> bytes:
    """Return an uploaded picture as a PNG of at most 480 x 160 pixels; PictureInvalid if it is none."""
    return bytes(await _drawn(logo, content))


async def _drawn(draws: Callable[[bytes], Any], content: bytes) -> Any:
    try:
        return await run_in_process(draws, content, SECONDS, MEGABYTES)
    except IsolatedFailure as error:
        raise PictureInvalid(_("This picture cannot be used: {reason}", reason=str(error)[:200])) from error
