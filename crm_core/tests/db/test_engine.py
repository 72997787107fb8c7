"""Sessions, the two engines, the writer's timer, and the raw driver."""

import asyncio
import sqlite3
from time import perf_counter

import pytest
import sqlalchemy as sa
from crm_core.db.engine import Database, unavailable
from crm_core.db.session import ReadOnlySession, WriteHeldTooLong, write_limit
from crm_core.db.tables import Epoch
from crm_core.errors import StartupError, Unavailable

only_sqlite = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
only_postgres = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
ADD_ONE = sa.update(Epoch).where(Epoch.name == "n").values(value=Epoch.value + 1).returning(Epoch.value)


async def put(db, name, value):
    async with db.session(readonly=False) as session:
        session.add(Epoch(name=name, value=value))
        await session.commit()


async def names(db):
    return sorted(r[0] for r in await db.fetch("select name from core_epoch", []))


async def test_a_session_writes_and_reads_back(db):
    await put(db, "a", 3)
    async with db.session(readonly=True) as session:
        assert (await session.scalar(sa.select(Epoch.value))) == 3
    assert [tuple(r) for r in await db.fetch("select name, value from core_epoch", [])] == [("a", 3)]


async def test_parameters_reach_the_raw_driver(db):
    await put(db, "a", 3)
    mark = "?" if db.sqlite else "$1"
    assert len(await db.fetch(f"select 1 from core_epoch where name = {mark}", ["a"])) == 1
    assert len(await db.fetch(f"select 1 from core_epoch where name = {mark}", ["a' or 1=1 --"])) == 0


async def test_read_session_refuses_writes_before_they_reach_the_database(db):
    async with db.session(readonly=True) as session:
        with pytest.raises(ReadOnlySession):
            await session.execute(sa.insert(Epoch).values(name="a", value=1))
        session.add(Epoch(name="a", value=1))
        with pytest.raises(ReadOnlySession):
            await session.flush()


async def test_read_engine_is_read_only_in_the_database_itself(db):
    sql = "insert into core_epoch (name, value) values ('a', 1)"
    async with db.session(readonly=True) as session:
        with pytest.raises(sa.exc.DBAPIError, match=r"read-?only"):
            await session.execute(sa.text(sql))
    with pytest.raises(Exception, match=r"read-?only"):
        await db.fetch(sql, [])
    assert await names(db) == []


async def test_concurrent_counters_lose_no_update(db):
    await put(db, "n", 0)
    seen = []

    async def worker():
        for _ in range(20):
            async with db.session(readonly=False) as session:
                seen.append(await session.scalar(ADD_ONE))
                await session.commit()

    await asyncio.gather(*(worker() for _ in range(8)))
    assert sorted(seen) == list(range(1, 161))


@only_sqlite
async def test_read_change_write_in_one_write_transaction_loses_no_update(db):
    """The driver's default transactions lost three updates in four here."""
    await put(db, "n", 0)

    async def worker():
        for _ in range(20):
            async with db.write.begin() as connection:
                value = await connection.scalar(sa.select(Epoch.value))
                await asyncio.sleep(0)
                await connection.execute(sa.update(Epoch).values(value=value + 1))

    await asyncio.gather(*(worker() for _ in range(8)))
    assert (await db.fetch("select value from core_epoch", []))[0][0] == 160


async def test_rolled_back_writes_leave_nothing(db):
    async with db.session(readonly=False) as session:
        session.add(Epoch(name="a", value=1))
        await session.flush()
        assert db.wrote(session)
        await session.rollback()
        assert not db.wrote(session)
    assert await names(db) == []


async def test_savepoint_rolls_back_its_own_part_only(db):
    async with db.session(readonly=False) as session:
        session.add(Epoch(name="kept", value=1))
        await session.flush()
        savepoint = await session.begin_nested()
        session.add(Epoch(name="dropped", value=1))
        await session.flush()
        await savepoint.rollback()
        await session.commit()
    assert await names(db) == ["kept"]


async def test_holder_of_the_writer_is_stopped_and_others_go_on(db):
    async def hold():
        async with db.session(readonly=False) as session, write_limit(session):
            session.add(Epoch(name="held", value=1))
            await session.flush()
            await asyncio.sleep(10)

    started = perf_counter()
    holder = asyncio.create_task(hold())
    await asyncio.sleep(0.05)
    await put(db, "other", 1)
    with pytest.raises(WriteHeldTooLong):
        await holder
    assert perf_counter() - started < 3
    assert await names(db) == ["other"]


async def test_a_cancelled_request_stays_cancelled(db):
    async def hold():
        async with db.session(readonly=False) as session, write_limit(session):
            await session.execute(sa.insert(Epoch).values(name="x", value=1))
            await asyncio.sleep(10)

    holder = asyncio.create_task(hold())
    await asyncio.sleep(0.05)
    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder
    await put(db, "after", 1)
    assert await names(db) == ["after"]


async def test_reading_and_waiting_before_the_first_write_blocks_nobody(db):
    await put(db, "n", 0)

    async def slow():
        async with db.session(readonly=False) as session, write_limit(session):
            await session.scalar(sa.select(Epoch.value))
            await asyncio.sleep(0.4)
            await session.execute(ADD_ONE)
            await session.commit()

    task = asyncio.create_task(slow())
    await asyncio.sleep(0.02)
    started = perf_counter()
    await put(db, "quick", 1)
    assert perf_counter() - started < 0.3
    await task


async def test_raw_writes_belong_to_the_transaction(db):
    """The driver before SQLAlchemy's first statement would be outside of it: the row survived the rollback."""
    sql = "insert into core_epoch (name, value) values ('raw', 1)"
    for keep in (False, True):
        async with db.session(readonly=False) as session:
            if db.sqlite:
                await db.in_writer(session, lambda raw: raw.execute(sql))
            else:
                await (await db.writer(session)).execute(sql)
            await (session.commit() if keep else session.rollback())
        assert await names(db) == (["raw"] if keep else [])


@only_sqlite
async def test_long_read_leaves_the_loop_to_others(db):
    slow = "with recursive c(n) as (select 1 union all select n + 1 from c where n < 1000000) select count(*) from c"
    gaps, last = [], perf_counter()

    async def tick():
        nonlocal last
        while True:
            await asyncio.sleep(0.001)
            now = perf_counter()
            gaps.append(now - last)
            last = now

    ticker = asyncio.create_task(tick())
    started = perf_counter()
    async with db.session(readonly=True) as session:
        assert (await session.scalar(sa.text(slow))) == 1_000_000
    assert (await db.fetch(slow, []))[0][0] == 1_000_000
    took = perf_counter() - started
    ticker.cancel()
    assert len(gaps) > 5
    assert max(gaps) < took / 3


@only_sqlite
async def test_a_read_given_up_is_stopped(db):
    endless = "with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) from c"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(db.fetch(endless, []), 0.1)
    async with db.session(readonly=True) as session:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.execute(sa.text(endless)), 0.1)
    await put(db, "after", 1)
    assert await names(db) == ["after"]


@only_sqlite
async def test_writer_of_another_process_is_waited_for(db):
    other = sqlite3.connect(db.url.database, isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    asyncio.get_running_loop().call_later(0.15, other.execute, "commit")
    started = perf_counter()
    await put(db, "a", 1)
    assert perf_counter() - started > 0.1
    other.close()


@only_sqlite
async def test_giving_up_while_waiting_for_the_lock_leaves_no_lock_behind(db):
    other = sqlite3.connect(db.url.database, isolation_level=None)
    other.execute("begin immediate")
    waiting = asyncio.create_task(put(db, "a", 1))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.sleep(0)
    other.execute("commit")
    other.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(put(db, "b", 1), 5)
    assert await names(db) == ["b"]


@only_sqlite
async def test_sqlite_is_set_up_as_measured(db):
    async def pragma(engine, name):
        async with engine.connect() as connection:
            return await connection.scalar(sa.text(f"PRAGMA {name}"))

    for engine in (db.read, db.write):
        assert await pragma(engine, "journal_mode") == "wal"
        assert await pragma(engine, "foreign_keys") == 1
        assert await pragma(engine, "busy_timeout") == 10_000
    assert await pragma(db.read, "query_only") == 1
    assert await pragma(db.write, "cache_size") == -65536
    durable = Database.open(str(db.url))
    assert await pragma(durable.write, "synchronous") == 2
    await durable.close()


async def test_streaming_reads_every_row(db):
    async with db.session(readonly=False) as session:
        await session.execute(sa.insert(Epoch), [{"name": f"{n:04}", "value": n} for n in range(500)])
        await session.commit()
    async with db.snapshot() as session:
        rows = [row async for row in await session.stream_scalars(sa.select(Epoch.value).order_by(Epoch.name))]
    assert rows == list(range(500))


async def test_snapshot_does_not_see_what_is_written_meanwhile(db):
    await put(db, "a", 1)
    async with db.snapshot() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Epoch)) == 1
        await put(db, "b", 1)
        assert await session.scalar(sa.select(sa.func.count()).select_from(Epoch)) == 1
    async with db.session(readonly=True) as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Epoch)) == 2


@only_postgres
async def test_postgres_orders_text_as_sqlite_does(db):
    for name in ("b", "A", "a", "B", "é", "z"):
        await put(db, name, 1)
    rows = await db.fetch("select name from core_epoch order by name", [])
    assert [r[0] for r in rows] == ["A", "B", "a", "b", "z", "é"]


@only_postgres
async def test_statement_that_takes_too_long_is_unavailable_not_a_bug(db):
    async with db.session(readonly=True) as session:
        await session.execute(sa.text("set statement_timeout = 50"))
        with pytest.raises(sa.exc.DBAPIError) as raised:
            await session.execute(sa.text("select pg_sleep(3)"))
    assert isinstance(unavailable(raised.value), Unavailable)


@only_postgres
async def test_database_that_does_not_exist_is_named(db):
    wrong = Database.open(str(db.url.set(database="nowhere")), testing=True)
    with pytest.raises(StartupError, match="nowhere"):
        async with wrong.read.connect():
            pass
    await wrong.close()


async def test_no_server_is_unavailable(tmp_path):
    gone = Database.open(f"postgresql+asyncpg://postgres@/x?host={tmp_path}", testing=True)
    with pytest.raises(Unavailable):
        await gone.fetch("select 1", [])
    with pytest.raises(Unavailable):
        async with gone.session(readonly=True) as session:
            await session.scalar(sa.text("select 1"))
    await gone.close()
