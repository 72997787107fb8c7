"""A job's row: claimed once, fenced by its token, retried, parked, cancelled, kept apart by keys and lanes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from crm_core.db.types import utcnow
from crm_core.jobs import rows
from crm_core.jobs.background import prepare
from crm_core.jobs.calls import UnknownJob
from crm_core.jobs.execute import execute
from crm_core.jobs.runner import FAR, claim, run_due
from crm_core.plugin import JobCall
from crm_faults.schemas import Fail, FailOnce, Hang, Later, Leave, LeaveUnfinished, Square
from crm_faults.world import QUICK, World


async def test_job_leaves_its_effect_and_is_done(world: World) -> None:
    [job_id] = await world.enqueue(Leave(number=7))
    await run_due(world.kernel)
    row = await world.job(job_id)
    assert (row.state, row.attempts, await world.effects()) == ("done", 1, [7])
    assert row.finished_at is not None
    assert row.token is None


async def test_job_that_does_not_finish_itself_is_marked_done(world: World) -> None:
    [job_id] = await world.enqueue(LeaveUnfinished(number=1))
    await run_due(world.kernel)
    assert (await world.job(job_id)).state == "done"


async def enqueue_and_fail(world: World) -> None:
    async with world.write() as uow:
        await uow.enqueue(Leave(number=1))
        raise RuntimeError("no")


async def test_rolled_back_transaction_leaves_no_job(world: World) -> None:
    with pytest.raises(RuntimeError, match="no"):
        await enqueue_and_fail(world)
    assert await world.jobs() == []


async def test_two_claims_at_once_share_the_jobs(world: World) -> None:
    await world.enqueue(*(Leave(number=n) for n in range(20)))
    taken = await asyncio.gather(*(claim(world.kernel, 7, 5.0) for _ in range(4)))
    ids = [c.id for found in taken for c in found]
    assert len(ids) == len(set(ids)) == 20


async def test_unbound_call_cannot_be_enqueued(world: World) -> None:
    class Nobody(JobCall, frozen=True, kw_only=True):
        pass

    with pytest.raises(UnknownJob, match="Nobody"):
        await world.enqueue(Nobody())


async def test_delayed_job_waits_for_its_time(world: World) -> None:
    at = utcnow() + timedelta(hours=1)
    await world.enqueue(Leave(number=1), run_at=at)
    assert await run_due(world.kernel) == []
    assert len(await run_due(world.kernel, until=at)) == 1


async def test_failing_job_is_retried_later_each_time_and_dies_with_its_error(world: World) -> None:
    [job_id] = await world.enqueue(Fail())
    pauses = []
    for _attempt in range(2):
        before = utcnow()
        await run_due(world.kernel)
        row = await world.job(job_id)
        assert (row.state, "this never works" in row.error) == ("pending", True)
        pauses.append((row.run_at - before).total_seconds())
        await world.change(job_id, run_at=utcnow())
    assert 1.5 < pauses[0] < 3
    assert 3 < pauses[1] < 6
    await run_due(world.kernel)
    row = await world.job(job_id)
    assert (row.state, row.attempts) == ("dead", 3)
    assert "ValueError: this never works" in row.error


async def test_dead_job_can_be_revived(world: World) -> None:
    [job_id] = await world.enqueue(Fail(), key="k")
    await run_due(world.kernel, until=FAR)
    assert (await world.job(job_id)).state == "dead"
    async with world.write() as uow:
        await rows.revive(uow, job_id)
    row = await world.job(job_id)
    assert (row.state, row.attempts, row.held_key) == ("pending", 0, "k")
    async with world.write() as uow:
        with pytest.raises(rows.JobNotDead):
            await rows.revive(uow, job_id)


async def test_retry_is_not_counted_as_a_failure(world: World) -> None:
    [job_id] = await world.enqueue(Later(number=5))
    for claimed in await claim(world.kernel, 1, 5.0):
        await execute(world.kernel, claimed, QUICK)
    row = await world.job(job_id)
    assert (row.state, row.attempts, row.error) == ("pending", 0, None)
    await world.enqueue(Leave(number=5))
    await run_due(world.kernel)
    assert (await world.job(job_id)).state == "done"


async def test_job_over_its_time_limit_fails(world: World) -> None:
    [job_id] = await world.enqueue(Hang(seconds=5))
    await run_due(world.kernel)
    row = await world.job(job_id)
    assert (row.state, row.error.startswith("did not end within 0.1 s")) == ("dead", True)


async def test_lost_lease_rolls_the_effect_back(world: World) -> None:
    [job_id] = await world.enqueue(Leave(number=1))
    [old] = await claim(world.kernel, 1, 5.0)
    await world.change(job_id, lease_until=datetime(2020, 1, 1, tzinfo=UTC))
    async with world.kernel.db.write.begin() as connection:
        assert await rows.reap(connection) == 1
    [new] = await claim(world.kernel, 1, 5.0, until=FAR)
    await execute(world.kernel, old, QUICK)
    assert await world.effects() == []
    await execute(world.kernel, new, QUICK)
    assert await world.effects() == [1]
    assert (await world.job(job_id)).attempts == 2


async def test_job_whose_process_died_at_its_last_attempt_is_dead(world: World) -> None:
    [job_id] = await world.enqueue(Fail())
    for _attempt in range(3):
        assert len(await claim(world.kernel, 1, -1.0, until=FAR)) == 1
        async with world.kernel.db.write.begin() as connection:
            await rows.reap(connection)
    row = await world.job(job_id)
    assert (row.state, row.attempts) == ("dead", 3)
    assert "process that ran it" in row.error
    assert await claim(world.kernel, 1, 1.0, until=FAR) == []


async def test_renewing_tells_which_leases_are_lost(world: World) -> None:
    await world.enqueue(Leave(number=1), Leave(number=2))
    one, two = await claim(world.kernel, 2, 5.0)
    async with world.kernel.db.write.begin() as connection:
        assert await rows.put_back(connection, one, None, counts=False)
        assert await rows.renew(connection, [one, two], 5.0) == {two.id}


async def test_key_admits_one_unfinished_job(world: World) -> None:
    [first] = await world.enqueue(Leave(number=1), key="report")
    await world.enqueue(Leave(number=2), key="report")
    assert [r.id for r in await world.jobs()] == [first]
    await run_due(world.kernel)
    await world.enqueue(Leave(number=3), key="report")
    await run_due(world.kernel)
    assert await world.effects() == [1, 3]


async def test_once_key_is_held_for_ever(world: World) -> None:
    for number in range(3):
        await world.enqueue(Leave(number=number), key="once:welcome")
        await run_due(world.kernel)
    assert await world.effects() == [0]


async def test_failed_job_keeps_its_key_until_it_ends(world: World) -> None:
    await world.enqueue(FailOnce(number=1), key="k")
    await run_due(world.kernel)
    await world.enqueue(Leave(number=2), key="k")
    assert len(await world.jobs()) == 1


async def test_lane_runs_one_at_a_time_in_order_also_after_a_failure(world: World) -> None:
    await world.enqueue(FailOnce(number=1), Leave(number=2), Leave(number=3), lane="mail")
    await world.enqueue(Leave(number=9))
    assert len(await claim(world.kernel, 10, -1.0)) == 2
    async with world.kernel.db.write.begin() as connection:
        await rows.reap(connection)
    await run_due(world.kernel, until=FAR, pace=QUICK)
    assert [n for n in await world.effects() if n != 9] == [1, 2, 3]


async def test_running_lane_is_not_entered_by_another_process(world: World) -> None:
    await world.enqueue(Leave(number=1), Leave(number=2), lane="mail")
    assert [c.lane for c in await claim(world.kernel, 1, 5.0)] == ["mail"]
    assert await claim(world.kernel, 5, 5.0) == []


async def test_lane_goes_on_past_a_job_whose_plugin_is_absent(world: World) -> None:
    [absent, _two, _three] = await world.enqueue(Leave(number=1), Leave(number=2), Leave(number=3), lane="mail")
    await world.change(absent, kind="gone.render_pdf")
    assert [c.args["number"] for c in await claim(world.kernel, 10, -1.0)] == [2]  # one at a time, in order
    async with world.kernel.db.write.begin() as connection:
        await rows.reap(connection)
    await run_due(world.kernel, until=FAR)
    assert await world.effects() == [2, 3]
    await world.change(absent, kind="faults.leave")  # its plugin is back
    await run_due(world.kernel)
    assert await world.effects() == [2, 3, 1]


async def test_lane_goes_on_past_a_parked_job(world: World) -> None:
    [broken, _two] = await world.enqueue(Leave(number=1), Leave(number=2), lane="mail")
    await world.change(broken, args={"number": "many"})
    await run_due(world.kernel)
    assert (await world.job(broken)).state == "parked"
    assert await world.effects() == [2]


async def test_dead_job_is_not_revived_while_another_holds_its_key(world: World) -> None:
    [dead] = await world.enqueue(Fail(), key="k")
    await run_due(world.kernel, until=FAR, pace=QUICK)
    [twin] = await world.enqueue(Leave(number=1), key="k")
    with pytest.raises(rows.JobKeyTaken):
        await revive(world, dead)
    with pytest.raises(rows.JobNotDead):
        await revive(world, twin)
    await run_due(world.kernel)
    await revive(world, dead)
    assert (await world.job(dead)).state == "pending"


async def revive(world: World, job_id: object) -> None:
    async with world.write() as uow:
        await rows.revive(uow, job_id)  # type: ignore[arg-type]  # ids of `world` are untyped


async def test_only_stopped_jobs_are_deleted_and_never_one_whose_key_is_for_ever(world: World) -> None:
    [dead], [once], [waiting] = (
        await world.enqueue(Fail()),
        await world.enqueue(Fail(), key="once:x"),
        await world.enqueue(Fail(), run_at=FAR),
    )
    for job_id in (dead, once):
        await world.change(job_id, state="dead")
    for job_id, refusal in ((once, rows.JobKeepsItsKey), (waiting, rows.JobNotDead)):
        with pytest.raises(refusal):
            async with world.write() as uow:
                await rows.discard(uow, job_id)
    async with world.write() as uow:
        await rows.discard(uow, dead)
    assert {r.id for r in await world.jobs()} == {once, waiting}


async def test_job_is_cancelled_by_its_id_unless_it_has_ended(world: World) -> None:
    [job_id] = await world.enqueue(Leave(number=1))
    async with world.write() as uow:
        await rows.cancel_job(uow, job_id)
    assert (await world.job(job_id)).state == "cancelled"
    with pytest.raises(rows.JobEnded):
        async with world.write() as uow:
            await rows.cancel_job(uow, job_id)


async def test_waiting_job_is_cancelled_by_its_key(world: World) -> None:
    [job_id] = await world.enqueue(Leave(number=1), key="k")
    async with world.write() as uow:
        await uow.cancel("k")
    assert (await world.job(job_id)).state == "cancelled"
    assert await run_due(world.kernel) == []
    async with world.write() as uow:
        await uow.enqueue(Leave(number=2), key="k")
        await uow.cancel("k")
    assert len(await world.jobs()) == 1


async def test_job_of_an_absent_plugin_waits_untouched(world: World) -> None:
    [job_id, _other] = await world.enqueue(Leave(number=1), Leave(number=2))
    await world.change(job_id, kind="gone.render_pdf")
    await run_due(world.kernel)
    assert (await world.job(job_id)).state == "pending"
    assert await world.effects() == [2]


async def test_job_that_cannot_be_decoded_is_parked_and_tried_again_at_the_next_start(world: World) -> None:
    [job_id] = await world.enqueue(Leave(number=1))
    await world.change(job_id, args={"number": "many"})
    await run_due(world.kernel)
    row = await world.job(job_id)
    assert (row.state, row.attempts) == ("parked", 0)
    assert "number" in row.error
    await world.change(job_id, args={"number": 4})
    await prepare(world.kernel)
    await run_due(world.kernel)
    assert await world.effects() == [4]


async def test_isolated_job_runs_in_another_process_and_keeps_its_result(world: World) -> None:
    import os

    [job_id] = await world.enqueue(Square(number=12))
    await run_due(world.kernel)
    row = await world.job(job_id)
    assert row.state == "done", row.error
    assert row.result["square"] == 144
    assert row.result["process"] != os.getpid()


async def test_claim_takes_note_of_raised_epochs(world: World) -> None:
    async with world.write() as uow:
        await uow.raise_epoch("rules")
    await world.enqueue(Leave(number=1))
    await claim(world.kernel, 1, 1.0)
    assert world.kernel.epochs["rules"] >= 1


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)  # PostgreSQL's planner scans small tables
async def test_due_jobs_are_found_by_index(world: World) -> None:
    statement = "select id from core_job where state = 'pending' and run_at <= :now order by run_at, id limit 5"
    async with world.kernel.db.read.connect() as connection:
        plan = list(await connection.execute(sa.text(f"explain query plan {statement}"), {"now": "2026"}))
    assert "ix_core_job_due" in str(plan)
