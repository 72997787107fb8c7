"""A running CRM and a Chromium that fails on anything it complains about."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from crm_core.config import Config
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

HERE = str(Path(__file__).parent)
if HERE not in sys.path:
    sys.path.append(HERE)  # crm_looks
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WATCH = """window.__csp = []; document.addEventListener('securitypolicyviolation',
  (e) => window.__csp.push(`${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`))"""
EXPECTED = (409, 422)  # forms that come back


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@dataclass(frozen=True)
class Site:
    """One running installation: its address, an administrator's session cookie and API."""

    url: str
    cookie: str
    session: str
    api: httpx2.Client
    config: Config


class _Server:
    """The web application in a thread with its own event loop."""

    def __init__(self, config: Config) -> None:
        self.config, self.ready = config, threading.Event()
        self.error: BaseException | None = None
        self.session = self.token = ""
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.thread.start()
        assert self.ready.wait(60), "the server did not start"
        assert self.error is None, self.error

    async def _run(self) -> None:
        try:
            await self._serve()
        except BaseException as error:
            self.error = error  # shown by the test's thread
            self.ready.set()
            raise

    async def _serve(self) -> None:
        from crm_core.app import create_app
        from crm_core.defaults import load_defaults
        from crm_core.kernel import open_kernel
        from crm_core.testing.people import People

        kernel = await open_kernel(self.config)
        await load_defaults(kernel)
        app = create_app(kernel)
        people = People(kernel, app)
        somebody = await people("admin", "ada lovelace")
        self.session = next(iter(somebody.client.cookies.jar)).value or ""
        self.token = somebody.api.headers["authorization"]
        self.server = uvicorn.Server(uvicorn.Config(app, port=self.config.port, log_level="warning"))
        asyncio.get_running_loop().call_later(0.5, self.ready.set)
        await self.server.serve()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def site(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation with a few records, shared by the tests of a module."""
    from crm_core.auth.session import cookie_name
    from crm_core.db import migrate
    from crm_core.plugin.loader import load

    folder, port = tmp_path_factory.mktemp("site"), free_port()
    config = Config(
        folder=folder,
        database_url=f"sqlite+aiosqlite:///{folder / 'crm.db'}",
        secret_key="a key that only tests use, long enough",
        base_url=f"http://127.0.0.1:{port}",
        port=port,
        jobs=False,
        outbound_allow=("127.0.0.0/8",),  # a provider of single sign-on is on this machine too
    )
    url = databases.migrated("sqlite", folder, migrate.packages(load(config)))
    server = _Server(config.but(database_url=url))
    with httpx2.Client(base_url=f"{config.url}/api/v1", headers={"authorization": server.token}) as api:
        yield Site(config.url, cookie_name(config), server.session, api, server.config)
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield made
        made.close()


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """`open_page("/contacts", theme="dark", width=360, scripts=False)`; complaints fail the test at its end."""
    contexts: list[BrowserContext] = []
    bad: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(f"status of {s}" in message.text for s in EXPECTED):
            bad.append(message.text)

    def make(path: str, *, theme: Any = "light", width: int = 1360, scripts: bool = True) -> Page:
        context = browser.new_context(
            base_url=site.url,
            viewport={"width": width, "height": 860},
            color_scheme=theme,
            reduced_motion="reduce",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        context.add_cookies([{"name": site.cookie, "value": site.session, "url": site.url}])
        page = context.new_page()
        page.add_init_script(WATCH)
        page.on("pageerror", lambda e: bad.append(f"pageerror {e}"))
        page.on("console", heard)
        page.on(
            "response", lambda r: r.status >= 400 and r.status not in EXPECTED and bad.append(f"{r.status} {r.url}")
        )
        page.goto(path)
        return page

    yield make
    for context in contexts:
        for page in context.pages:
            bad += page.evaluate("window.__csp || []")
        context.close()
    assert not bad, bad
