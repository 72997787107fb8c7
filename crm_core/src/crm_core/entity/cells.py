"""Texts in cells: none of them is taken for a formula by a spreadsheet, and each comes back as it was."""

from __future__ import annotations

# What spreadsheet programs take for a formula, full-width forms included (see the export).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def shielded(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula; `unshielded` gives it back."""
    return f"'{text}" if text.startswith("'") or text.lstrip(" ").startswith(FORMULA) else text


def unshielded(text: str) -> str:
    """Return the text that `shielded` was given."""
    rest = text[1:]
    return rest if text.startswith("'") and (rest.startswith("'") or rest.lstrip(" ").startswith(FORMULA)) else text
