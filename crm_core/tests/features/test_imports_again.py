"""An import that is run again: rows that stand as they are cost no query each, others are changed one by one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity.event_rows import EventRow
from crm_core.features.imports.public import Plan, Report, open_sheet, run_import
from crm_core.features.imports.standing import stands
from crm_core.kernel import Kernel

Queries = Callable[[], AbstractContextManager[list[str]]]
ROWS = 120
CONTACTS = "id,last,mail,tags,born\n" + "".join(
    f"{n},Name {n},a{n}@example.org; b{n}@example.org,vip; north,\n" for n in range(ROWS)
)
MAPPING = {"last": "last_name", "mail": "emails.address", "tags": "tags"}
DEALS = "name,amount,cur,close\n" + "".join(f"Deal {n},{n}.50,EUR,2026-03-0{n % 9 + 1}\n" for n in range(ROWS))
MONEY = {"name": "name", "amount": "amount", "cur": "amount_currency", "close": "expected_close_on"}


async def imported(kernel: Kernel, path: Path, entity: str, mapping: Any, match: str) -> Report:
    plan = Plan(entity=kernel.registry.entity(entity), mapping=mapping, mode="both", match=match)
    return await run_import(kernel, system("test"), open_sheet(path), plan)


async def events(kernel: Kernel) -> int:
    async with kernel.read(system("test")) as uow:
        return int(await uow.session.scalar(sa.select(sa.func.count()).select_from(EventRow)) or 0)


@pytest.mark.parametrize(
    ("entity", "text", "mapping", "match"),
    [("core.contact", CONTACTS, MAPPING, "emails"), ("core.deal", DEALS, MONEY, "name")],
)
async def test_second_run_changes_nothing_and_asks_little(
    kernel: Kernel, tmp_path: Path, count_queries: Queries, entity: str, text: str, mapping: Any, match: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(text)
    first = await imported(kernel, path, entity, mapping, match)
    assert (first.created, first.failed, first.unknown) == (ROWS, 0, {})
    before = await events(kernel)
    with count_queries() as seen:
        again = await imported(kernel, path, entity, mapping, match)
    assert (again.created, again.updated, again.unchanged, again.failed) == (0, 0, ROWS, 0)
    assert await events(kernel) == before
    assert len(seen) < 40


async def test_rows_that_differ_are_changed_among_those_that_stand(kernel: Kernel, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(CONTACTS)
    await imported(kernel, path, "core.contact", MAPPING, "emails")
    lines = CONTACTS.splitlines()
    lines[5] = "4,Another,a4@example.org; b4@example.org,vip; north,"  # a name
    lines[9] = "8,Name 8,a8@example.org,vip; north,"  # one address less
    lines[11] = "10,Name 10,a10@example.org; b10@example.org,vip,"  # one tag less
    path.write_text("\n".join([*lines, "13,Twice,a12@example.org; b12@example.org,vip; north,"]))
    again = await imported(kernel, path, "core.contact", MAPPING, "emails")
    assert (again.created, again.updated, again.unchanged, again.failed) == (0, 4, ROWS - 3, 0)


@pytest.mark.parametrize(
    ("now", "value", "same"),
    [("1.50", "x", False), ([], None, False), (None, "", False), (["b", "a"], ["a", "b"], True),
     ([{"address": "a", "id": 1}], [{"address": "a"}], True),
     ([{"address": "a"}, {"address": "b"}], [{"address": "a"}], False), ([{"address": "a"}], [{"address": "A"}], False),
     (["b"], ["a", "b"], False)],
)  # fmt: skip
def test_only_what_says_the_same_stands(now: Any, value: Any, same: bool) -> None:
    assert stands({"x": now}, {"x": value}) is same
