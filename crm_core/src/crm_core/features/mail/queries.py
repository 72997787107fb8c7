"""What suppresses an address, and whether sending is paused."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from crm_core.db.tables import NOBODY, Setting
from crm_core.entity.folding import fold
from crm_core.features.mail.models import Suppression
from crm_core.features.mail.schemas import Reason

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

PAUSE = "core.outgoing_pause"

# What keeps a mail of a kind from an address. Security mails go out always, with a notice for HARD reasons.
HARD = frozenset({Reason.bounce, Reason.complaint})
STOPS: dict[str, frozenset[Reason]] = {
    "marketing": frozenset(Reason),
    "transactional": HARD,
    "security": frozenset(),
}


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Why and since when nothing leaves."""

    reason: str
    since: datetime


async def paused(uow: UnitOfWork) -> Pause | None:
    """Return why nothing may be sent, None when sending is allowed. Asks the database each time."""
    row = await uow.session.scalar(
        sa.select(Setting.value).where(Setting.scope == "system", Setting.user_id == NOBODY, Setting.name == PAUSE)
    )
    return msgspec.convert(row, Pause) if row else None


async def reasons(uow: UnitOfWork, address: str) -> frozenset[Reason]:
    """Return why an address is suppressed, an empty set if it is not."""
    found = await uow.session.scalars(
        sa.select(Suppression.reason).where(Suppression.address_f == fold(address), Suppression.deleted_at.is_(None))
    )
    return frozenset(Reason(reason) for reason in found)


def stopped_by(kind: str, found: Collection[Reason]) -> list[Reason]:
    """Return the reasons that keep a mail of this kind from being sent."""
    return sorted(STOPS[kind] & set(found))
