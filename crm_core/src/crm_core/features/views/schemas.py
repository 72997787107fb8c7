"""What the API says about saved views."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

Share = Literal["private", "team", "everyone"]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Word = Annotated[str, Meta(max_length=200)]


class ViewState(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a list shows. filters: as in a list's address, field name to values; filter: as in the API."""

    q: Word = ""
    sort: Word = ""
    group: Word = ""
    columns: Annotated[list[Word], Meta(max_length=100)] = []
    filters: Annotated[dict[Word, list[Word]], Meta(max_length=100)] = {}
    filter: Any = None


class NewView(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A view to save. team_id: with share "team"; by default the actor's own team."""

    name: Name
    entity: str
    share: Share = "private"
    team_id: UUID | None = None
    state: ViewState = msgspec.field(default_factory=ViewState)


class ViewChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of a view changes."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    share: Share | msgspec.UnsetType = msgspec.UNSET
    team_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    state: ViewState | msgspec.UnsetType = msgspec.UNSET


class ViewOut(msgspec.Struct, kw_only=True):
    """A saved view. missing: names in it that are unknown today or not for the actor. href: its shareable link."""

    id: UUID
    name: str
    entity: str
    share: str
    team_id: UUID | None
    owner_id: UUID
    owner: str
    mine: bool
    is_first: bool
    state: ViewState
    missing: list[str]
    href: str
    updated_at: datetime


class Group(msgspec.Struct, kw_only=True):
    """Records of a list that share a value. sums: by field; filter: what finds them, beside the list's own."""

    value: Any
    label: str
    count: int
    sums: dict[str, Any]
    filter: Any


class Groups(msgspec.Struct, kw_only=True):
    """A list in groups, with count and sums of all. unrated: {amount: {currency without a rate: records left out}}.

    more: there are further groups, smaller than these.
    """

    group: str
    items: list[Group]
    count: int
    sums: dict[str, Any]
    unrated: dict[str, dict[str, int]]
    more: bool
