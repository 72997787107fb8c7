"""What is asked of assignment and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from crm_core.i18n import Strings

_ = Strings("crm_core")


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One member as they were looked at. skipped: why not, "" if they could have had it. load: their open records.

    detail: of "skill" what is lacking ("german:2"), of "full" the load and the capacity ("5/5").
    """

    user_id: UUID
    name: str
    skipped: str = ""
    detail: str = ""
    chosen: bool = False
    load: int | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """How one record was given out. user_id: who has it now, if anybody.

    outcome: "assigned", "fallback", "passed_on" (to the next pool) or "empty"; of a record that a form or a rule
    offered, "left_out" by the pool's filter and "switched_off" too.
    """

    id: UUID
    pool_id: UUID | None
    pool: str
    entity: str
    record_id: UUID
    user_id: UUID | None
    strategy: str
    outcome: str
    candidates: list[Candidate]
    actor: str
    at: datetime


class AssignByPool(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which pool the record is given out by."""

    pool_id: Annotated[UUID, Meta(title=str(_("Pool")), extra={"target": "core.pool"})]
