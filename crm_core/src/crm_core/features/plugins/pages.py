"""The page about plugins, for administrators."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm_core.features.plugins.schemas import plugin_out
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page

_ = Strings("crm_core")
WORDS = {"loaded": _("Loaded"), "disabled": _("Disabled"), "failed": _("Not loaded")}
COLOURS = {"loaded": "green", "disabled": "grey", "failed": "red"}


class PluginPages(PageController):
    """What is installed, loaded, and why something is not."""

    path = "/admin/plugins"
    permission = "core.plugins.read"

    @get()
    async def show_all(self, request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Answer with installed plugins, then with the parts of the CRM itself."""
        found = [plugin_out(info) for info in uow.registry.plugins]
        return await page(
            request, uow, "core/plugins.html", installed=[p for p in found if not p.builtin],
            builtin=[p for p in found if p.builtin], words=WORDS, colours=COLOURS,
        )  # fmt: skip
