"""What an uploaded file may be called and what its bytes say it is; checks that forms and API share."""

from __future__ import annotations

import mimetypes
import re

from crm_core.entity import fields as f
from crm_core.entity.clean import BadValue
from crm_core.i18n import Strings

_ = Strings("crm_core")

# What a browser may be told it is. Everything else, HTML and SVG included, is only ever a download.
KNOWN = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
)
UNKNOWN = "application/octet-stream"
BY_NAME = (UNKNOWN, "application/zip")  # bytes do not tell text from text, or one office format from another
SIGNED = frozenset(kind for _sign, kind in KNOWN) - {"application/zip"}
LONGEST = 200


def media_type(start: bytes) -> str:
    """Return the media type that the first bytes of a file show."""
    return next((kind for sign, kind in KNOWN if start.startswith(sign)), UNKNOWN)


def safe_name(name: str) -> str:
    """Return a file name without folders, control characters and direction marks; never empty."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(" .")
    return kept[-LONGEST:] or "file"


def demand_fits(field: f.File, name: str, size: int, media: str) -> None:
    """Raise BadValue for a file that a field does not take: too large, empty, or of another type.

    media: as told from the bytes; the name decides only where bytes cannot.
    """
    if size > field.limit:
        raise BadValue(_("{name} is too large: {size}, at most {limit}.", name=name, size=shown_size(size),
                         limit=shown_size(field.limit)))  # fmt: skip
    if not size:
        raise BadValue(_("{name} is empty.", name=name))
    said = mimetypes.guess_type(name)[0] if media in BY_NAME else media
    if said in SIGNED:
        said = media  # its bytes would have shown it
    if field.accept and media not in field.accept and said not in field.accept:
        raise BadValue(_("{name} is not one of: {known}.", name=name, known=shown_types(field)))


def shown_types(field: f.File) -> str:
    """Return the types a field takes as people call them: "PDF, PNG"."""
    found = ((mimetypes.guess_extension(t) or t.rpartition("/")[2]).lstrip(".").upper() for t in field.accept)
    return ", ".join(dict.fromkeys(found))


def shown_size(size: int) -> str:
    """Return a number of bytes as people read it: "1.4 MB"."""
    if size < 1024:
        return f"{size} B"
    value, unit = (size / 1024, "kB") if size < 2**20 else (size / 2**20, "MB")
    return f"{value:.0f} {unit}" if value >= 10 or value == int(value) else f"{value:.1f} {unit}"
