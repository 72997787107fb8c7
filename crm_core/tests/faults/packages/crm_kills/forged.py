"""The test's side of the forge."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from crm_core.config import Config

PACKAGES = (Path(__file__).parents[1], Path(__file__).parents[3] / "jobs" / "packages")


class Processes:
    """Web and worker processes that are started anew, in a moment, whenever they are killed."""

    def __init__(self) -> None:
        path = os.pathsep.join((*map(str, PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])))
        self.forge = subprocess.Popen(
            [sys.executable, "-m", "crm_kills.forge"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("CRM_")} | {"PYTHONPATH": path},
        )  # fmt: skip
        self.kept: list[str] = []
        self.made = 0
        assert self._answer() == {"ready": True}

    def _answer(self) -> Any:
        assert self.forge.stdout is not None
        line = self.forge.stdout.readline()
        assert line, "the forge is gone"
        return json.loads(line)

    def _ask(self, **asked: Any) -> Any:
        assert self.forge.stdin is not None
        self.forge.stdin.write(json.dumps(asked) + "\n")
        self.forge.stdin.flush()
        return self._answer()

    def _keep(self, config: Config, folder: Path, **more: Any) -> Any:
        (folder / "kills").mkdir(parents=True, exist_ok=True)
        self.made += 1
        self.kept.append(f"{self.made}")
        given = {**dataclasses.asdict(config), "folder": str(config.folder), "disabled": sorted(config.disabled)}
        return self._ask(do="keep", name=self.kept[-1], config=given, folder=str(folder), **more)

    def worker(self, config: Config, folder: Path, *, concurrent: int) -> None:
        """Keep a worker alive; markers of kills go to `folder / "kills"`."""
        self._keep(config, folder, concurrent=concurrent)

    def web(self, config: Config, folder: Path) -> int:
        """Keep a web process alive; return its port."""
        port: int = self._keep(config, folder)["port"]
        return port

    def pids(self) -> list[int]:
        """Return the living processes."""
        found: list[int] = self._ask(do="pids")["pids"]
        return found

    def stop(self) -> int:
        """End all kept processes; return how often they died before."""
        deaths = sum(self._ask(do="stop", name=name)["deaths"] for name in self.kept)
        self.kept.clear()
        return deaths

    def close(self) -> None:
        """End everything."""
        if self.forge.stdin and self.forge.stdout:
            self.forge.stdin.close()
            self.forge.wait(10)
            self.forge.stdout.close()
