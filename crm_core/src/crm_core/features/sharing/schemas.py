"""What the API says about shares and about why a record may be seen."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec


class NewShare(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A user or a team to whom a record is opened, to read or to edit; a second share of the holder replaces it."""

    level: Literal["read", "edit"] = "read"
    user_id: UUID | None = None
    team_id: UUID | None = None


class ShareOut(msgspec.Struct):
    """One share of a record."""

    id: UUID
    level: str
    name: str
    user_id: UUID | None = None
    team_id: UUID | None = None


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason. kind: everything, public, all, owner, team, share, rule, parent.

    roles: names of the roles that grant the verb far enough. path: teams from the user's own down to the record's.
    """

    kind: str
    text: str
    roles: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


class VerbAccess(msgspec.Struct, omit_defaults=True):
    """Whether a user may do something with a record; reasons for it, and what hinders it all the same."""

    verb: str
    allowed: bool
    scope: str
    reasons: list[Reason]
    hindered_by: list[str] = []


class Access(msgspec.Struct):
    """What one user may do with one record, and why."""

    user_id: UUID
    name: str
    verbs: list[VerbAccess]
