"""How long spam and what nobody confirmed are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.features.web_forms.models import WebFormSubmission
from crm_core.plugin import Retention, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
TABLE: Any = WebFormSubmission.__table__


def _of(*states: str) -> dict[str, Callable[..., Awaitable[int]]]:
    def old(before: datetime) -> tuple[Any, ...]:
        return (TABLE.c.state.in_(states), TABLE.c.created_at < before, TABLE.c.record_id.is_(None))

    async def count(uow: UnitOfWork, before: datetime) -> int:
        return await uow.session.scalar(sa.select(sa.func.count()).select_from(TABLE).where(*old(before))) or 0

    async def delete(uow: UnitOfWork, before: datetime, limit: int) -> int:
        some = sa.select(TABLE.c.id).where(*old(before)).limit(limit)
        done = await uow.session.execute(sa.delete(TABLE).where(TABLE.c.id.in_(some)))
        return int(done.rowcount)  # type: ignore[attr-defined]  # a cursor result

    return {"count": count, "delete": delete}


KINDS = (
    Retention(name="core.web_form_spam", label=_("Spam sent through web forms"), days=30, **_of("spam")),
    Retention(
        name="core.web_form_pending", label=_("Submissions that nobody confirmed"), days=30, **_of("pending", "expired")
    ),
)
