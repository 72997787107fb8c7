"""Plugins by API, for administrators."""

from litestar import get
from litestar.di import NamedDependency

from crm_core.features.plugins.schemas import PluginOut, plugin_out
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController


class PluginsApi(ApiController):
    """What is installed, loaded, and why something is not."""

    path = "/admin/plugins"
    permission = "core.plugins.read"
    tags = ("Administration",)

    @get(operation_id="list_plugins", summary="List plugins")
    async def show_all(self, uow: NamedDependency[UnitOfWork]) -> dict[str, list[PluginOut]]:
        """Return all plugins that this process found when it started."""
        return {"items": [plugin_out(info) for info in uow.registry.plugins]}
