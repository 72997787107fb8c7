"""How long the CRM takes to start, and how much memory its web process keeps after many requests.

Usage: uv run python -m benchmarks.startup [--requests N]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

import httpx2
import psutil

ASSEMBLE = """
import asyncio, time
from pathlib import Path
from crm_core.app import create_app
from crm_core.config import Config
from crm_core.kernel import open_kernel
async def main():
    config = Config.load("{folder}")
    began = time.process_time()
    kernel = await open_kernel(config)
    create_app(kernel)
    print(time.process_time() - began)
asyncio.run(main())
"""


def assembled(folder: str) -> float:
    """Return the CPU seconds of opening the kernel and making the application in a fresh process."""
    command = [sys.executable, "-c", ASSEMBLE.format(folder=folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def started(folder: str) -> tuple[subprocess.Popen[str], str, float]:
    """Run `crm demo` in an empty folder; return the process, its address and the seconds to its first page."""
    began = time.perf_counter()
    environment = {**os.environ, "CRM_FOLDER": folder}
    process = subprocess.Popen(
        [sys.executable, "-c", "from crm_core.cli import main; main()", "demo", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"ready (http://\S+)", line):
            httpx2.get(found[1] + "/login").raise_for_status()
            return process, found[1], time.perf_counter() - began
    raise SystemExit("crm demo did not start")


def worn(process: subprocess.Popen[str], url: str, requests: int) -> float:
    """Send requests as an administrator; return the web process's own memory (USS) in MB."""
    with httpx2.Client(base_url=url) as client:
        secret = {"email": "admin@example.com", "password": "crm-demo-2026"}
        client.post("/api/v1/session", json=secret).raise_for_status()
        for number in range(requests):
            path = ("/api/v1/contacts", "/contacts", "/api/v1/deals?sort=-amount", "/companies")[number % 4]
            client.get(path).raise_for_status()
    children = psutil.Process(process.pid).children(recursive=True) or [psutil.Process(process.pid)]
    return max(c.memory_full_info().uss for c in children) / 2**20


def main() -> None:
    """Print the three figures beside their goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        process, url, seconds = started(folder)
        try:
            memory = worn(process, url, given.requests)
        finally:
            process.terminate()
            process.wait(20)
        print(f"create_app: {assembled(folder):.2f} s CPU (goal: under 1.5)")
        print(f"first page of crm demo, with sample data: {seconds:.1f} s (goal: under 15)")
        print(f"web process after {given.requests:,} requests: {memory:.0f} MB (goal: under 120)")


if __name__ == "__main__":
    main()
