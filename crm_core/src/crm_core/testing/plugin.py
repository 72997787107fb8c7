"""The pytest plugin for the CRM and its plugins: real databases, a kernel, a client.

Fixtures: `database_url` (parametrised: SQLite and PostgreSQL), `config`, `kernel`, `uow`. Tests override
`plugins` to load plugins that are not installed, as (name, module) pairs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from crm_core.config import Config
    from crm_core.kernel import Kernel
    from crm_core.plugin.registry import Registry
    from crm_core.testing.databases import Databases
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


@pytest.fixture
def registry(base_config: Config, plugins: Sequence[tuple[str, ModuleType]]) -> Registry:
    """Everything built in, installed, and in `plugins`."""
    from crm_core.plugin.loader import load

    return load(base_config, plugins)


@pytest.fixture
def database_url(dialect: str, databases: Databases, registry: Registry, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database of this test's own, on each kind of database."""
    from crm_core.db import migrate

    url = databases.migrated(dialect, tmp_path, migrate.packages(registry))
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
    """A running kernel; jobs run only when a test asks for it."""
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
