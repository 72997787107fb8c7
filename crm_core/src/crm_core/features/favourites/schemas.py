"""What the API says about favourites."""

from __future__ import annotations

from datetime import datetime

import msgspec


class FavouriteOut(msgspec.Struct, kw_only=True):
    """A record with the actor's star. kind: what it is, in words."""

    about: str
    title: str
    kind: str
    icon: str
    href: str
    since: datetime
