"""What goes in and out about pipelines and stages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from crm_core.entity.stages import CLOSED
from crm_core.plugin import Strings

_ = Strings("crm_core")


class StageTime(msgspec.Struct):
    """The time a record has been in a stage, in whole seconds; `entered_at` is the last time it came.

    times: how often it came. current: whether it is there now. A stage that was deleted for good has no name.
    """

    stage_id: UUID
    stage: str
    colour: str
    category: str
    entered_at: datetime
    rotting_days: int | None = None
    seconds: int = 0
    times: int = 0
    current: bool = False

    @property
    def is_closed(self) -> bool:
        """Return whether work on the record ends here."""
        return self.category in CLOSED

    @property
    def days(self) -> int:
        """Return whole days of 24 hours."""
        return self.seconds // 86_400

    @property
    def rotting(self) -> bool:
        """Return whether the record is there now and has been for longer than the stage allows."""
        late = self.rotting_days is not None and self.seconds > self.rotting_days * 86_400
        return late and self.current and not self.is_closed


class Replacement(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the records of a stage go before it is deleted."""

    stage_id: Annotated[UUID, Meta(title=str(_("Move its records to")), extra={"kind": "stage"})]


class Merge(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the records of a pipeline go before it is deleted; each to the stage that matches its own."""

    pipeline_id: Annotated[UUID, Meta(title=str(_("Move its records to")), extra={"target": "core.pipeline"})]


class Order(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The stages of a pipeline in their new order, all of them."""

    stages: Annotated[list[UUID], Meta(title=str(_("Stages in order")), max_length=200)]
