"""What the API says about number series."""

from __future__ import annotations

import msgspec


class NextNumber(msgspec.Struct, kw_only=True):
    """The number that would be drawn next, and the last one used in any year (null: none yet)."""

    number: str
    last: int | None
