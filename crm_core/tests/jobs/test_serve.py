"""`crm serve` and `crm worker`: a parent that keeps its children running and ends them in order."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from crm_faults.running import Installation, children, gone, kill_child

pytestmark = pytest.mark.slow


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "crm", f"sqlite:///{tmp_path / 'crm.db'}")
    yield made
    made.close()


def health(address: str, seconds: float = 0) -> int:
    """Return the status of /health, trying for some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        finally:
            connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_server_makes_its_database_says_ready_and_ends_cleanly(
    installation: Installation, number: signal.Signals
) -> None:
    process, address = installation.serve()
    assert health(address) == 200
    [child] = children(process)
    process.send_signal(number)
    began = time.monotonic()
    assert process.wait(10) == 0
    assert time.monotonic() - began < 6
    assert gone(child, 1)
    assert "Traceback" not in (installation.folder / "serve.log").read_text()


def test_killed_web_process_is_restarted_and_connections_wait_for_it(installation: Installation) -> None:
    process, address = installation.serve()
    killed = kill_child(process)
    time.sleep(0.2)
    assert health(address, 5) == 200  # the parent holds the socket: this request waited, or met the new process
    [child] = children(process)
    assert child != killed


def test_web_process_ends_when_its_parent_is_killed(installation: Installation) -> None:
    process, _address = installation.serve()
    [child] = children(process)
    os.kill(process.pid, signal.SIGKILL)
    assert gone(child, 10)


def test_taken_port_is_told_without_a_traceback(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = installation.start("serve", "--port", str(taken.getsockname()[1]))
        assert process.wait(20) == 2
    told = (installation.folder / "serve.log").read_text()
    assert told.startswith("Error: cannot listen on 127.0.0.1:")
    assert "Traceback" not in told


def test_scaled_out_server_refuses_a_database_that_is_behind(installation: Installation) -> None:
    installation.environment["CRM_REDIS_URL"] = "unix:///nowhere"
    process = installation.start("serve", "--port", "0")
    assert process.wait(30) == 1
    assert "crm db upgrade" in (installation.folder / "serve.log").read_text()


def test_killed_worker_is_restarted(installation: Installation) -> None:
    installation.serve()
    process = installation.start("worker")
    deadline = time.monotonic() + 20
    while not children(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    killed = kill_child(process)
    time.sleep(1.5)
    assert children(process)
    assert children(process) != [killed]
    process.terminate()
    assert process.wait(15) == 0
