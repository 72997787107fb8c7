"""`crm serve`: a small parent that keeps one web process running."""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

import click

from crm_core.cli import folder
from crm_core.commands.supervisor import CANNOT_START, Child, Supervisor, end_with_parent
from crm_core.config import Config
from crm_core.errors import StartupError

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

GRACE_SECONDS = 2
HEALTH_TIMEOUT = 0.5


@click.command(name="serve")
@folder
@click.option("--host", help="Address to listen on (default: 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (default: 8000; 0: any free one).")
def command(config: Config, host: str | None, port: int | None) -> None:
    """Run the CRM's web server; embedded, jobs run in it too.

    Prints `ready http://…` when it answers. A web process that dies is restarted.
    """
    sys.exit(serve(config.but(host=host or config.host, port=config.port if port is None else port)))


def serve(config: Config) -> int:
    """Keep a web process running until SIGTERM or SIGINT; return the exit code."""
    listening = _listen(config)
    port = listening.getsockname()[1]
    child = Child(
        "web process",
        ("-m", "crm_core.commands.serve", "--folder", str(config.folder), "--host", config.host,
         "--port", str(port), "--socket", str(listening.fileno())),
        pass_fds=(listening.fileno(),),
    )  # fmt: skip
    address = f"http://{_printable(config.host)}:{port}"
    with listening:
        return Supervisor(
            (child,),
            grace=GRACE_SECONDS + 6.0,
            ready=lambda: _answers(config.host, port),
            on_ready=lambda: print(f"ready {address}", flush=True),  # noqa: T201 - what callers wait for
        ).run()


def _listen(config: Config) -> socket.socket:
    """Bind in the parent: while a web process is being restarted, connections wait instead of being refused."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, config.port), family=family, backlog=1024)
    except OSError as error:
        raise StartupError(f"cannot listen on {config.host}:{config.port}: {error.strerror}") from error


def _printable(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{host}]" if ":" in host else host


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(_printable(host).strip("[]"), port, timeout=HEALTH_TIMEOUT)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def child(config: Config, descriptor: int) -> None:
    """Be the web process: serve on the inherited socket until SIGTERM."""
    import uvicorn
    import uvloop

    from crm_core.log import configure

    configure(config)

    async def run() -> None:
        server = uvicorn.Server(
            uvicorn.Config(
                await _app(config),
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=config.base_url != "",
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        await server.serve(sockets=[socket.socket(fileno=descriptor)])
        if not server.started:
            sys.exit(1)

    uvloop.run(run())


async def _app(config: Config) -> Any:
    from crm_core.app import create_app
    from crm_core.defaults import load_defaults
    from crm_core.jobs.background import background
    from crm_core.kernel import open_kernel

    config = config.prepare()
    kernel = await open_kernel(config)
    await bring_up(kernel, upgrade=config.embedded)
    if config.embedded:  # scaled out, `crm db upgrade` does it once for all
        await load_defaults(kernel)
    return create_app(kernel, on_start=(background,))


async def bring_up(kernel: Kernel, *, upgrade: bool) -> None:
    """Bring the database to the code's level, after a backup; StartupError when that is not for us to do."""
    if await at_level(kernel):
        return
    from crm_core.db import migrate

    url, packages = kernel.config.database_url, migrate.packages(kernel.registry)
    behind = [s.package.name for s in await migrate.status(url, packages) if s.behind]
    if not behind:
        return
    if not upgrade:
        raise StartupError(f"the database is behind the code ({', '.join(behind)}): run `crm db upgrade` first")
    migrate.backup(url, kernel.config.folder / "backups")
    await migrate.upgrade(url, packages)


async def at_level(kernel: Kernel) -> bool:
    """Return whether every package is at its newest revision, without loading alembic: it is 10 MB of the process.

    False also when that cannot be told.
    """
    import sqlalchemy as sa

    from crm_core.db.packages import packages

    try:
        async with kernel.db.read.connect() as connection:
            for own in packages(kernel.registry):
                rows = await connection.execute(sa.text(f"select version_num from {own.version_table}"))  # noqa: S608 - our name
                if {row.version_num for row in rows} != own.heads():
                    return False
    except sa.exc.DBAPIError:
        return False
    return True


def _main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("folder", "host"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("port", "socket", "alive"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    end_with_parent(given.alive)
    os.set_inheritable(given.socket, False)
    os.set_inheritable(given.alive, False)
    try:
        config = Config.load(given.folder).but(host=given.host, port=given.port)
        child(config, given.socket)
    except StartupError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - for the installer
        sys.exit(CANNOT_START)


if __name__ == "__main__":
    _main()
