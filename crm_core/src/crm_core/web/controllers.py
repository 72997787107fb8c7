"""Base classes of a plugin's HTTP handlers."""

from __future__ import annotations

from typing import Any, ClassVar

from litestar import Controller

from crm_core.web.page import FormInvalid, form_invalid


class PageController(Controller):
    """Pages for people: HTML answers, errors as pages.

    A handler takes `uow: NamedDependency[UnitOfWork]` and answers with `page(request, uow, template, …)`
    or `redirect(request, path)`. `permission` is needed for every route unless a route's `opt` names its
    own (`opt={"permission": "quotes.quote.approve"}`, or `opt={"public": True}`). `signed_in` says that
    whoever is signed in may use the routes; handlers then look after rights themselves.
    `private` closes them to whoever only looks through that user's eyes.
    """

    permission: ClassVar[str] = ""
    signed_in: ClassVar[bool] = False
    private: ClassVar[bool] = False
    include_in_schema = False

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.exception_handlers = {FormInvalid: form_invalid, **(self.exception_handlers or {})}
        self.opt = {"kind": "page", **demanded(self.permission, self.signed_in, self.private), **(self.opt or {})}


class ApiController(Controller):
    """JSON under /api/v1; errors as problem+json. `path` is given without the prefix; rights as for pages."""

    permission: ClassVar[str] = ""
    signed_in: ClassVar[bool] = False
    private: ClassVar[bool] = False

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.path = "/api/v1" + (self.path if self.path.startswith("/") else f"/{self.path}").rstrip("/")
        self.opt = {"kind": "api", **demanded(self.permission, self.signed_in, self.private), **(self.opt or {})}


def demanded(permission: str, signed_in: bool, private: bool = False) -> dict[str, Any]:
    """Return the part of a route's options that says who may use it."""
    said = {"permission": permission, "signed_in": signed_in, "private": private}
    return {name: value for name, value in said.items() if value}
