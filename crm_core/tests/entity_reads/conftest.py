"""Databases with the estate's tables, and people with rights over them."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
import sqlalchemy as sa
from crm_core.auth.actor import Actor, ActorKind, Rights, Scope, system
from crm_core.config import Config
from crm_core.db import tables
from crm_core.db.model import metadata
from crm_core.db.types import new_id
from crm_core.entity import search
from crm_core.kernel import Kernel, open_kernel
from crm_core.plugin.loader import BUILT_IN
from crm_core.plugin.registry import Registry
from crm_core.testing.databases import Databases, in_own_loop
from sqlalchemy.ext.asyncio import create_async_engine

# Test folders are not packages; the estate is imported once under a name that tests can import.
if "crm_core_tests_estate" not in sys.modules:
    _spec = importlib.util.spec_from_file_location("crm_core_tests_estate", Path(__file__).with_name("estate.py"))
    assert _spec is not None
    assert _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["crm_core_tests_estate"] = _module
    _spec.loader.exec_module(_module)
estate = sys.modules["crm_core_tests_estate"]


def make_tables(connection: sa.Connection) -> None:
    """Make core's tables, the search index and the estate's tables.

    A test file run beside this one may have imported some features but not those that their tables point at.
    """
    tables.import_all()
    for name in BUILT_IN:
        import_module(f"crm_core.features.{name}.plugin")
    metadata.create_all(connection)
    search.create_search(connection)
    estate.ESTATE.create_all(connection)


async def _made(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(make_tables)
    await engine.dispose()


@pytest.fixture
def registry() -> Registry:
    """The estate alone."""
    return estate.estate_registry()  # type: ignore[no-any-return]  # a module loaded by path


@pytest.fixture(scope="session")
def templates(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Make the tables once per kind of database."""
    urls: dict[str, str] = {}

    def template(dialect: str) -> str:
        if dialect not in urls:
            urls[dialect] = databases.empty(dialect, tmp_path_factory.mktemp("estate"))
            in_own_loop(lambda: _made(urls[dialect]))
        return urls[dialect]

    yield template
    for url in urls.values():
        databases.drop(url)


@pytest.fixture
def database_url(dialect: str, databases: Databases, templates: Callable[[str], str], tmp_path: Path) -> Iterator[str]:
    """A database with the tables of core and estate."""
    made = sa.make_url(templates(dialect)).database
    assert made is not None
    if dialect == "sqlite":
        shutil.copyfile(made, tmp_path / "crm.db")
        yield f"sqlite+aiosqlite:///{tmp_path / 'crm.db'}"
        return
    name = f"estate_{new_id().hex[16:]}"
    url = databases.server.create(name, made)
    yield url
    databases.drop(url)


@pytest.fixture
def base_config(tmp_path: Path) -> Config:
    """A configuration whose key is fixed."""
    return Config(
        folder=tmp_path / "crm",
        database_url="sqlite+aiosqlite:///unused",
        secret_key="k" * 40,
        testing=True,
        jobs=False,
    )


@pytest_asyncio.fixture
async def kernel(config: Config, registry: Registry) -> AsyncIterator[Kernel]:
    """A kernel on the estate."""
    made = await open_kernel(config, registry=registry)
    yield made
    await made.close()


def person(scope: str = "all", **kw: Any) -> Actor:
    """Return a user with one scope for reading and editing everything of the estate."""
    verbs = ("read", "edit", "delete", "create")
    entities = ("estate.town", "estate.house")
    scopes = {f"{e}.{v}": Scope(scope) for e in entities for v in verbs}
    rights = Rights(scopes={**scopes, **kw.pop("scopes", {})}, hidden=frozenset(kw.pop("hidden", ())))
    return Actor(ActorKind.user, name="somebody", user_id=kw.pop("user_id", None) or new_id(), rights=rights, **kw)


@pytest.fixture
def user() -> Callable[..., Actor]:
    """Make people: user("team", team_ids=…, hidden=…)."""
    return person


@pytest.fixture
def put(kernel: Kernel) -> Callable[..., Any]:
    """Store rows of the estate, in order, and return their ids."""

    async def store(*rows: Any) -> list[UUID]:
        async with kernel.db.write.begin() as connection:
            for row in rows:
                table = type(row).__table__
                columns = {c.key for c in table.c}
                values = {k: v for k, v in vars(row).items() if k in columns}
                values.setdefault("id", new_id()) if "id" in columns else None
                row.__dict__["id"] = values.get("id")
                await connection.execute(sa.insert(table).values(**values))
        return [row.__dict__["id"] for row in rows]

    return store


@pytest.fixture
def all_powerful() -> Actor:
    """The system."""
    return system("test")


@pytest.fixture
def models() -> ModuleType:
    """The estate's module."""
    return estate


@pytest.fixture
def event_loop_runner(config: Config, registry: Registry) -> Iterator[Any]:
    """Run coroutines from a plain test, all in one loop; `.kernel` is open in it."""
    with asyncio.Runner() as runner:
        run = runner.run
        kernel = run(open_kernel(config, registry=registry))
        yield SimpleNamespace(run=run, kernel=kernel)
        run(kernel.close())
