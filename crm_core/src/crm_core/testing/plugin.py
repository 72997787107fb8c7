"""The pytest plugin for the CRM and its plugins: real databases, a kernel, a client.

Fixtures: `database_url` (SQLite and PostgreSQL, see `dialect`), `config`, `kernel`, `uow`, `app`, `client`, `as_user`,
`api`, `jobs`, `events`, `count_queries`, `redis_url`, `oidc`; `no_network` is on everywhere. Tests override
`plugins` to load plugins that are not installed, as (name, module) pairs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    import httpx2
    from litestar import Litestar

    from crm_core.config import Config
    from crm_core.jobs.rows import Claimed
    from crm_core.kernel import Kernel
    from crm_core.plugin.registry import Registry
    from crm_core.testing.databases import Databases
    from crm_core.testing.oidc import OidcServer
    from crm_core.testing.people import Api, People
    from crm_core.testing.servers import RedisServer
    from crm_core.uow import UnitOfWork

DIALECTS = ("sqlite", "postgresql")
KEY = "a key that only tests use, long enough"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=DIALECTS, help="run database tests on this database only")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "postgres: needs a PostgreSQL server (started from a wheel)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    only = config.getoption("--database")
    if only is None:
        return
    keep: list[pytest.Item] = []
    drop: list[pytest.Item] = []
    for item in items:
        params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        (keep if params.get("dialect", only) == only else drop).append(item)
    if drop:
        config.hook.pytest_deselected(items=drop)
        items[:] = keep


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Where databases come from; the PostgreSQL server starts when the first test asks for it."""
    from crm_core.testing.databases import Databases

    made = Databases()
    yield made
    made.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def dialect(request: pytest.FixtureRequest) -> str:
    """The database kind. `@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)` picks one."""
    return str(request.param)


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    """Plugins to load beside the installed ones; override it in a test module."""
    return ()


@pytest.fixture
def base_config(tmp_path: Path) -> Config:
    """A configuration without a database of its own; enough to load plugins."""
    from crm_core.config import Config

    return Config(
        folder=tmp_path / "crm", database_url=f"sqlite+aiosqlite:///{tmp_path / 'crm.db'}", secret_key=KEY,
        testing=True, base_url="http://testserver.local", jobs=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def made_once() -> dict[object, Any]:
    """What is the same for all tests of a process: the usual registry, and applications by registry."""
    return {}


@pytest.fixture
def registry(base_config: Config, plugins: Sequence[tuple[str, ModuleType]], made_once: dict[object, Any]) -> Registry:
    """Everything built in, installed, and in `plugins`."""
    from crm_core.plugin.loader import load

    if plugins:
        return load(base_config, plugins)
    found: Registry = made_once.get("registry") or made_once.setdefault("registry", load(base_config))
    return found


@pytest.fixture
def database_url(
    dialect: str, databases: Databases, base_config: Config, registry: Registry, tmp_path: Path
) -> Iterator[str]:
    """A fresh database of this test's own on each kind of database: migrated, and with every plugin's defaults."""
    from crm_core.db import migrate
    from crm_core.testing.databases import with_defaults

    packages = migrate.packages(registry)
    url = databases.migrated(dialect, tmp_path, packages, with_defaults(base_config, registry))
    yield url
    databases.drop(url)


@pytest.fixture
def empty_database_url(dialect: str, databases: Databases, tmp_path: Path) -> Iterator[str]:
    """A database without a single table."""
    url = databases.empty(dialect, tmp_path)
    yield url
    databases.drop(url)


@pytest.fixture
def config(base_config: Config, database_url: str) -> Config:
    """The configuration of one embedded installation in a temporary folder."""
    return base_config.but(database_url=database_url)


@pytest_asyncio.fixture
async def kernel(config: Config, registry: Registry) -> AsyncIterator[Kernel]:
    """A running kernel with every plugin's defaults loaded; jobs run only when a test asks for it."""
    from crm_core.kernel import open_kernel

    made = await open_kernel(config, registry=registry)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def uow(kernel: Kernel) -> AsyncIterator[UnitOfWork]:
    """A writing unit of work of the system; commits at the end of the test."""
    from crm_core.auth.actor import system

    async with kernel.write(system("test")) as made:
        yield made


@pytest_asyncio.fixture
async def app(kernel: Kernel, made_once: dict[object, Any]) -> Litestar:
    """The web application on this test's kernel; assembled once per registry."""
    from crm_core.app import assemble, attach

    found: Litestar | None = made_once.get(kernel.registry)
    if found is None:
        found = made_once.setdefault(kernel.registry, assemble(kernel.registry))
    return attach(found, kernel)


@pytest_asyncio.fixture
async def as_user(app: Litestar, kernel: Kernel) -> AsyncIterator[People]:
    """`somebody = await as_user("sales")`: a user with a role; `.client` for pages, `.api` for REST."""
    from crm_core.testing.people import running

    async with running(app, kernel) as people:
        yield people


@pytest_asyncio.fixture
async def client(as_user: People) -> httpx2.AsyncClient:
    """A browser in which nobody is signed in."""
    return as_user.browser()


@pytest_asyncio.fixture
async def api(as_user: People) -> Api:
    """The REST API as an administrator."""
    return (await as_user("admin")).api


@pytest.fixture
def jobs(kernel: Kernel) -> Callable[..., Awaitable[Sequence[Claimed]]]:
    """`ran = await jobs()`: run the jobs that are due, and those they enqueue."""
    from functools import partial

    from crm_core.jobs.runner import run_due

    return partial(run_due, kernel)


@pytest.fixture
def events(kernel: Kernel) -> Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]:
    """`await events("core.contact.")`: (type, payload) of the events whose type starts so, oldest first."""
    import sqlalchemy as sa

    from crm_core.entity.event_rows import EventData, EventRow

    async def read(start: str = "") -> list[tuple[str, dict[str, Any]]]:
        query = sa.select(EventRow.type, EventData.payload).join(EventData, EventData.event_id == EventRow.id)
        query = query.where(EventRow.type.startswith(start, autoescape=True)).order_by(EventRow.id)
        async with kernel.db.session(readonly=True) as session:
            return [(kind, payload) for kind, payload in await session.execute(query)]

    return read


@pytest.fixture
def count_queries(kernel: Kernel) -> Callable[[], AbstractContextManager[list[str]]]:
    """`with count_queries() as seen: ...; assert len(seen) <= 3`: the statements sent to the database."""
    from functools import partial

    from crm_core.testing.databases import statements

    return partial(statements, kernel.db)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis of this test process."""
    from crm_core.testing.servers import RedisServer

    made = RedisServer()
    yield made
    made.close()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    redis_server.command("FLUSHALL")
    return redis_server.url


@pytest.fixture(scope="session")
def oidc_server() -> Iterator[OidcServer]:
    """An OpenID provider in a process of its own; installed from npm into the user's cache at its first use."""
    from crm_core.testing.oidc import OidcServer

    made = OidcServer()
    yield made
    made.close()


@pytest.fixture
def oidc(oidc_server: OidcServer) -> OidcServer:
    """The OpenID provider, doing everything right until the test says otherwise."""
    oidc_server.control()
    return oidc_server


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail anything that leaves this machine."""
    from crm_core.testing.servers import forbid_network

    forbid_network(monkeypatch)
