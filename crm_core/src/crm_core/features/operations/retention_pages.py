"""For how long things are kept: one number for each kind, and how many are older."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from crm_core.features.operations import queries
from crm_core.features.operations.settings import RetentionSettings
from crm_core.i18n import Strings, Text
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]


class RetentionPages(PageController):
    """The form of the settings group `core.retention`, which has a line for each kind that plugins declare."""

    path = "/admin/retention"
    permission = "core.settings.manage"

    @get()
    async def show(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Answer with every kind, its days, and how many the next night deletes."""
        return await page(request, uow, "core/retention.html", kinds=await queries.due(uow), wrong={}, typed={})

    @post()
    async def save(self, request: AnyRequest, uow: NamedDependency[UnitOfWork]) -> Response[Any]:
        """Save the numbers; the form comes back with what was typed when one cannot be taken."""
        form = await request.form()
        kinds = await queries.due(uow)
        typed = {k.name: str(form.get(k.name, k.days)).strip() for k in kinds}
        wrong: dict[str, Text] = {n: _("A whole number of days, 0 for ever.") for n, t in typed.items() if not _days(t)}
        if wrong:
            return await page(request, uow, "core/retention.html", status=422, kinds=kinds, wrong=wrong, typed=typed)
        await uow.save_settings(RetentionSettings(days={n: int(t) for n, t in typed.items()}))
        return await redirect(request, uow, "/admin/retention", _("Saved."))


def _days(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= 36_500
