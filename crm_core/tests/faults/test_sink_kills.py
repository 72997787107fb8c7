"""The process that feeds the sinks is killed: no event is lost, and each record's events stay in order."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity import records
from crm_core.entity.event_rows import EventPosition, EventRow
from crm_core.features.sinks.settings import EventFileSettings
from crm_core.jobs.dispatch import Dispatcher
from crm_core.jobs.sinks import Sinks
from crm_core.kernel import Kernel
from crm_kills import failpoints
from crm_kills.forged import Processes

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

TEST = system("test")
KILLS = 100
SECONDS = 90.0


async def change(kernel: Kernel, keys: list[Any], number: int) -> None:
    """Make a contact and change an older one, so that records have several events."""
    entity = kernel.registry.entity("core.contact")
    async with kernel.write(TEST) as uow:
        made = await records.create(uow, entity, {"last_name": f"n{number}"}, trusted=True)
        keys.append(made.id)
    async with kernel.write(TEST) as uow:
        old = await uow.session.get(entity.model, keys[number // 3])
        await records.update(uow, entity, old, {"job_title": f"{number}"}, trusted=True)


async def numbered(kernel: Kernel) -> dict[int, Any]:
    """Return position -> record of all numbered events of contacts."""
    async with kernel.db.read.connect() as connection:
        found = await connection.execute(
            sa.select(EventPosition.position, EventRow.record_id)
            .join(EventRow, EventRow.id == EventPosition.event_id)
            .where(EventRow.entity == "core.contact")
        )
        return {position: str(key) for position, key in found}


async def until(holds: Any, what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


def whole_lines(path: Path) -> list[Any]:
    text = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


async def test_killed_sink_loses_nothing_and_keeps_the_order_of_each_record(
    kernel: Kernel, processes: Processes, tmp_path: Path, full: bool
) -> None:
    kernel.db.write_limit = None
    async with kernel.write(TEST) as uow:
        await uow.save_settings(EventFileSettings(enabled=True))
    dispatcher = Dispatcher(kernel)  # this test numbers; the lease of the killed process would take ten seconds each
    await dispatcher.number()
    await Sinks(kernel).look()
    steps, kills = failpoints.SINK_STEPS, KILLS if full else KILLS // 20
    folder = tmp_path / "web"
    config = kernel.config.but(testing=False, base_url="", log_level="error", jobs=True, job_lease=1.0)
    processes.web(config, folder)
    path, order = kernel.config.folder / "events" / "events.jsonl", folder / "kills" / failpoints.ORDER
    keys: list[Any] = []
    began = time.monotonic()
    for number in range(kills):
        failpoints.order(folder / "kills", steps[number % len(steps)])
        for more in range(3):
            await change(kernel, keys, number * 3 + more)
        await dispatcher.number()
        await until(lambda: not order.exists(), f"nobody reached {steps[number % len(steps)]}")
    expected = await numbered(kernel)
    await until(lambda: set(expected) <= {x["position"] for x in whole_lines(path)}, "events are missing")
    deaths = processes.stop()
    lines = [x for x in whole_lines(path) if x["entity"] == "core.contact"]
    copies = len(lines) - len(expected)
    lost = set(expected) - {x["position"] for x in lines}
    first: dict[str, list[int]] = {}
    for line in lines:
        seen = first.setdefault(line["record_id"], [])
        if line["position"] not in seen:
            seen.append(line["position"])
    wrong = [key for key, positions in first.items() if positions != sorted(positions)]
    print(
        f"\nF2 event sink on {kernel.db.dialect}: N = {deaths} kills at {len(steps)} steps, {len(expected)} events of "
        f"{len(first)} records: {len(lost)} lost, {len(wrong)} records out of order, {copies} copies; "
        f"{time.monotonic() - began:.0f} s"
    )
    assert deaths >= kills
    assert not lost
    assert not wrong
    assert path.read_bytes().endswith(b"\n")
    assert os.stat(path).st_mode & 0o077 == 0
