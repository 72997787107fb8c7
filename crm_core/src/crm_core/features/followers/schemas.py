"""What the API says about following."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class FollowOut(msgspec.Struct, kw_only=True):
    """A record the actor follows."""

    about: str
    title: str
    href: str
    reason: str
    since: datetime


class Follower(msgspec.Struct, kw_only=True):
    """Somebody who follows a record."""

    user_id: UUID
    name: str


class FollowState(msgspec.Struct, kw_only=True):
    """Whether the actor follows a record, and who does in all."""

    about: str
    following: bool
    followers: list[Follower]
