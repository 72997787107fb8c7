"""Settings by API: each declared group under its name."""

from typing import Any

import msgspec
from litestar import Response, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.features.settings import actions
from crm_core.i18n import show
from crm_core.plugin.declare import SettingsGroup
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController
from crm_core.web.rest import answer

Uow = NamedDependency[UnitOfWork]


class GroupOut(msgspec.Struct):
    """One group of settings the caller may change; `scope` is "system" or "user", `values` are the present ones."""

    name: str
    label: str
    scope: str
    values: Any


async def _values(uow: UnitOfWork, group: SettingsGroup) -> msgspec.Struct:
    value: msgspec.Struct = await uow.settings(group.struct)
    return value


class SettingsApi(ApiController):
    """What can be set here and to what it is set; each group needs its right, or is the caller's own."""

    path = "/settings"
    signed_in = True
    tags = ("Settings",)

    @get(summary="List settings")
    async def show_all(self, uow: Uow) -> Response[bytes]:
        """Return every group the caller may change, with its values."""
        items = [GroupOut(g.name, show(g.label, uow.locale), g.scope, await _values(uow, g))
                 for g in actions.groups_for(uow)]  # fmt: skip
        return answer({"items": items})

    @get("/{group:str}", summary="Get a group of settings")
    async def show_one(self, uow: Uow, group: FromPath[str]) -> Response[bytes]:
        """Return the values of one group."""
        return answer(await _values(uow, actions.group_of(uow, group)))

    @put("/{group:str}", status_code=200, summary="Set a group of settings")
    async def replace(self, uow: Uow, group: FromPath[str], data: JSONBody[dict[str, Any]]) -> Response[bytes]:
        """Set a whole group; what is left out goes back to its default. 422 says what is wrong with which key."""
        return answer(await actions.change(uow, actions.group_of(uow, group), data, whole=True))

    @patch("/{group:str}", summary="Change a group of settings")
    async def change(self, uow: Uow, group: FromPath[str], data: JSONBody[dict[str, Any]]) -> Response[bytes]:
        """Change the given values of a group only."""
        return answer(await actions.change(uow, actions.group_of(uow, group), data))
