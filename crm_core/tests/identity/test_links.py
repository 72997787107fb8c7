"""Public links and the pages they open; HTML from strangers at its own address."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.links import LinkNotValid, PublicLink, create_link, open_link, revoke_links, use_link
from crm_core.db.types import utcnow
from crm_core.errors import NotFound
from crm_core.kernel import Kernel
from crm_core.limits import Limits, TooManyRequests
from crm_core.plugin import Ref, hookimpl
from crm_core.uow import UnitOfWork
from crm_core.web.content import content_url, opened
from crm_core.web.public import FormRefused, PublicController, check_form, form_stamp
from litestar import Request, Response, get, post
from litestar.di import NamedDependency


class Signing(PublicController):
    """A page that a link opens, and an effect that its form has."""

    path = "/guest/sign/{token:str}"
    purpose = "guest.sign"
    limit = 20
    frame_ancestors = ("https://partner.example",)

    @get()
    async def show(self, uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]) -> dict[str, Any]:
        return {"actor": uow.actor.label, "data": link.data, "may": uow.actor.may("core.contact.read")}

    @get("/naughty")
    async def act_on_get(self, uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]) -> None:
        await use_link(uow, link)

    @post()
    async def sign(
        self, request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork], link: NamedDependency[PublicLink]
    ) -> Response[dict[str, str]]:
        await use_link(uow, link)
        return Response({"signed": str(link.ref_id)})


@hookimpl
def crm_routes() -> Sequence[type]:
    return (Signing,)


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return (("guest", sys.modules[__name__]),)


async def link_to(kernel: Kernel, purpose: str = "guest.sign", **kw: Any) -> str:
    async with kernel.write(system("test")) as uow:
        return await create_link(uow, purpose, data={"name": "Ada"}, **kw)


async def test_link_opens_its_page_as_a_guest_without_rights(kernel: Kernel, browser: Any) -> None:
    token = await link_to(kernel)
    answer = await browser().client.get(f"/public/guest/sign/{token}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["actor"].startswith("guest:")
    assert found["data"] == {"name": "Ada"}
    assert found["may"] is False
    assert "frame-ancestors https://partner.example" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "set-cookie" not in answer.headers


async def test_unknown_expired_used_up_revoked_and_misused_links_get_one_answer(kernel: Kernel, browser: Any) -> None:
    ref = Ref("core.contact", uuid4())
    expired = await link_to(kernel, expires_at=utcnow() - timedelta(seconds=1))
    used = await link_to(kernel, max_uses=0)
    revoked = await link_to(kernel, ref=ref)
    other = await link_to(kernel, purpose="guest.other")
    async with kernel.write(system("test")) as uow:
        await revoke_links(uow, ref)
    answers = [await browser().client.get(f"/public/guest/sign/{t}") for t in ("x" * 43, expired, used, revoked, other)]
    assert {(a.status_code, a.content, a.headers["content-security-policy"]) for a in answers} == {
        (404, answers[0].content, answers[0].headers["content-security-policy"])
    }
    assert "noindex" in answers[0].headers["x-robots-tag"]


async def test_single_use_is_counted_with_its_effect(kernel: Kernel, browser: Any) -> None:
    token = await link_to(kernel, max_uses=1)
    path = f"/public/guest/sign/{token}"
    for _n in range(3):
        assert (await browser().client.get(path)).status_code == 200
    assert (await browser().client.post(path)).status_code == 201
    assert (await browser().client.post(path)).status_code == 404


async def test_two_uses_at_once_of_a_single_use_link_have_one_winner(kernel: Kernel) -> None:
    token = await link_to(kernel, max_uses=1)
    async with kernel.read(system("test")) as uow:
        link = await open_link(uow, "guest.sign", token)
    async with kernel.write(system("test")) as uow:
        await use_link(uow, link)
    with pytest.raises(LinkNotValid):
        async with kernel.write(system("test")) as uow:
            await use_link(uow, link)
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(PublicLink.used)) == 1


async def test_get_cannot_act(kernel: Kernel, browser: Any) -> None:
    token = await link_to(kernel)
    assert (await browser().client.get(f"/public/guest/sign/{token}/naughty")).status_code == 500
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(PublicLink.used)) == 0


async def test_signed_in_person_is_a_guest_too(kernel: Kernel, browser: Any, person: Any) -> None:
    await person("admin@example.com", "admin")
    one = browser()
    await one.sign_in("admin@example.com")
    path = f"/public/guest/sign/{await link_to(kernel)}"
    assert (await one.client.get(path)).json()["may"] is False
    assert (await one.client.post(path)).status_code == 201  # no form token: the cookie has no say here


async def test_guesses_of_one_address_are_limited_before_any_query(kernel: Kernel, browser: Any) -> None:
    await kernel.know_fields()  # once in a process's life
    one, asked, session = browser(), list[bool](), kernel.db.session

    def counted(readonly: bool) -> Any:
        asked.append(readonly)
        return session(readonly)

    kernel.db.session = counted  # type: ignore[method-assign]  # counts, changes nothing
    statuses = [(await one.client.get(f"/public/guest/sign/{'x' * 40}{n}")).status_code for n in range(25)]
    assert set(statuses) <= {404, 429}
    assert statuses.count(404) <= 40
    assert statuses[-1] == 429
    assert len(asked) == statuses.count(404)


def test_limiter_forgets_after_a_minute() -> None:
    now = 0.0
    limits = Limits(clock=lambda: now)
    limits.hit("a", 1).demand()
    with pytest.raises(TooManyRequests):
        limits.hit("a", 1).demand()
    now = 60.0
    limits.hit("a", 1).demand()


def test_form_filled_by_a_machine_is_refused() -> None:
    key, link, other = b"k" * 32, PublicLink(id=uuid4()), PublicLink(id=uuid4())
    good = form_stamp(key, link, time.time() - 60)
    check_form(key, link, {"_at": good})
    late = form_stamp(key, link, time.time() - 90_000)
    for posted in ({"_at": good, "_website": "x"}, {"_at": form_stamp(key, link)}, {"_at": late}, {}, {"_at": "1.x"}):
        with pytest.raises(FormRefused):
            check_form(key, link, posted)
    with pytest.raises(FormRefused):
        check_form(key, other, {"_at": good})


async def test_html_from_strangers_is_sandboxed(kernel: Kernel, browser: Any) -> None:
    async def chunks() -> Any:
        yield b"<script>alert(1)</script><p>Hello"

    blob = await kernel.blobs.put(chunks())
    path = content_url(kernel.key, blob.sha256)
    answer = await browser().client.get(path)
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "Hello" in answer.text
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" in policy.partition("style-src")[2]
    assert "script-src" not in policy
    for changed in (
        path[:-1] + ("0" if path[-1] != "0" else "1"),
        path.replace(".", ".9", 1),
        "/content/x",
        "/content/a.1.ü",
    ):
        assert (await browser().client.get(changed)).status_code == 404


def test_content_address_expires() -> None:
    path = content_url(b"key", "a" * 64, now=1000.0).removeprefix("/content/")
    assert opened(b"key", path, now=2000.0) == "a" * 64
    with pytest.raises(NotFound):
        opened(b"key", path, now=1000.0 + 13 * 3600)
    with pytest.raises(NotFound):
        opened(b"other", path, now=2000.0)
