"""People with roles, teams and passwords, and browsers on a real application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from crm_core.auth import passwords
from crm_core.auth.actor import system
from crm_core.features.mail import server
from crm_core.features.mail.actions import body_of
from crm_core.features.mail.models import MailRow
from crm_core.features.mail.server import MailSettings
from crm_core.features.session.actions import add_user
from crm_core.kernel import Kernel
from litestar import Litestar

PASSWORD = "quite a long secret"
Person = Callable[..., Awaitable[UUID]]


@dataclass
class Browser:
    """A client with cookies; `csrf` is what our own pages would send along."""

    client: httpx2.AsyncClient
    csrf: str = ""

    async def sign_in(self, email: str, password: str = PASSWORD) -> int:
        """Sign in by API and keep the form token; returns the status."""
        answer = await self.client.post("/api/v1/session", json={"email": email, "password": password})
        self.csrf = answer.json().get("csrf", "")
        return answer.status_code

    async def call(self, method: str, path: str, **kw: Any) -> httpx2.Response:
        """Send a request as a page of ours would."""
        headers = {**({"x-csrf-token": self.csrf} if self.csrf else {}), **kw.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **kw)


@pytest.fixture
def browser(app: Litestar) -> Callable[[], Browser]:
    """Makes browsers, each with its own cookies."""

    def make() -> Browser:
        wire = httpx2.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]  # Litestar's own ASGI types
        return Browser(httpx2.AsyncClient(transport=wire, base_url="http://testserver.local"))

    return make


@pytest.fixture
def person(kernel: Kernel) -> Person:
    """Adds users: `await person("a@example.com", "sales")`; password None for those who never sign in."""

    async def add(email: str, *roles: str, password: str | None = PASSWORD) -> UUID:
        hashed = await passwords.hashed(password) if password else None
        async with kernel.write(system("test")) as uow:
            user = await add_user(uow, email.partition("@")[0].title(), email, hashed, roles=roles)
        return user.id

    return add


@pytest.fixture
def mails(kernel: Kernel) -> Callable[[], Awaitable[list[tuple[str, str]]]]:
    """`await mails()`: (recipient, text) of every mail written, oldest first."""

    async def read() -> list[tuple[str, str]]:
        async with kernel.read(system("test")) as uow:
            rows = (await uow.session.scalars(sa.select(MailRow).order_by(MailRow.id))).all()
        return [(row.recipient, body_of(kernel, row)[0]) for row in rows]

    return read


@pytest.fixture
async def mail_set_up(kernel: Kernel) -> None:
    """A configured mail server that nobody reaches: mails stay in the ledger, sealed."""
    async with kernel.write(system("test")) as uow:
        await server.save(uow, MailSettings(host="127.0.0.1", port=1, sender_address="crm@example.test"))
