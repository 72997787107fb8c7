"""Base classes of a plugin's HTTP handlers."""

from __future__ import annotations

from typing import Any, ClassVar

from litestar import Controller

from crm_core.web.page import FormInvalid, form_invalid


class PageController(Controller):
    """Pages for people: HTML answers, errors as pages.

    A handler takes `uow: NamedDependency[UnitOfWork]` and answers with `page(request, uow, template, …)`
    or `redirect(request, path)`. `permission` is needed for every route unless a route's `opt` names its
    own (`opt={"permission": "quotes.quote.approve"}`, or `opt={"public": True}`).
    """

    permission: ClassVar[str] = ""
    include_in_schema = False

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.exception_handlers = {FormInvalid: form_invalid, **(self.exception_handlers or {})}
        self.opt = {"kind": "page", **({"permission": self.permission} if self.permission else {}), **(self.opt or {})}


class ApiController(Controller):
    """JSON under /api/v1; errors as problem+json. `path` is given without the prefix."""

    permission: ClassVar[str] = ""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.path = "/api/v1" + (self.path if self.path.startswith("/") else f"/{self.path}").rstrip("/")
        self.opt = {"kind": "api", **({"permission": self.permission} if self.permission else {}), **(self.opt or {})}
