"""The base currency as a setting, and when it may change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crm_core.entity.custom_fields import CustomOn, FieldValue
from crm_core.entity.money import Currency, MoneySettings, Rate
from crm_core.plugin import SettingsGroup, Strings, fields
from crm_core.plugin.errors import Conflict, Invalid

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class BaseCurrencyFixed(Conflict):
    """There are amounts or rates in the present base currency, so another cannot take its place."""


async def validate(uow: UnitOfWork, old: MoneySettings, new: MoneySettings) -> None:
    """Refuse a currency we do not know, and any change once amounts or rates depend on the old one.

    Rates are given in units of the base currency and closed deals keep the base amount of their closing day:
    neither can be computed for another base without rates nobody entered. So it is chosen before the first amount.
    """
    if new.base_currency == old.base_currency:
        return
    codes = list(await uow.session.scalars(sa.select(Currency.code).where(Currency.active.is_(True))))
    if new.base_currency not in codes:
        text = _("There is no currency {code}. Known: {known}.", code=new.base_currency, known=", ".join(sorted(codes)))
        raise Invalid(text, fields={"base_currency": text})
    if await uow.session.scalar(sa.select(Rate.id).where(Rate.deleted_at.is_(None)).limit(1)):
        _fixed(_("exchange rates"), old)
    for entity in uow.registry.entities.values():
        table = entity.model.__table__
        for one in entity.fields:
            if isinstance(one, fields.Money):
                held = sa.select(table.c.id).where(table.c[f"{one.name}_base"].is_not(None)).limit(1)
                if await uow.session.scalar(held):
                    _fixed(entity.plural, old)
        if await _held_beside(uow, entity.name):
            _fixed(entity.plural, old)


async def _held_beside(uow: UnitOfWork, entity: str) -> bool:
    """Return whether records of an entity have amounts in custom fields, or in fields of other plugins."""
    for one in (*uow.registry.custom.get(entity, ()), *uow.registry.extensions.get(entity, ())):
        if not isinstance(one.field, fields.Money):
            continue
        found: Any = None
        if isinstance(one, CustomOn):
            found = sa.select(FieldValue.record_id).where(FieldValue.field_id == one.id)
        elif one.model is not None:
            table = one.model.__table__
            found = sa.select(table.c.record_id).where(table.c[f"{one.field.name}_base"].is_not(None))
        if found is not None and await uow.session.scalar(found.limit(1)):
            return True
    return False


def _fixed(what: object, old: MoneySettings) -> None:
    text = _("The base currency cannot change any more: there are {what} valued in {code}.", what=what,
             code=old.base_currency)  # fmt: skip
    raise BaseCurrencyFixed(text, fields={"base_currency": text})


GROUP = SettingsGroup(name="core.money", struct=MoneySettings, label=_("Money"), order=20, validate=validate)
