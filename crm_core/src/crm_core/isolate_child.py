"""The child of `isolate`: reads a call, runs it under limits, answers. Imports nothing of the CRM by itself."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import sys
from importlib import import_module
from typing import Any

import msgspec

MEGABYTE = 1 << 20
LARGEST_FILE = 64 * MEGABYTE
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000

# What Python code may not do here, by the name of its audit event. Library code is meant, not an attacker
# with machine code: against that stand the empty network namespace and the limits.
BARRED = (
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto",
    "sqlite3.connect", "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn",
    "os.kill", "ctypes.dlopen",
)  # fmt: skip


def _no_network() -> None:
    """Move into an empty network namespace where the system lets us; the audit hook bars it in any case."""
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    if unshare is not None:
        unshare(NEW_USER | NEW_NETWORK)


def _bar(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in BARRED:
        raise PermissionError(errno.EPERM, f"{event} is not possible in an isolated process")


def _used_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _limit(seconds: float, megabytes: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + int(seconds) + 2, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (_used_bytes() + megabytes * MEGABYTE, resource.RLIM_INFINITY))


def _unlimit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    if not request["fn"]:
        return {"value": None}
    module, _, name = request["fn"].partition(":")
    try:
        function = getattr(import_module(module), name)
        _limit(request["seconds"], request["megabytes"])
        value = function(request["data"])
        _unlimit()
        return {"value": msgspec.to_builtins(value, builtin_types=(bytes,))}
    except MemoryError:
        _unlimit()
        return {"error": "out of memory", "kind": "MemoryError", "worn": True}
    except Exception as error:  # noqa: BLE001 - whatever the function raised is the answer
        _unlimit()
        return {"error": f"{type(error).__name__}: {error}"[:10_000], "kind": type(error).__name__}


def _receive(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(MEGABYTE, size - len(parts)))
        if not part:
            sys.exit(0)  # the parent is gone
        parts += part
    return bytes(parts)


def main() -> None:
    """Serve calls from the socket whose number is the first argument, until it is closed."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    _no_network()
    sys.addaudithook(_bar)
    os.umask(0o077)
    while True:
        size = int.from_bytes(_receive(connection, 8), "big")
        body = msgspec.msgpack.encode(_answer(msgspec.msgpack.decode(_receive(connection, size))))
        connection.sendall(len(body).to_bytes(8, "big") + body)


if __name__ == "__main__":
    main()
