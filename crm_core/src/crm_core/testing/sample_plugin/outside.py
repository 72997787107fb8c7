"""Where mails and events of this plugin go: into memory, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SENT: list[Any] = []
TAKEN: list[Any] = []


async def send(message: Any) -> None:
    """Keep a mail instead of sending it."""
    SENT.append(message)


async def take(events: Sequence[Any]) -> None:
    """Keep events that leave the system."""
    TAKEN.extend(events)
