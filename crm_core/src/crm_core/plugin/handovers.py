"""What a user holds beside records with an owner, so that it can be given to others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from crm_core.i18n import Text

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One thing of a user that is no record with an owner. key: plain text its `Handover` finds it by."""

    key: str
    title: str
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What a user may hold beside records with an owner: rules, pools, schedules, shares.

    held: async (uow, user_id) -> the things held now. move: async (uow, user_id, to, keys) -> keys that are
    the other user's now. back: async (uow, user_id, to, keys), gives exactly these back (undo). All inside one
    transaction with the actor of whoever hands over, who has `core.user.hand_over`.
    """

    name: str
    label: Text
    held: Callable[[UnitOfWork, UUID], Awaitable[Sequence[Held]]]
    move: Callable[[UnitOfWork, UUID, UUID, Sequence[str]], Awaitable[Sequence[str]]]
    back: Callable[[UnitOfWork, UUID, UUID, Sequence[str]], Awaitable[None]]
