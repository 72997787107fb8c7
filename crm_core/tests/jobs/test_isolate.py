"""A function in a process of its own: limits hold, nothing of ours can be reached, the pool survives."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from crm_core.isolate import IsolatedFailure, OutOfMemory, ProcessDied, TookTooLong, close_pool, run_in_process
from crm_faults import dangers


@pytest.fixture(autouse=True)
async def pool() -> AsyncIterator[None]:
    yield
    await close_pool()


async def test_answer_comes_from_another_process() -> None:
    answer = await run_in_process(dangers.echo, {"a": [1, b"x", None]}, 5, 100)
    assert answer["data"] == {"a": [1, b"x", None]}
    assert answer["process"] != os.getpid()


async def test_child_is_used_again_and_replaced_after_a_crash() -> None:
    first = await run_in_process(dangers.echo, 1, 5, 100)
    second = await run_in_process(dangers.echo, 1, 5, 100)
    assert first["process"] == second["process"]
    with pytest.raises(ProcessDied):
        await run_in_process(dangers.crash, None, 5, 100)
    third = await run_in_process(dangers.echo, 1, 5, 100)
    assert third["process"] != first["process"]


@pytest.mark.parametrize("forever", [dangers.sleep, dangers.spin])
async def test_function_that_takes_too_long_is_killed(forever: Any) -> None:
    began = time.monotonic()
    with pytest.raises(TookTooLong):
        await run_in_process(forever, None, 0.5, 100)
    assert time.monotonic() - began < 15


async def test_function_that_wants_too_much_memory_fails() -> None:
    with pytest.raises(OutOfMemory):
        await run_in_process(dangers.grow, 400, 20, 100)
    assert (await run_in_process(dangers.grow, 40, 20, 100)) == 40


async def test_what_the_function_raises_is_told() -> None:
    with pytest.raises(IsolatedFailure, match="ValueError: no good"):
        await run_in_process(dangers.fail, None, 5, 100)


@pytest.mark.parametrize("reach", dangers.REACHES)
async def test_network_database_and_processes_cannot_be_reached(reach: Any, tmp_path: Any) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    with listening, pytest.raises(IsolatedFailure, match="not possible in an isolated process"):
        await run_in_process(reach, [listening.getsockname()[1], str(tmp_path / "x.db")], 5, 100)


async def test_environment_of_the_crm_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", "postgresql://secret")
    assert not [k for k in await run_in_process(dangers.environment, None, 5, 100) if k.startswith("CRM")]


async def test_local_function_is_refused() -> None:
    with pytest.raises(ValueError, match="module level"):
        await run_in_process(lambda data: data, None, 5, 100)


async def test_it_raises_inside_a_transaction_that_has_written(world: Any) -> None:
    from crm_faults.jobs import effect

    async with world.write() as uow:
        await effect(uow, 1)
        with pytest.raises(RuntimeError, match="inside a transaction"):
            await run_in_process(dangers.echo, 1, 5, 100)
