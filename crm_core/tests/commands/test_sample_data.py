"""`crm demo --as-of`: the same content wherever and whenever it is loaded, with dates around the given day."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.db.types import utcnow
from crm_core.defaults import load_demo
from crm_core.entity import fields as f
from crm_core.kernel import Kernel, open_kernel

AS_OF = date(2024, 3, 5)
CRM = [sys.executable, "-c", "from crm_core.cli import main; main()"]
WHOLE = {"core.activity", "core.comment", "core.company", "core.contact", "core.deal", "core.lead", "core.user"}
"""Entities that must be there, so that comparing nothing with nothing does not pass."""

Content = dict[str, list[dict[str, Any]]]


def run_demo(folder: Path) -> None:
    """Run the command until it says that it is ready, with other hashes than this process has."""
    environment = os.environ | {"CRM_FOLDER": str(folder), "PYTHONHASHSEED": "7"}
    log = folder.parent / "demo.log"
    with log.open("w") as out:
        words = [*CRM, "demo", "--port", "0", "--as-of", AS_OF.isoformat()]
        process = subprocess.Popen(words, env=environment, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 120
        while not re.search(r"^ready http://127\.0\.0\.1:\d+$", log.read_text(), re.MULTILINE):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(30)
    assert "sign in admin@example.com" in log.read_text()


async def content(kernel: Kernel) -> Content:
    """Return every record's declared values; links say which record of the other entity, in the order of making."""
    found, places = {}, {}
    async with kernel.read(system("test")) as uow:
        entities = uow.registry.entities
        for name, entity in entities.items():
            table = entity.model.__table__
            rows = list((await uow.session.execute(sa.select(table).order_by(table.c.id))).mappings())
            places |= {row["id"]: f"{name} {number}" for number, row in enumerate(rows)}
            names = [c for field in entity.fields for c in field.columns if c in table.c]
            found[name] = [{n: row[n] for n in names} for row in rows]
    return {name: [{k: told(v, places) for k, v in row.items()} for row in rows] for name, rows in found.items()}


def told(value: Any, places: dict[UUID, str]) -> Any:
    """Return a value without what differs by nature: ids, and the instant of loading."""
    if isinstance(value, UUID):
        return places.get(value, "another")
    if isinstance(value, datetime):
        return "now" if abs(utcnow() - value.astimezone(UTC)) < timedelta(hours=2) else value
    if isinstance(value, date) and not isinstance(value, datetime):
        return "today" if abs(utcnow().date() - value) < timedelta(days=2) else value
    if isinstance(value, list):
        return [told(v, places) for v in value]
    return value


@pytest.fixture(scope="module")
def of_the_command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation that `crm demo --as-of` made."""
    folder = tmp_path_factory.mktemp("demo") / "crm"
    run_demo(folder)
    return folder


@pytest.fixture
async def loaded(kernel: Kernel) -> Kernel:
    """Sample data in this test's own database."""
    kernel.db.write_limit = None
    await load_demo(kernel, AS_OF)
    return kernel


async def test_content_is_the_same_in_each_database(loaded: Kernel, of_the_command: Path) -> None:
    own = await content(loaded)
    config = Config.load(of_the_command).but(jobs=False).prepare()
    other = await open_kernel(config)
    try:
        theirs = await content(other)
    finally:
        await other.close()
    assert not WHOLE - {name for name, rows in own.items() if rows}
    assert own.keys() == theirs.keys()
    for name in own:
        assert own[name] == theirs[name], name


async def test_what_people_would_have_typed_lies_around_the_given_day(loaded: Kernel) -> None:
    late = []
    for name, rows in (await content(loaded)).items():
        entity = loaded.registry.entity(name)
        typed = {x.name for x in entity.fields if isinstance(x, f.Date | f.DateTime | f.Appointment) and not x.readonly}
        days = [(k, v) for row in rows for k, v in row.items() if k in typed and v is not None]
        late += [(name, k, v) for k, v in days if isinstance(v, str) or abs((day(v) - AS_OF).days) > 800]
    assert not late
    async with loaded.read(system("test")) as uow:
        deals = loaded.registry.entity("core.deal").model.__table__
        newest = await uow.session.scalar(sa.select(sa.func.max(deals.c.stage_entered_at)))
    assert day(newest) <= AS_OF


def day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value
