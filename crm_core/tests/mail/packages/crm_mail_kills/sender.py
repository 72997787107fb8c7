"""Run as a module: reads an installation from standard input, forks one sender after the other until it ends.

A fork is up in a moment: everything is imported and the registry is built once.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from crm_core.config import Config
from crm_core.jobs.execute import Pace
from crm_core.jobs.runner import Runner
from crm_core.kernel import open_kernel
from crm_core.plugin.loader import load


async def send(config: Config, registry: Any) -> None:
    """Run jobs as the web process does, for ever."""
    kernel = await open_kernel(config, registry=registry)
    await Runner(kernel, Pace(concurrent=1, lease=1.0, poll=0.05, back_off=0.1)).run()


def main() -> None:
    """Keep one sender alive; the file `stop` in the folder ends it."""
    given = json.loads(sys.stdin.readline())
    config = Config(**{**given, "folder": Path(given["folder"]), "outbound_allow": tuple(given["outbound_allow"])})
    registry = load(config)
    while not (config.folder / "stop").exists():
        child = os.fork()
        if child == 0:
            asyncio.run(send(config, registry))
        (config.folder / "sender").write_text(str(child))
        os.waitpid(child, 0)
        time.sleep(0.01)


if __name__ == "__main__":
    main()
