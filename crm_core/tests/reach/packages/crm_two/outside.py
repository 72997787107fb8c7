"""Systems outside that take events, unless they are told to fail."""

from __future__ import annotations

from crm_core.plugin import EventBatch, SinkEvent


class Outside:
    """What was taken, and the text in an event that it cannot take."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.taken: list[SinkEvent] = []
        self.poison = ""
        self.calls = 0

    async def send(self, batch: EventBatch) -> None:
        """Take a batch as a whole or not at all."""
        self.calls += 1
        if self.poison and any(self.poison in str(e.payload) for e in batch):
            raise ValueError(f"cannot take {self.poison}")
        self.taken += batch


ONE, TWO = Outside(), Outside()
