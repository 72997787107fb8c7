"""Keeps child processes running: starts them, restarts those that die, ends them cleanly.

Imports nothing heavy: the parent stays small and has nothing to crash on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger(__name__)

CANNOT_START = 78
"""Exit code of a child that says: no use in trying again (configuration, migrations)."""
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
STABLE_SECONDS = 10.0
LOOK_SECONDS = 0.1
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Child:
    """One process to keep alive; `arguments` follow the interpreter."""

    name: str
    arguments: Sequence[str]
    pass_fds: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    again_at: float = 0.0


@dataclass
class Supervisor:
    """Runs children until a signal; `grace` seconds between asking one to end and killing it.

    ready: asked again and again until it is true once; then `on_ready` is called.
    """

    children: Sequence[Child]
    grace: float = 5.0
    ready: Callable[[], bool] | None = None
    on_ready: Callable[[], None] | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    was_ready: bool = False
    failed: int = 0

    def run(self) -> int:
        """Keep the children running until SIGTERM or SIGINT; return the exit code."""
        old = {s: signal.signal(s, self._stop) for s in STOP_SIGNALS}
        # The children see this pipe close when we are gone, killed included, and end.
        alive, held = os.pipe()
        try:
            while not self.stopping.is_set():
                for child in self.children:
                    self._look_after(child, alive)
                self._look_whether_ready()
                self.stopping.wait(LOOK_SECONDS)
            return self.failed
        finally:
            self._end()
            os.close(alive)
            os.close(held)
            for number, handler in old.items():
                signal.signal(number, handler)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping.set()

    def _look_after(self, child: Child, alive: int) -> None:
        if child.process is not None and child.process.poll() is not None:
            self._died(child, child.process.returncode)
        if child.process is None and time.monotonic() >= child.again_at and not self.stopping.is_set():
            self._start(child, alive)

    def _died(self, child: Child, code: int) -> None:
        child.process = None
        if code == CANNOT_START and not self.was_ready:
            self.failed = 1
            self.stopping.set()
            return
        child.pause = FIRST_PAUSE if time.monotonic() - child.started > STABLE_SECONDS else child.pause
        child.again_at = time.monotonic() + child.pause
        log.error("%s ended (%s); restarted in %.1f s", child.name, _say(code), child.pause)
        child.pause = min(LONGEST_PAUSE, child.pause * 2)

    def _start(self, child: Child, alive: int) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            [sys.executable, *child.arguments, "--alive", str(alive)],
            pass_fds=(*child.pass_fds, alive),
            start_new_session=True,  # Ctrl-C reaches us alone, and we end the children in order
        )

    def _look_whether_ready(self) -> None:
        if not self.was_ready and self.ready is not None and self.ready():
            self.was_ready = True
            if self.on_ready is not None:
                self.on_ready()

    def _end(self) -> None:
        running = [c.process for c in self.children if c.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self.grace
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _say(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def end_with_parent(alive: int) -> None:
    """In a child: send this process SIGTERM when the parent is gone. `alive`: the pipe's reading end."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            os.read(alive, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
