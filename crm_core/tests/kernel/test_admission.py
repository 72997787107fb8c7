"""Who may use a route is decided before its body is read, and every route says who that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from crm_core.auth.actor import system
from crm_core.auth.session import cookie_name
from crm_core.auth.tokens import create_token
from crm_core.kernel import Kernel
from crm_core.testing.people import People
from crm_core.testing.visitors import path_of
from litestar import Litestar

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
MARKS = ("permission", "signed_in", "public")
CHUNK = b'{"last_name": "' + b"x" * 65536
CHUNKS = 160  # ten megabytes
FORM = "application/x-www-form-urlencoded"


async def sent_to(app: Litestar, path: str, kind: str = "application/json", **headers: str) -> tuple[int, int]:
    """POST ten megabytes as a client does that waits to be asked for them; return status and bytes that were taken."""
    taken = status = 0

    async def receive() -> Any:
        nonlocal taken
        taken += len(CHUNK)
        return {"type": "http.request", "body": CHUNK, "more_body": taken < CHUNKS * len(CHUNK)}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    given = {"host": "testserver.local", "content-type": kind, **headers}
    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": "POST",
        "server": ("testserver.local", 80), "client": ("127.0.0.1", 1), "root_path": "", "path": path,
        "raw_path": path.encode(), "query_string": b"", "state": {}, "extensions": {},
        "headers": [(k.encode(), v.encode()) for k, v in given.items()],
    }  # fmt: skip
    await app(scope, receive, send)
    return status, taken


async def token_of(kernel: Kernel, user_id: Any, *scopes: str) -> str:
    async with kernel.write(system("test")) as uow:
        _row, token = await create_token(uow, user_id, "narrow", scopes=scopes)
    return f"Bearer {token}"


@pytest.mark.parametrize("path", ["/api/v1/contacts", "/api/v1/contacts/bulk", "/api/v1/imports", "/contacts/new"])
async def test_body_of_nobody_is_not_read(app: Litestar, kernel: Kernel, path: str) -> None:
    statuses = {(await sent_to(app, path, kind))[1] for kind in ("application/json", FORM, "multipart/form-data")}
    assert statuses == {0}
    assert (await sent_to(app, path))[0] == 401
    assert await sent_to(app, path, authorization="Bearer crm_wrong") == (401, 0)
    assert (await sent_to(app, path, FORM, cookie=f"{cookie_name(kernel.config)}=made-up"))[1] == 0


async def test_body_of_a_token_without_the_verb_is_not_read(app: Litestar, kernel: Kernel, as_user: People) -> None:
    admin = await as_user("admin")
    token = await token_of(kernel, admin.id, "core.contact.read")
    nowhere = "0190a6a0-0000-7000-8000-000000000000"
    for path in ("/api/v1/contacts", "/api/v1/contacts/bulk", f"/api/v1/contacts/{nowhere}/restore"):
        assert await sent_to(app, path, authorization=token) == (403, 0)
    reader = (await as_user("readonly")).api.headers
    assert await sent_to(app, "/api/v1/contacts", **reader) == (403, 0)


async def test_session_without_the_right_has_no_form_read(app: Litestar, as_user: People) -> None:
    nobody = await as_user("", "nobody")
    (name, value), *_rest = nobody.client.cookies.items()
    assert await sent_to(app, "/contacts/new", FORM, cookie=f"{name}={value}") == (403, 0)


async def test_body_of_who_may_is_read_up_to_the_limit(app: Litestar, as_user: People) -> None:
    status, taken = await sent_to(app, "/api/v1/contacts", **(await as_user("admin")).api.headers)
    assert status in (400, 413)
    assert taken >= CHUNKS * len(CHUNK) - len(CHUNK)


def routes(app: Litestar) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (method, path with made-up values, options) of every route."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            for method in sorted(str(m) for m in handler.http_methods if m not in ("OPTIONS", "HEAD")):
                yield method, path_of(route), handler.opt  # type: ignore[arg-type]  # those with handlers are HTTP's


async def test_every_route_says_who_may_use_it(app: Litestar) -> None:
    assert [f"{m} {path}" for m, path, opt in routes(app) if not any(opt.get(mark) for mark in MARKS)] == []


async def test_nobody_reaches_no_route_but_public_ones(app: Litestar, as_user: People) -> None:
    stranger = as_user.browser()
    asked, wrong = 0, []
    for method, path, opt in routes(app):
        if not opt.get("public"):
            answer = await stranger.request(method, path, **({} if method == "GET" else {"json": {}}))
            asked += 1
            to_login = answer.status_code == 303 and answer.headers["location"].startswith("/login")
            if answer.status_code != 401 and not to_login:
                wrong.append(f"{method} {path}: {answer.status_code}")
    print(f"{asked} routes asked by nobody")
    assert wrong == []
    assert asked > 200
