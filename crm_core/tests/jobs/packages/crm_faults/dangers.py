"""Functions that should not get far in an isolated process."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from typing import Any


def echo(data: Any) -> dict[str, Any]:
    return {"data": data, "process": os.getpid()}


def crash(data: Any) -> None:
    os.abort()


def sleep(data: Any) -> None:
    time.sleep(60)


def spin(data: Any) -> None:
    while True:
        pass


def grow(megabytes: int) -> int:
    held = [bytearray(1 << 20) for _ in range(megabytes)]
    return len(held)


def fail(data: Any) -> None:
    raise ValueError("no good")


def environment(data: Any) -> list[str]:
    return list(os.environ)


def connect(data: Any) -> None:
    socket.create_connection(("127.0.0.1", data[0]), 2)


def resolve(data: Any) -> None:
    socket.getaddrinfo("localhost", 80)


def listen(data: Any) -> None:
    socket.create_server(("127.0.0.1", 0))


def database(data: Any) -> None:
    sqlite3.connect(data[1])


def program(data: Any) -> None:
    subprocess.run([sys.executable, "-c", "1"], check=True)


def fork(data: Any) -> None:
    os.fork()


REACHES = (connect, resolve, listen, database, program, fork)
