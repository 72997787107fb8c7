"""New records and all that goes with them reach SQLite in one trip, or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.sqlite import Connection
from crm_core.entity import records
from crm_core.entity.event_rows import EventRow
from crm_core.entity.inserts import insert_rows
from crm_core.features.contacts.models import Contact, ContactEmail
from crm_core.kernel import Kernel
from crm_core.uow import ValueTaken

SYSTEM = system("test")


async def make(kernel: Kernel, *, twice: bool = False) -> None:
    async with kernel.write(SYSTEM) as uow:
        values = {"last_name": "Lovelace", "emails": [{"address": "ada@example.com"}]}
        made = await records.create(uow, kernel.registry.entity("core.contact"), values)
        if twice:
            row = {"id": made.id, "last_name": "Again", "name": "Again"}
            insert_rows(uow, Contact, [row])


async def counts(kernel: Kernel) -> tuple[int, int]:
    async with kernel.read(SYSTEM) as uow:
        made = await uow.session.scalar(sa.select(sa.func.count()).select_from(Contact))
        told = await uow.session.scalar(
            sa.select(sa.func.count()).select_from(EventRow).where(EventRow.type == "core.contact.created")
        )
        return made or 0, told or 0


async def test_creation_is_one_trip_to_the_thread(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernel.db.sqlite:
        pytest.skip("PostgreSQL has no thread")
    await make(kernel)
    trips: list[Any] = []
    original = Connection.in_thread

    async def counted(self: Connection, work: Any, **how: Any) -> Any:
        trips.append(work)
        return await original(self, work, **how)

    monkeypatch.setattr(Connection, "in_thread", counted)
    await make(kernel)
    assert len(trips) == 1
    assert await counts(kernel) == (2, 2)


async def test_row_that_is_refused_takes_everything_with_it_and_the_writer_goes_on(kernel: Kernel) -> None:
    with pytest.raises(ValueTaken):
        await make(kernel, twice=True)
    assert await counts(kernel) == (0, 0)
    await make(kernel)
    assert await counts(kernel) == (1, 1)


async def test_creation_cancelled_while_another_process_writes_stores_nothing(kernel: Kernel) -> None:
    if not kernel.db.sqlite:
        pytest.skip("only SQLite has one writer")
    await make(kernel)
    other = sqlite3.connect(kernel.db.url.database or "", isolation_level=None)
    other.execute("begin immediate")
    waiting = asyncio.create_task(make(kernel))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.sleep(0.05)
    other.execute("rollback")
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await counts(kernel) == (1, 1)
    await make(kernel)
    assert await counts(kernel) == (2, 2)
    other.close()


async def test_part_becomes_a_row_without_becoming_an_object(kernel: Kernel) -> None:
    async with kernel.write(SYSTEM) as uow:
        values = {"last_name": "Lovelace", "emails": [{"address": "Ada@Example.com"}]}
        made = await records.create(uow, kernel.registry.entity("core.contact"), values)
        assert [type(o) for o in uow.session.identity_map.values()] == [Contact]
        await uow.settle()
        await records.update(uow, kernel.registry.entity("core.contact"), made, {"emails": []})
    assert await counts(kernel) == (1, 1)
    async with kernel.read(SYSTEM) as uow:
        assert (await uow.session.scalars(sa.select(ContactEmail))).all() == []
