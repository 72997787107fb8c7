"""Counts of a form's submissions, and where a record came from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.features.web_forms.models import WebForm, WebFormSubmission
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def counts(uow: UnitOfWork, form_id: UUID) -> dict[str, int]:
    """Return how many submissions of a form there are by state, spam included."""
    query = (
        sa.select(WebFormSubmission.state, sa.func.count())
        .where(WebFormSubmission.form_id == form_id, WebFormSubmission.deleted_at.is_(None))
        .group_by(WebFormSubmission.state)
    )
    found: dict[str, int] = {row[0]: row[1] for row in await uow.session.execute(query)}
    return found


async def source_of(uow: UnitOfWork, about: Ref) -> tuple[WebFormSubmission, WebForm] | None:
    """Return the submission a record was made from, and its form; None when it came another way."""
    query = (
        sa.select(WebFormSubmission, WebForm)
        .join(WebForm, WebForm.id == WebFormSubmission.form_id)
        .where(WebFormSubmission.record_entity == about.entity, WebFormSubmission.record_id == about.id)
        .limit(1)
    )
    found = (await uow.session.execute(query)).one_or_none()
    return (found[0], found[1]) if found else None
