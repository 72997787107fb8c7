"""The organisation: each of its settings is used somewhere; its logo is in pages, mails and PDF files."""

from __future__ import annotations

import base64
import email
import io
import re
from typing import Any

import pytest
from crm_core.auth.actor import system
from crm_core.features.mail import delivery, messages
from crm_core.features.mail.public import send_template
from crm_core.features.organisation.public import Organisation, imprint, letterhead
from crm_core.features.pdf.public import render_pdf
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People
from PIL import Image
from pypdf import PdfReader

OWN = {
    "name": "Nordlicht", "legal_name": "Nordlicht Trading <GmbH>", "tax_number": "27/123/45678",
    "vat_id": "DE999999999", "website": "https://nordlicht.example", "street": "Am Sandtorkai 30",
    "postcode": "20457", "city": "Hamburg", "country": "DE", "locale": "de", "zone": "Europe/Berlin",
}  # fmt: skip


def a_picture(kind: str = "PNG", size: tuple[int, int] = (960, 200)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (31, 90, 200)).save(out, kind, **({"comment": b"hidden-marker"} if kind == "JPEG" else {}))
    return out.getvalue()


async def upload(client: Any, content: bytes, name: str = "logo.png") -> Any:
    return await client.post("/organisation/logo", files={"picture": (name, content, "image/png")})


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_uploaded_logo_is_drawn_anew_and_shown_above_the_menu_and_at_the_log_in(
    as_user: People, client: Any, kind: str
) -> None:
    admin = await as_user("admin")
    assert "brand-logo" not in (await admin.client.get("/")).text
    saved = await upload(admin.client, a_picture(kind), f"logo.{kind}")
    assert saved.status_code in (200, 303), saved.text
    home = (await admin.client.get("/")).text
    path = re.search(r'<img class="brand-logo" src="(/logo/[0-9a-f]{16}\.png)"', home)
    assert path is not None
    shown = await client.get(path[1])
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    assert "immutable" in shown.headers["cache-control"]
    assert Image.open(io.BytesIO(shown.content)).size == (480, 100)
    assert b"hidden-marker" not in shown.content
    assert path[1] in (await client.get("/login")).text
    await admin.client.post("/organisation/logo", data={"remove": "1"})
    assert "brand-logo" not in (await admin.client.get("/")).text
    assert (await client.get(path[1])).status_code == 404


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "choose a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "PNG, JPEG, GIF or WebP"),
        (b"%PDF-1.4", "PNG, JPEG, GIF or WebP"),
        (b"\x89PNG\r\n\x1a\n broken", "cannot be used"),
        (a_picture()[:-40] + b"x" * 2**20, "at most 1 MB"),
    ],
)
async def test_what_is_no_picture_or_too_large_is_refused_with_its_reason(
    as_user: People, content: bytes, says: str
) -> None:
    admin = await as_user("admin")
    refused = await upload(admin.client, content, "logo.png" if content else "")
    assert refused.status_code == 422
    assert says in refused.text
    assert "brand-logo" not in (await admin.client.get("/")).text


async def test_logo_is_set_by_api_and_checked_there_too(api: Api, as_user: People) -> None:
    for wrong in (
        "x",
        base64.b64encode(b"GIF89a" + b"x" * 30).decode(),
        base64.b64encode(a_picture(size=(5000, 10))).decode(),
    ):
        refused = await api.patch("/settings/core.logo", {"picture": wrong}, status=422)
        assert list(refused["fields"]) == ["picture"]
    await api.patch("/settings/core.logo", {"picture": base64.b64encode(a_picture()).decode()})
    assert "brand-logo" in (await (await as_user("admin")).client.get("/")).text
    sales = await as_user("sales")
    assert (await upload(sales.client, a_picture())).status_code == 403
    await sales.api.patch("/settings/core.logo", {"picture": ""}, status=403)


async def test_mails_carry_the_logo_inside_and_say_who_sends_them(
    api: Api, as_user: People, kernel: Kernel, jobs: Any
) -> None:
    admin = await as_user("admin")
    await api.patch("/settings/core.organisation", {**OWN, "locale": "en"})
    await upload(admin.client, a_picture())
    await admin.client.get("/")
    sent: list[bytes] = []
    built = messages.built

    def caught(*given: Any) -> bytes:
        sent.append(built(*given))
        return sent[-1]

    delivery.messages.built, before = caught, delivery.messages.built
    try:
        async with kernel.write(system("test")) as uow:
            await send_template(uow, "core/mail/test", to="ann@example.test", kind="transactional", purpose="test",
                                who="Ann", when="2026-03-02T10:00:00+00:00")  # fmt: skip
        await jobs()
    finally:
        delivery.messages.built = before
    parts = {p.get_content_type(): p for p in email.message_from_bytes(sent[0]).walk()}
    html = parts["text/html"].get_payload(decode=True).decode()
    assert 'src="cid:crm-logo"' in html
    assert "Nordlicht Trading &lt;GmbH&gt; · Am Sandtorkai 30, 20457 Hamburg, Germany" in html
    assert "Tax number 27/123/45678, VAT id DE999999999 · https://nordlicht.example" in html
    assert (parts["image/png"]["content-id"], "related" in str(list(parts))) == ("<crm-logo>", True)
    assert parts["image/png"].get_payload(decode=True).startswith(b"\x89PNG")
    listed = (await api.get("/mails"))["items"][0]["id"]
    assert "data:image/png;base64," in (await admin.client.get(f"/admin/mails/{listed}/html")).text


async def test_letterhead_has_the_logo_and_every_number(api: Api, as_user: People, kernel: Kernel) -> None:
    await api.patch("/settings/core.organisation", OWN)
    admin = await as_user("admin")
    await upload(admin.client, a_picture())
    await admin.client.get("/")  # what this process knows of the settings is brought up to date by requests and jobs
    async with kernel.read(system("test")) as uow:
        drawn = await render_pdf(letterhead(await imprint(uow)) + "<p>Dear customer</p>")
    page = PdfReader(io.BytesIO(drawn.pdf)).pages[0]
    text = " ".join(page.extract_text().split())
    for part in ("Nordlicht Trading <GmbH>", "Am Sandtorkai 30, 20457 Hamburg, Germany", "Tax number 27/123/45678",
                 "VAT id DE999999999", "https://nordlicht.example", "Dear customer"):  # fmt: skip
        assert part in text, text
    assert (len(page.images), drawn.warnings, drawn.missing) == (1, [], "")


async def test_new_users_start_with_the_language_and_zone_of_the_organisation(api: Api, as_user: People) -> None:
    before = await api.post("/users", {"name": "Ann", "email": "ann@example.test"})
    await api.patch("/settings/core.organisation", OWN)
    after = await api.post("/users", {"name": "Bob", "email": "bob@example.test"})
    own = await api.post("/users", {"name": "Cy", "email": "cy@example.test", "locale": "en", "zone": "Asia/Tokyo"})
    assert [(u["locale"], u["zone"]) for u in (after, own)] == [("de", "Europe/Berlin"), ("en", "Asia/Tokyo")]
    assert before["zone"] != "Europe/Berlin"


def test_every_setting_of_the_organisation_is_named_here() -> None:
    assert set(OWN) == set(Organisation.__struct_fields__)
