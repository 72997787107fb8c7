"""`crm`, as somebody types it: the words of a line, and what came back."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from crm_core import cli

Run = Callable[..., "Told"]


@dataclass(frozen=True)
class Told:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def too_long(*_given: object) -> None:
    raise AssertionError("the command went on")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `crm` with the words of a line; exceptions that reach the top fail the test."""
    for name in ("CRM_DATABASE_URL", "CRM_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRM_FOLDER", str(tmp_path / "crm"))
    monkeypatch.chdir(tmp_path)

    def go(*words: str) -> Told:
        monkeypatch.setattr("sys.argv", ["crm", *words])
        code = 0
        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(20)  # a command that takes it, and runs, must not hold up everything
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            signal.alarm(0)
        said = capfd.readouterr()
        return Told(code, said.out, said.err)

    return go
