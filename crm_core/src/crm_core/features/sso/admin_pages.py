"""Setting up providers of single sign-on."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.errors import Invalid
from crm_core.features.identities.public import SsoProvider
from crm_core.features.sso import providers
from crm_core.features.sso.schemas import ProviderForm, ProviderIn
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import FormInvalid, Page, PageController, page, redirect
from crm_core.web.forms import Form
from crm_core.web.struct_forms import read_struct, struct_form

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
TEMPLATE = "core/sso_provider.html"
FORM_NAMES = {"role_map": "roles"}
EMPTY = ProviderForm(name="", key="", issuer="", client_id="")


class SsoAdminPages(PageController):
    """The list, and a form for each provider."""

    path = "/admin/sso"
    permission = "core.security.manage"

    @get()
    async def show_all(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Show all providers."""
        return await page(request, uow, "core/sso.html", providers=await providers.every(uow))

    @get("/new")
    async def new(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Show an empty form."""
        return await page(request, uow, TEMPLATE, provider=None, **_about(uow, None), form=await _form(uow, None))

    @post("/new", status_code=200)
    async def add(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Add a provider."""
        return await self._save(request, uow, None)

    @get("/{provider_id:uuid}")
    async def show(self, request: AnyRequest, uow: Uow, provider_id: FromPath[UUID]) -> Response[Any]:
        """Show one provider."""
        found = await providers.get(uow, provider_id)
        return await page(request, uow, TEMPLATE, provider=found, **_about(uow, found), form=await _form(uow, found))

    @post("/{provider_id:uuid}", status_code=200)
    async def save(self, request: AnyRequest, uow: Uow, provider_id: FromPath[UUID]) -> Response[Any]:
        """Change a provider."""
        return await self._save(request, uow, await providers.get(uow, provider_id))

    @post("/{provider_id:uuid}/delete")
    async def delete(self, request: AnyRequest, uow: Uow, provider_id: FromPath[UUID]) -> Response[Any]:
        """Remove a provider."""
        await providers.delete(uow, await providers.get(uow, provider_id))
        return await redirect(request, uow, "/admin/sso", _("The provider is removed."))

    async def _save(self, request: AnyRequest, uow: UnitOfWork, found: SsoProvider | None) -> Response[Any]:
        form, posted = await _form(uow, found), await request.form()
        view = Page(request, uow, TEMPLATE, provider=found, **_about(uow, found))
        typed = read_struct(form, posted, ProviderForm)
        if typed is None:
            raise FormInvalid(view, form)
        secret = posted.get("client_secret")
        try:
            await providers.save(uow, await _given(uow, typed, secret if isinstance(secret, str) else ""), found)
        except Invalid as problem:
            shown = {FORM_NAMES.get(name, name): text for name, text in problem.fields.items()}
            form.add(Invalid(problem.text, fields=shown))
            raise FormInvalid(view, form) from problem
        return await redirect(request, uow, "/admin/sso", _("Saved."))


def _about(uow: UnitOfWork, found: SsoProvider | None) -> dict[str, Any]:
    return {"redirect_uri": providers.redirect_uri(uow.kernel, found.key if found else "…"),
            "link_uri": providers.link_uri(uow.kernel, found.key if found else "…")}  # fmt: skip


async def _form(uow: UnitOfWork, found: SsoProvider | None) -> Form:
    if found is None:
        return await struct_form(uow, ProviderForm, EMPTY)
    values = {name: getattr(found, name) for name in (*providers.PLAIN, "scopes")}
    domains, roles = " ".join(found.email_domains), await providers.lines_of(uow, found)
    return await struct_form(uow, ProviderForm, ProviderForm(**values, email_domains=domains, roles=roles))


async def _given(uow: UnitOfWork, typed: ProviderForm, secret: str) -> ProviderIn:
    values: dict[str, Any] = msgspec.structs.asdict(typed)
    roles = await providers.roles_from(uow, values.pop("roles"))
    values["email_domains"] = values["email_domains"].replace(",", " ").split()
    try:
        return msgspec.convert({**values, "client_secret": secret.strip(), "role_map": roles}, ProviderIn)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].rstrip("`")
        told = _("This value is not acceptable.")
        raise Invalid(told, fields={name: told}) from error
