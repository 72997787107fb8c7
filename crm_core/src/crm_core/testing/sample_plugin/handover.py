"""Who is on duty for visits: kept in memory, as the smallest thing a user can hold and hand over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from crm_core.plugin import Handover, Held, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings(__package__)
ROTA: dict[str, UUID] = {}


async def held(uow: UnitOfWork, user_id: UUID) -> list[Held]:
    """Return the duties of a user."""
    return [Held(key=duty, title=duty) for duty, user in ROTA.items() if user == user_id]


async def move(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> list[str]:
    """Give duties to another user, as soon as that is committed."""
    moved = [k for k in keys if ROTA.get(k) == user_id]
    uow.after_commit(lambda: ROTA.update(dict.fromkeys(moved, to)))
    return moved


async def back(uow: UnitOfWork, user_id: UUID, to: UUID, keys: Sequence[str]) -> None:
    """Give exactly these duties back."""
    kept = [k for k in keys if ROTA.get(k) == to]
    uow.after_commit(lambda: ROTA.update(dict.fromkeys(kept, user_id)))


DUTIES = Handover(name="sample.duties", label=_("Duties"), held=held, move=move, back=back)
