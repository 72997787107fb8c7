"""Where a test run keeps its databases, shared by its parallel processes and removed after it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOM = 1 << 30
FRESH = 120  # seconds; a run that has just begun has no member yet


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Hold a lock file, so that parallel test processes make a shared thing once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fast_folder() -> Path:
    """Return a folder in memory where there is one with room: copying a PostgreSQL database makes 700 files."""
    memory = Path("/dev/shm")  # noqa: S108 - what goes there gets a folder of its own
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    return memory if roomy else Path(tempfile.gettempdir())


def run_folder() -> Path:
    """Return the folder shared by all processes of this test run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
    path = fast_folder() / f"crm-tests-{run[:12]}"
    path.mkdir(exist_ok=True)
    return path


def sweep(folder: Path) -> None:
    """Remove what killed test runs left in `folder`: their files, and their PostgreSQL server."""
    for left in folder.glob("crm-tests-*"):
        with suppress(OSError):  # another run may sweep at the same time
            if time.time() - left.stat().st_mtime > FRESH and not any(
                _alive(int(m.stem)) for m in left.glob("*.member")
            ):
                _stop_server(left)
                shutil.rmtree(left, ignore_errors=True)


def _stop_server(left: Path) -> None:
    lock = left / "postgres" / "postmaster.pid"
    if lock.is_file():
        server = int(lock.read_text().split()[0])
        command = Path(f"/proc/{server}/cmdline")
        if command.is_file() and str(left) in command.read_text():  # else the number is somebody else's by now
            os.kill(server, signal.SIGINT)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
