"""What suppresses an address, and whether sending is paused."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core.db.tables import NOBODY, Setting
from crm_core.entity.folding import fold
from crm_core.features.mail.models import MailFile, MailRow, Suppression
from crm_core.features.mail.schemas import MailOut, Reason, State
from crm_core.i18n import Strings, Text

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

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


COLUMNS = tuple(getattr(MailRow, name) for name in MailOut.__struct_fields__)

# The ledger's tabs: name, label, states.
TABS: tuple[tuple[str, Text, tuple[State, ...]], ...] = (
    ("", _("All"), tuple(State)),
    ("waiting", _("Waiting"), (State.queued, State.sending)),
    ("sent", _("Sent"), (State.sent, State.caught)),
    ("problems", _("Problems"), (State.ambiguous, State.failed)),
    ("suppressed", _("Suppressed"), (State.suppressed,)),
)


async def ledger(
    uow: UnitOfWork, *, states: Collection[str] = (), recipient: str = "", before: UUID | None = None, limit: int = 50
) -> list[MailOut]:
    """Return mails, newest first: of some states, to addresses that begin so, older than one of them."""
    query = sa.select(*COLUMNS).order_by(MailRow.id.desc()).limit(limit)
    if states:
        query = query.where(MailRow.state.in_(states))
    if recipient:
        query = query.where(MailRow.recipient_f.startswith(fold(recipient), autoescape=True))
    if before is not None:
        query = query.where(MailRow.id < before)
    return [MailOut(**row._mapping) for row in await uow.session.execute(query)]  # noqa: SLF001 - SQLAlchemy's own name


async def files_of(uow: UnitOfWork, mail_id: UUID) -> Sequence[MailFile]:
    """Return the attachments of a mail, in order."""
    query = sa.select(MailFile).where(MailFile.mail_id == mail_id).order_by(MailFile.position)
    return (await uow.session.scalars(query)).all()


async def counts(uow: UnitOfWork, states: Collection[str], *, days: int | None = None) -> int:
    """Return how many mails are in some states, perhaps only those of the last `days`."""
    query = sa.select(sa.func.count()).select_from(MailRow).where(MailRow.state.in_(states))
    if days is not None:
        query = query.where(MailRow.created_at > uow.now - timedelta(days=days))
    return await uow.session.scalar(query) or 0
