"""Folding of text, the same on both databases because it happens here."""

from __future__ import annotations

import re
import unicodedata

# NFKD leaves these letters alone although people search for them without the stroke.
_EXTRA = str.maketrans({"ł": "l", "ø": "o", "œ": "oe", "æ": "ae", "đ": "d", "ı": "i", "þ": "th", "ð": "d"})


def fold(text: str) -> str:
    """Return `text` without case, accents and compatibility forms: `Müller` and `MULLER` are equal."""
    if text.isascii():
        return text.lower().strip()
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_EXTRA))
    return "".join(c for c in plain if not unicodedata.combining(c)).strip()


def words(text: str) -> list[str]:
    """Return the folded words of `text`: runs of letters and digits."""
    return re.findall(r"[^\W_]+", fold(text))
