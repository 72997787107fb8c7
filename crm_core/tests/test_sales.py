"""The example imports a year of real sales; its figures are checked through REST, as the people who made them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from crm_core.app import create_app
from crm_core.auth.actor import system
from crm_core.auth.rights import actor_by_email
from crm_core.auth.tokens import create_token
from crm_core.config import Config
from crm_core.kernel import Kernel, open_kernel
from crm_core.testing.people import Api, People, running

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CRM_SALES_DATA") or ROOT.parent / "shared" / "data" / "sales")
STAGES = {"Won": 4238, "Lost": 2473, "Engaging": 1589, "Prospecting": 500}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the sales data is not on this machine"),
]


@pytest_asyncio.fixture
async def sales(dialect: str, empty_database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Kernel, People, str]]:
    """The example's CRM, with what the example printed."""
    folder = tmp_path / "crm"
    command = [sys.executable, str(ROOT / "examples" / "import_sales.py"), str(folder), "--data", str(DATA)]
    if dialect == "postgresql":
        command += ["--database", empty_database_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    config = Config.load(folder)
    if dialect == "postgresql":
        config = config.but(database_url=empty_database_url)
    kernel = await open_kernel(config)
    async with running(create_app(kernel), kernel) as people:
        yield kernel, people, done.stdout


async def api(kernel: Kernel, people: People, email: str) -> Api:
    person = await actor_by_email(kernel, email)
    assert person.user_id is not None
    async with kernel.write(system("test")) as uow:
        _row, token = await create_token(uow, person.user_id, "test")
    return Api(people.browser(), token)


async def total(api: Api, path: str, condition: Any = None) -> int:
    query = {"limit": "1", "count": "true"} | ({"filter": json.dumps(condition)} if condition else {})
    found: int = (await api.get(path, params=query))["count"]
    return found


async def every(api: Api, path: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await api.get(path, params={"limit": "200", "cursor": cursor, **query})
        found += page["items"]
        cursor = page["next"]
        if not cursor:
            return found


def expected() -> tuple[dict[str, int], dict[str, set[str]]]:
    """Return deals per agent and agents per manager, counted in the files."""
    deals: dict[str, int] = {}
    agents: dict[str, set[str]] = {}
    with (DATA / "sales_pipeline.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            deals[row["sales_agent"]] = deals.get(row["sales_agent"], 0) + 1
    with (DATA / "sales_teams.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            agents.setdefault(row["manager"], set()).add(row["sales_agent"])
    return deals, agents


async def test_imported_sales_have_the_right_figures(sales: tuple[Kernel, People, str]) -> None:
    kernel, people, printed = sales
    admin = await api(kernel, people, "admin@example.com")
    assert await total(admin, "/deals") == 8800
    for name, count in STAGES.items():
        assert await total(admin, "/deals", {"field": "stage.name", "op": "is", "value": name}) == count
    won = await every(
        admin, "/deals", filter=json.dumps({"field": "stage.name", "op": "is", "value": "Won"}), fields="amount"
    )
    assert sum(int(float(d["amount"])) for d in won) == 10_005_534
    assert {d["amount_currency"] for d in won} == {"USD"}
    assert await admin.get("/settings/core.money") == {"base_currency": "USD"}
    assert await total(admin, "/deals", {"field": "company_id", "op": "empty"}) == 1425
    assert await total(admin, "/companies") == 85
    assert await total(admin, "/companies", {"field": "parent_id", "op": "not_empty"}) == 15
    assert await total(admin, "/companies", {"field": "industry", "op": "empty"}) == 12
    assert '"technolgy" is unknown, 12 times (did you mean "technology"?)' in printed
    assert '"GTXPro" is unknown, 1480 times (did you mean "GTX Pro"?)' in printed
    await check_rights(kernel, people)
    await check_history(kernel)


async def check_rights(kernel: Kernel, people: People) -> None:
    """An agent sees the own deals only, the manager the team's."""
    deals, agents = expected()
    agent = await api(kernel, people, "darcel.schlecht@example.com")
    assert await total(agent, "/deals") == deals["Darcel Schlecht"]
    manager = await api(kernel, people, "melvin.marxen@example.com")
    assert await total(manager, "/deals") == sum(deals.get(a, 0) for a in agents["Melvin Marxen"])


async def check_history(kernel: Kernel) -> None:
    """Won and lost deals were engaged on their engage date and closed on their close date."""
    import sqlalchemy as sa
    from crm_core.entity.stages import StageMove
    from crm_core.features.deals.models import Deal

    async with kernel.read(system("test")) as uow:
        count = await uow.session.scalar(sa.select(sa.func.count()).select_from(StageMove))
        assert count == 8800 + STAGES["Won"] + STAGES["Lost"]
        deal = (await uow.session.scalars(sa.select(Deal).where(Deal.reference == "1C1I7A6R"))).one()
        moves = await uow.session.scalars(
            sa.select(StageMove.at).where(StageMove.record_id == deal.id).order_by(StageMove.at)
        )
        assert [m.date().isoformat() for m in moves] == ["2016-10-20", "2017-03-01"]
