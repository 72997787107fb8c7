"""Loops that run until they are cancelled."""

from __future__ import annotations

import asyncio


def cancelled() -> bool:
    """Return whether somebody asked this task to end.

    Loops ask at each round: in Python 3.11 `asyncio.wait_for`, which drivers use, forgets a cancellation
    that comes in the moment its result does, and a loop that trusts the exception alone would never end.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
