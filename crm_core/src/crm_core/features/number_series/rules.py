"""What holds for every legal entity and number series, however it is made or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.errors import Conflict, Invalid
from crm_core.features.number_series import patterns
from crm_core.features.number_series.models import LegalEntity, NumberSeries
from crm_core.features.number_series.queries import last_used
from crm_core.plugin import Strings
from crm_core.web.choices import countries

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class NumberUsed(Conflict):
    """The start lies at or below a number in use."""


async def validate_entity(uow: UnitOfWork, entity: LegalEntity, changed: frozenset[str]) -> None:
    """Keep the country a known code, and one default at most: who is newly set as default takes it over."""
    if entity.country:
        entity.country = entity.country.upper()
        if "country" in changed and entity.country not in countries("en"):
            text = _("A country is its code of two letters, such as DE.")
            raise Invalid(text, fields={"country": text})
    if entity.is_default and "is_default" in changed:
        others = sa.select(LegalEntity).where(LegalEntity.is_default.is_(True), LegalEntity.id != entity.id)
        for other in await uow.session.scalars(others):
            text = _("{name} is the default already. Take the mark from it first.", name=other.name)
            if other.is_default and other.deleted_at is None:
                raise Conflict(text, fields={"is_default": text})


async def validate_series(uow: UnitOfWork, series: NumberSeries, changed: frozenset[str]) -> None:
    """Check the pattern; keep one series per kind and legal entity, and its start above what is used."""
    if changed & {"pattern", "reset"}:
        patterns.check(series.pattern, series.reset)
    if "start" in changed and (last := await last_used(uow, series.id)) is not None and series.start <= last:
        text = _("Number {last} is used already. The start must be above it.", last=last)
        raise NumberUsed(text, fields={"start": text})
    if changed & {"kind", "legal_entity_id"}:
        await _alone(uow, series)


async def _alone(uow: UnitOfWork, series: NumberSeries) -> None:
    same: Any = (
        NumberSeries.legal_entity_id.is_(None)
        if series.legal_entity_id is None
        else NumberSeries.legal_entity_id == series.legal_entity_id
    )
    wanted = sa.select(NumberSeries.name).where(
        NumberSeries.kind == series.kind, same, NumberSeries.id != series.id, NumberSeries.deleted_at.is_(None)
    )
    if (other := await uow.session.scalar(wanted)) is not None:
        text = _("{name} numbers these already.", name=other)
        raise Conflict(text, fields={"kind": text})
