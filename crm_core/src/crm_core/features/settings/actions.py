"""Reading and saving settings by name, for pages, API and command line alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from crm_core.errors import Forbidden, Invalid, NotFound
from crm_core.i18n import Strings
from crm_core.plugin import hookspecs
from crm_core.plugin.declare import SettingsGroup

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


def groups_for(uow: UnitOfWork) -> list[SettingsGroup]:
    """Return the groups the actor may change: the own ones, and those of the system with their right."""
    found = [g for g in uow.registry.gather(hookspecs.crm_settings) if may_change(uow, g)]
    return sorted(found, key=lambda g: (g.scope != "user", g.order, str(g.label)))


def may_change(uow: UnitOfWork, group: SettingsGroup) -> bool:
    """Return whether the actor may change a group; a person's own settings are theirs."""
    return bool(uow.actor.user_id) if group.scope == "user" else uow.actor.may(group.permission)


def group_of(uow: UnitOfWork, name: str) -> SettingsGroup:
    """Return the group of this name. NotFound when nobody declared it, Forbidden when it is not the actor's."""
    known = {g.name: g for g in uow.registry.gather(hookspecs.crm_settings)}
    if name not in known:
        raise NotFound(_("There are no such settings."))
    if not may_change(uow, known[name]):
        raise Forbidden(_("You may not change these settings."))
    return known[name]


async def change(
    uow: UnitOfWork, group: SettingsGroup, values: Mapping[str, Any], *, strict: bool = True, whole: bool = False
) -> msgspec.Struct:
    """Change some values of a group (`whole`: the others go back to their defaults) and return all.

    strict: values have their JSON type; else texts are read, as from a command line. Invalid names the key.
    """
    known = set(group.struct.__struct_fields__)
    if unknown := sorted(set(values) - known):
        text = _("Unknown setting. Known: {known}.", known=", ".join(sorted(known)))
        raise Invalid(_("Some values are not acceptable."), fields=dict.fromkeys(unknown, text))
    present = {} if whole else msgspec.to_builtins(await uow.settings(group.struct))
    try:
        new = msgspec.convert({**present, **values}, group.struct, strict=strict)
    except msgspec.ValidationError as error:
        message, _at, where = str(error).partition(" - at `$.")
        name = where.partition("[")[0].strip("`").partition(".")[0]
        fields = {name: message} if name in known else {}
        raise Invalid(_("Some values are not acceptable."), fields=fields, reason=message) from error
    await uow.save_settings(new)
    return new
