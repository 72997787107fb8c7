"""Somebody who uses the CRM in a test: a user with a role, signed in to pages and API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
import msgspec
import sqlalchemy as sa
from litestar import Litestar

from crm_core.auth.actor import system
from crm_core.auth.people import Role, User, UserRole
from crm_core.auth.session import cookie_name, csrf_token, start_session
from crm_core.auth.tokens import create_token
from crm_core.kernel import Kernel


class Api:
    """The REST API as one user: paths below `/api/v1`, JSON in and out, the expected status as an argument."""

    def __init__(self, client: httpx2.AsyncClient, token: str) -> None:
        self.client = client
        self.headers = {"authorization": f"Bearer {token}"}

    async def send(self, verb: str, path: str, status: int, **kw: Any) -> Any:
        """Send a request and return its decoded body; AssertionError shows the answer when the status is another."""
        headers = {**self.headers, **kw.pop("headers", {})}
        answer = await self.client.request(verb, f"/api/v1{path}", headers=headers, **kw)
        assert answer.status_code == status, f"{verb} {path}: {answer.status_code} {answer.text[:2000]}"
        return msgspec.json.decode(answer.content) if answer.content else None

    async def get(self, path: str, *, status: int = 200, **kw: Any) -> Any:
        """Read."""
        return await self.send("GET", path, status, **kw)

    async def post(self, path: str, json: Any = None, *, status: int = 201, **kw: Any) -> Any:
        """Create, or run an action with `status=200`."""
        body = {} if "content" in kw else {"json": {} if json is None else json}
        return await self.send("POST", path, status, **body, **kw)

    async def patch(self, path: str, json: Any, *, status: int = 200, **kw: Any) -> Any:
        """Change."""
        return await self.send("PATCH", path, status, json=json, **kw)

    async def delete(self, path: str, *, status: int = 204, **kw: Any) -> Any:
        """Delete."""
        return await self.send("DELETE", path, status, **kw)


@dataclass(frozen=True, slots=True)
class Somebody:
    """A signed-in user. `client` carries the session cookie and the form token; `api` a token."""

    id: UUID
    email: str
    client: httpx2.AsyncClient
    api: Api


@dataclass(slots=True)
class People:
    """Makes users: `await as_user("sales")`. The same role and name give the same person."""

    kernel: Kernel
    app: Litestar
    known: dict[tuple[str, str], Somebody] = field(default_factory=dict)
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    async def __call__(self, role: str = "admin", name: str = "") -> Somebody:
        """Return a user with the role of this key ("" for none), made on first use."""
        if (role, name) not in self.known:
            self.known[role, name] = await self._make(role, name or role or "nobody")
        return self.known[role, name]

    async def _make(self, role: str, name: str) -> Somebody:
        kernel = self.kernel
        email = f"{name}@example.test"
        async with kernel.write(system("test")) as uow:
            user = User(name=name.title(), email=email)
            uow.session.add(user)
            await uow.session.flush()  # the role, session and token need the id
            if role:
                role_id = await uow.session.scalar(sa.select(Role.id).where(Role.key == role))
                assert role_id is not None, f"there is no role {role!r}"
                uow.session.add(UserRole(user_id=user.id, role_id=role_id))
            session = await start_session(uow, user.id)
            _row, token = await create_token(uow, user.id, "test")
        client = self.browser(session)
        return Somebody(user.id, email, client, Api(client, token))

    def browser(self, session: str = "") -> httpx2.AsyncClient:
        """Return a client with a session's cookie and form token, or a stranger's without."""
        # In the test's own loop, as the kernel is; a stream without an end needs a real server instead.
        transport = httpx2.ASGITransport(app=self.app)  # type: ignore[arg-type]  # Litestar's own ASGI types
        client = httpx2.AsyncClient(transport=transport, base_url=self.kernel.config.url)
        if session:
            client.cookies.set(cookie_name(self.kernel.config), session)
            client.headers["x-csrf-token"] = csrf_token(self.kernel.key, session)
        self.clients.append(client)
        return client


@asynccontextmanager
async def running(app: Litestar, kernel: Kernel) -> AsyncIterator[People]:
    """Run the application's life and yield the people who use it."""
    started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def live() -> None:
        # In a task of its own: a fixture is entered and left in different tasks, which cancel scopes refuse.
        async with app.lifespan():
            started.set_result(None)
            await over.wait()

    life = asyncio.create_task(live())
    await asyncio.wait([life, started], return_when=asyncio.FIRST_COMPLETED)
    people = People(kernel, app)
    try:
        if started.done():
            yield people
    finally:
        for client in people.clients:
            await client.aclose()
        over.set()
        await life
