"""After-commit listeners run as one job per listener and transaction."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from uuid import uuid4

import pytest
from crm_core.jobs.background import prepare
from crm_core.jobs.runner import run_due
from crm_core.plugin import Ref
from crm_faults.listening import HEARD, Rang
from crm_faults.world import World


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    from crm_faults import listening

    HEARD.clear()
    return (("faults", listening),)


async def test_listener_hears_all_events_of_a_transaction_once(world: World) -> None:
    ref = Ref("core.contact", uuid4())
    async with world.write() as uow:
        for loud in (1, 2, 3):
            await uow.emit(Rang(loud=loud), about=[ref])
    ran = await run_due(world.kernel)
    assert [c.kind for c in ran] == ["core.run_listener"]
    [events] = HEARD
    assert [e.event for e in events] == [Rang(loud=2), Rang(loud=3)]
    assert {(e.entity, e.record_id) for e in events} == {("core.contact", ref.id)}


async def test_nobody_wants_it_and_no_job_is_written(world: World) -> None:
    async with world.write() as uow:
        await uow.emit(Rang(loud=0))
    assert await world.jobs() == []


async def test_job_of_a_listener_that_is_gone_is_parked(world: World) -> None:
    async with world.write() as uow:
        await uow.emit(Rang(loud=5))
    [job] = await world.jobs()
    await world.change(job.id, args={**job.args, "listener": "gone.hear"})
    await run_due(world.kernel)
    [job] = await world.jobs()
    assert (job.state, "gone.hear" in job.error) == ("parked", True)
    await prepare(world.kernel)
    [job] = await world.jobs()
    assert job.state == "pending"
