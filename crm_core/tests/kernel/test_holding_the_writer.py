"""A request that keeps the writer to itself, seen from outside."""

import asyncio
import sys
from importlib import import_module
from time import perf_counter
from typing import ClassVar

import pytest
import sqlalchemy as sa
from crm_core.db.tables import Epoch
from crm_core.plugin import hookimpl
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController
from litestar import get, post
from litestar.di import NamedDependency


class Hoarder(ApiController):
    """Routes that misuse the database."""

    path = "/hoarder"
    opt: ClassVar = {"public": True}

    @post("/hold")
    async def hold(self, uow: NamedDependency[UnitOfWork]) -> str:
        uow.session.add(Epoch(name="held", value=1))
        await uow.session.flush()
        await asyncio.sleep(30)
        return "never"

    @post("/quick")
    async def quick(self, uow: NamedDependency[UnitOfWork]) -> str:
        uow.session.add(Epoch(name="quick", value=1))
        return "done"

    @get("/sneak")
    async def sneak(self, uow: NamedDependency[UnitOfWork]) -> str:
        await uow.session.execute(sa.insert(Epoch).values(name="sneaked", value=1))
        return "written by a GET"


@pytest.fixture
def plugins(monkeypatch, tmp_path):
    (tmp_path / "crm_hoarder").mkdir()
    (tmp_path / "crm_hoarder" / "__init__.py").write_text('"""Holds the writer."""')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "crm_hoarder", raising=False)
    plugin = import_module("crm_hoarder")

    @hookimpl
    def crm_routes():
        return (Hoarder,)

    plugin.crm_routes = crm_routes
    return (("hoarder", plugin),)


async def names(kernel):
    return {r[0] for r in await kernel.db.fetch("select name from core_epoch", [])}


async def test_holder_gets_503_nothing_is_stored_and_others_are_served(client, kernel):
    started = perf_counter()
    holding = asyncio.create_task(client.post("/api/v1/hoarder/hold"))
    await asyncio.sleep(0.05)
    answer = await client.post("/api/v1/hoarder/quick")
    assert (answer.status_code, answer.text) == (201, "done")
    held = await holding
    assert held.status_code == 503, held.text
    assert perf_counter() - started < 5
    assert {"quick"} <= await names(kernel)
    assert "held" not in await names(kernel)


async def test_get_that_writes_is_our_own_mistake_and_stores_nothing(client, kernel):
    answer = await client.get("/api/v1/hoarder/sneak")
    assert answer.status_code == 500
    assert "sneaked" not in await names(kernel)
