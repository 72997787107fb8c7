"""What the API says about handing over, and the calls of its jobs."""

from __future__ import annotations

from uuid import UUID

import msgspec

from crm_core.plugin import JobCall


class HandOver(JobCall, frozen=True, kw_only=True):
    """Moves what a user holds. to: entity or `Handover` name -> new holder. closed: records no longer open as well."""

    user_id: UUID
    cause: UUID
    to: dict[str, UUID]
    closed: bool = False


class UndoHandOver(JobCall, frozen=True, kw_only=True):
    """Gives back what a hand-over moved, as far as it is still where it was moved to."""

    user_id: UUID
    cause: UUID


class NewHandOver(msgspec.Struct, forbid_unknown_fields=True):
    """Who gets what: `to` everything, `choices` other people for some names (null: it stays).

    closed: records no longer open as well. switch_off: end the user's sessions and tokens, and let nobody in.
    """

    to: UUID | None = None
    choices: dict[str, UUID | None] = {}
    closed: bool = False
    switch_off: bool = False


class Undo(msgspec.Struct, forbid_unknown_fields=True):
    """Which hand-over to undo."""

    cause: UUID


class HeldRecords(msgspec.Struct):
    """Records of one kind: how many are open, how many in all."""

    name: str
    label: str
    open: int
    total: int


class HeldThing(msgspec.Struct):
    """One rule, pool, schedule or share."""

    title: str
    href: str = ""


class HeldThings(msgspec.Struct):
    """Things of one kind that are no records with an owner; the first fifty by name."""

    name: str
    label: str
    count: int
    items: list[HeldThing]


class Run(msgspec.Struct):
    """The last hand-over: its cause, its state (pending, running, done, dead, cancelled), and how far it is."""

    cause: UUID
    state: str
    done: int
    total: int
    undone: bool
    moved: dict[str, int] = {}


class HandOverOut(msgspec.Struct):
    """What a user holds now."""

    user_id: UUID
    name: str
    is_active: bool
    entities: list[HeldRecords]
    resources: list[HeldThings]
    last: Run | None = None


class Started(msgspec.Struct):
    """A hand-over or its undoing was begun; ask GET for how far it is."""

    job: UUID | None
    cause: UUID
