"""Keeps real web and worker processes, forked from one that has imported everything: a new one is up in a moment.

Speaks JSON in lines: `keep` starts a process and starts it anew whenever it dies, `stop` ends it and says how often
it died, `pids` lists the living. Each child opens its own kernel, event loop and connections after the fork.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from crm_core.config import Config

PDEATHSIG = 1
START_SECONDS = 30.0


@dataclass(slots=True)
class Kept:
    """One process to keep alive."""

    config: Config
    folder: Path
    concurrent: int = 0  # of a worker
    listening: socket.socket | None = None  # of a web process
    pid: int = 0
    deaths: int = 0


def config_of(given: dict[str, Any]) -> Config:
    """Return the configuration that was sent as JSON."""
    return Config(**{**given, "folder": Path(given["folder"])})


def prepare() -> None:
    """Load what all children share, and wrap the product."""
    import crm_core.app
    import crm_core.commands.serve
    import crm_core.kernel
    import crm_faults.plugin
    import uvicorn.protocols.http.httptools_impl  # noqa: F401 - imported once instead of in each child
    import uvloop  # noqa: F401
    from crm_core.plugin.loader import load

    import crm_kills.plugin
    from crm_kills import failpoints

    config = Config(folder=Path("/nonexistent"), database_url="sqlite+aiosqlite://", secret_key="x" * 40)
    registry = load(config, (("faults", crm_faults.plugin), ("kills", crm_kills.plugin)))
    app = crm_core.app.assemble(registry)
    with tempfile.TemporaryDirectory() as folder:
        warm = config.but(folder=Path(folder), database_url=f"sqlite+aiosqlite:///{folder}/crm.db", testing=True)
        asyncio.run(warm_up(warm.but(base_url="http://testserver.local"), registry, app))
    failpoints.install()
    gc.collect()
    gc.freeze()
    crm_core.kernel.open_kernel = partial(crm_core.kernel.open_kernel, registry=registry)  # type: ignore[assignment]
    crm_core.app.assemble = lambda _registry: app
    made = crm_core.commands.serve._app

    async def wrapped(config: Config) -> Any:
        return failpoints.around(await made(config))

    crm_core.commands.serve._app = wrapped


async def warm_up(config: Config, registry: Any, app: Any) -> None:
    """Use everything once: what is imported, mapped and compiled before the fork need not be after it."""
    from crm_core.app import attach
    from crm_core.commands.serve import bring_up
    from crm_core.db.engine import Database
    from crm_core.defaults import load_defaults
    from crm_core.jobs import transport  # noqa: F401 - with dramatiq and redis
    from crm_core.jobs.background import prepare as prepare_jobs
    from crm_core.jobs.runner import run_due
    from crm_core.kernel import open_kernel
    from crm_core.testing.people import running

    kernel = await open_kernel(config, registry=registry)
    await bring_up(kernel, upgrade=True)
    await load_defaults(kernel)
    async with running(attach(app, kernel), kernel) as people:
        api = (await people("admin")).api
        person = {"last_name": "n", "emails": [{"address": "n@example.com"}], "phones": [{"number": "+49 30 1"}]}
        await api.post("/contacts", person, headers={"idempotency-key": "1"})
        await api.send("POST", "/files/upload", 201, files={"file": ("n.bin", b"n" * 200_000)})
        await prepare_jobs(kernel)
        await run_due(kernel)
    await Database.open("postgresql+asyncpg://nobody@/nothing").close()


def child(kept: Kept) -> None:
    """Be the process; never returns."""
    import uvloop
    from crm_core.commands import serve, worker
    from crm_core.log import configure

    from crm_kills import failpoints

    code = 1
    try:
        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(kept.folder / "children.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        for number, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(target, number)
        configure(kept.config)
        failpoints.use(kept.folder / "kills")
        if kept.listening is not None:
            serve.child(kept.config, os.dup(kept.listening.fileno()))
        else:
            uvloop.run(worker.child(kept.config, kept.concurrent))
        code = 0
    except BaseException:  # noqa: BLE001 - a forked child must not return into its parent's loop
        traceback.print_exc()
    finally:
        os._exit(code)


class Forge:
    """The parent's loop."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.woken, writing = socket.socketpair()
        for end in (self.woken, writing):
            end.setblocking(False)
        self.writing = writing
        signal.set_wakeup_fd(writing.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        buffered = b""
        while True:
            ready, _, _ = select.select([0, self.woken], [], [], 1.0)
            if self.woken in ready:
                self.woken.recv(4096)
            self.reap()
            if 0 in ready:
                part = os.read(0, 65536)
                if not part:
                    return
                *lines, buffered = (buffered + part).split(b"\n")
                for line in lines:
                    print(json.dumps(self.do(json.loads(line))), flush=True)

    def reap(self) -> None:
        while True:
            try:
                pid, _status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for kept in self.kept.values():
                if kept.pid == pid:
                    kept.deaths += 1
                    self.fork(kept)

    def fork(self, kept: Kept) -> None:
        kept.pid = os.fork()
        if not kept.pid:
            child(kept)

    def do(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked.get("name", "")
        if asked["do"] == "keep":
            return self.keep(name, asked)
        if asked["do"] == "pids":
            return {"pids": [k.pid for k in self.kept.values()]}
        kept = self.kept.pop(name)
        os.kill(kept.pid, signal.SIGTERM)
        deadline = time.monotonic() + START_SECONDS
        while os.waitpid(kept.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(kept.pid, signal.SIGKILL)
            time.sleep(0.01)
        if kept.listening:
            kept.listening.close()
        return {"deaths": kept.deaths}

    def keep(self, name: str, asked: dict[str, Any]) -> dict[str, Any]:
        kept = Kept(config_of(asked["config"]), Path(asked["folder"]), asked.get("concurrent", 0))
        port = 0
        if not kept.concurrent:
            # Bound here, as `crm serve` does it: between two web processes connections wait.
            kept.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
            port = kept.listening.getsockname()[1]
            kept.config = replace(kept.config, port=port)
        self.kept[name] = kept
        self.fork(kept)
        return {"port": port}


if __name__ == "__main__":
    asyncio.set_event_loop_policy(None)
    prepare()
    print(json.dumps({"ready": True}), flush=True)
    Forge().run()
    sys.exit(0)
