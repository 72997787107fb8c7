"""A real installation: `crm serve` and `crm worker` as processes, with the test jobs installed as a plugin."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PACKAGES = Path(__file__).parents[1]
KEY = "a key that only tests use, long enough"


class Installation:
    """A folder, its environment, and the processes started in it."""

    def __init__(self, folder: Path, database_url: str, redis_url: str | None = None, lease: float = 2.0) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[str]] = []
        info = folder / "site" / "crm_faults-0.1.dist-info"
        info.mkdir(parents=True)
        info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: crm-faults\nVersion: 0.1\n")
        info.joinpath("entry_points.txt").write_text("[crm.plugins]\nfaults = crm_faults.plugin\n")
        plain = {k: v for k, v in os.environ.items() if not k.startswith("CRM_")}
        self.environment = plain | {
            "PYTHONPATH": os.pathsep.join((str(PACKAGES), str(folder / "site"))),
            "CRM_FOLDER": str(folder),
            "CRM_DATABASE_URL": database_url,
            "CRM_SECRET_KEY": KEY,
            "CRM_JOB_LEASE": str(lease),
            "CRM_LOG_LEVEL": "warning",
        }
        if redis_url:
            self.environment["CRM_REDIS_URL"] = redis_url

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a `crm` command; its error output goes to a file in the folder."""
        with (self.folder / f"{arguments[0]}.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", "from crm_core.cli import main; main()", *arguments],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.processes.append(process)
        return process

    def serve(self) -> tuple[subprocess.Popen[str], str]:
        """Start the web server; return it with its address once it is ready."""
        process = self.start("serve", "--port", "0")
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready http://"), (line, (self.folder / "serve.log").read_text()[-3000:])
        return process, line.split()[1]

    def close(self) -> None:
        """End everything that was started."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()


def children(process: subprocess.Popen[str]) -> list[int]:
    """Return the ids of a process's children."""
    with contextlib.suppress(OSError):
        return [int(c) for c in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    return []


def kill_child(process: subprocess.Popen[str], number: int = 0) -> int | None:
    """Kill one child as a crash would; return its id, None when there is none at this moment."""
    found = children(process)
    if not found:
        return None
    chosen = found[number % len(found)]
    with contextlib.suppress(ProcessLookupError):
        os.kill(chosen, signal.SIGKILL)
    return chosen


def gone(pid: int, seconds: float) -> bool:
    """Return whether a process ended within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
