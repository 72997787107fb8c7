"""Setting up providers of accounts."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.errors import Invalid
from crm_core.features.connections import providers
from crm_core.features.connections.models import ConnectionProvider
from crm_core.features.connections.schemas import ProviderForm, ProviderIn
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import FormInvalid, Page, PageController, page, redirect
from crm_core.web.forms import Form
from crm_core.web.struct_forms import read_struct, struct_form

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
LIST, TEMPLATE = "core/connection_providers.html", "core/connection_provider.html"
EMPTY = ProviderForm(name="Google", key="google", client_id="")


class ConnectionAdminPages(PageController):
    """The list, and a form for each provider."""

    path = "/admin/connections"
    permission = "core.connection.manage"

    @get()
    async def show_all(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Show all providers."""
        return await page(request, uow, LIST, providers=await providers.every(uow))

    @get("/new")
    async def new(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Show an empty form."""
        return await page(request, uow, TEMPLATE, **_about(uow, None), form=await _form(uow, None))

    @post("/new", status_code=200)
    async def add(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Add a provider."""
        return await _save(request, uow, None)

    @get("/{provider_id:uuid}")
    async def show(self, request: AnyRequest, uow: Uow, provider_id: FromPath[UUID]) -> Response[Any]:
        """Show one provider."""
        found = await providers.get(uow, provider_id)
        return await page(request, uow, TEMPLATE, **_about(uow, found), form=await _form(uow, found))

    @post("/{provider_id:uuid}", status_code=200)
    async def save(self, request: AnyRequest, uow: Uow, provider_id: FromPath[UUID]) -> Response[Any]:
        """Change a provider."""
        return await _save(request, uow, await providers.get(uow, provider_id))

    @post("/{provider_id:uuid}/delete")
    async def delete(self, request: AnyRequest, uow: Uow, provider_id: FromPath[UUID]) -> Response[Any]:
        """Remove a provider."""
        await providers.delete(uow, await providers.get(uow, provider_id))
        return await redirect(request, uow, "/admin/connections", _("The provider is removed."))


async def _save(request: AnyRequest, uow: UnitOfWork, found: ConnectionProvider | None) -> Response[Any]:
    form, posted = await _form(uow, found), await request.form()
    view = Page(request, uow, TEMPLATE, **_about(uow, found))
    typed = read_struct(form, posted, ProviderForm)
    if typed is None:
        raise FormInvalid(view, form)
    secret = posted.get("client_secret")
    given = {**msgspec.structs.asdict(typed), "client_secret": secret.strip() if isinstance(secret, str) else ""}
    try:
        await providers.save(uow, msgspec.convert(given, ProviderIn), found)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].rstrip("`")
        told = _("This value is not acceptable.")
        form.add(Invalid(told, fields={name: told}))
        raise FormInvalid(view, form) from error
    except Invalid as problem:
        form.add(problem)
        raise FormInvalid(view, form) from problem
    return await redirect(request, uow, "/admin/connections", _("Saved."))


def _about(uow: UnitOfWork, found: ConnectionProvider | None) -> dict[str, Any]:
    scopes = providers.scopes_of(uow.registry, found) if found else ()
    return {"provider": found, "redirect_uri": providers.redirect_uri(uow.kernel, found.key if found else "…"),
            "scopes": scopes, "endpoints": providers.ENDPOINTS}  # fmt: skip


async def _form(uow: UnitOfWork, found: ConnectionProvider | None) -> Form:
    if found is None:
        return await struct_form(uow, ProviderForm, EMPTY)
    values = {name: getattr(found, name) for name in (*providers.PLAIN, "scopes")}
    return await struct_form(uow, ProviderForm, ProviderForm(**values))
