"""What the API says about comments beyond the records themselves."""

from __future__ import annotations

from uuid import UUID

import msgspec


class Candidate(msgspec.Struct, kw_only=True):
    """Somebody who can be named in a comment, and the words that do it."""

    id: UUID
    name: str
    markup: str
