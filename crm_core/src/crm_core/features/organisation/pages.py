"""The organisation's logo: its page in the settings, and the picture itself."""

from __future__ import annotations

import base64
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.errors import Invalid, NotFound
from crm_core.features.organisation.queries import logo_bytes
from crm_core.features.pdf.public import PictureInvalid, logo_of
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.uploads import media_type
from crm_core.web import FormInvalid, Page, PageController, page, redirect
from crm_core.web.forms import Form
from crm_core.web.page import Brand, logo_path

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
TAKES = ("image/png", "image/jpeg", "image/gif", "image/webp")
LARGEST = 2**20
PICTURE = {
    "cache-control": "public, max-age=31536000, immutable", "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
}  # fmt: skip


class LogoPages(PageController):
    """Choosing and removing the logo."""

    path = "/organisation/logo"
    permission = "core.settings.manage"

    @get()
    async def show(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with the present logo and the form."""
        return await page(request, uow, "core/logo.html", takes=TAKES)

    @post(status_code=200, request_max_body_size=2 * LARGEST)
    async def upload(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Take a picture, drawn anew and small; or remove the logo."""
        form = await request.form()
        if form.get("remove"):
            await uow.save_settings(Brand())
            return await redirect(request, uow, "/organisation/logo", _("The logo is removed."))
        try:
            picture = await logo_of(await _content(form.get("picture")))  # nothing was written so far
        except Invalid as problem:
            said = Form([], locale=uow.locale, zone=uow.zone)
            said.errors["picture"] = problem.text
            raise FormInvalid(Page(request, uow, "core/logo.html", takes=TAKES), said) from problem
        await uow.save_settings(Brand(picture=base64.b64encode(picture).decode()))
        return await redirect(request, uow, "/organisation/logo", _("Saved."))


class LogoPicture(PageController):
    """The picture, for everybody: the log-in page shows it too."""

    path = "/logo"

    @get("/{name:str}", opt={"public": True})
    async def picture(self, uow: Uow, name: FromPath[str]) -> Response[bytes]:
        """Answer with the logo of this address; NotFound for one that is not in use any more."""
        if f"/logo/{name}" != logo_path((await uow.settings(Brand)).picture):
            raise NotFound(_("There is no such picture."))
        return Response(await logo_bytes(uow), media_type="image/png", headers=PICTURE)


async def _content(upload: Any) -> bytes:
    if not isinstance(upload, UploadFile) or not upload.filename:
        raise PictureInvalid(_("Please choose a picture."))
    content = await upload.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise PictureInvalid(_("This picture is too large: at most 1 MB."))
    is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"  # no type that files are kept as, but drawn anew
    if not is_webp and media_type(content[:16]) not in TAKES:
        raise PictureInvalid(_("A logo is a PNG, JPEG, GIF or WebP picture."))
    return content
