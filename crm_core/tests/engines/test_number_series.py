"""Number series: patterns, years, legal entities, and drawing from many transactions at once."""

from __future__ import annotations

import asyncio
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity import records
from crm_core.entity.filter_times import CalendarSettings
from crm_core.errors import Conflict, Invalid
from crm_core.features.number_series import patterns
from crm_core.features.number_series.models import NumberCounter
from crm_core.features.number_series.public import NumberSeriesMissing, ensure_series, next_number, preview, series_of
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People
from crm_core.uow import UnitOfWork

SYSTEM = system("test")
KIND = "test.paper"


async def a_series(kernel: Kernel, pattern: str = "Q-{year}-{number:05}", **values: Any) -> None:
    async with kernel.write(SYSTEM) as uow:
        await ensure_series(uow, KIND, "Papers", pattern, **values)


async def draw(kernel: Kernel, on: date | None = date(2026, 5, 1), *, fail: bool = False) -> str | None:
    try:
        async with kernel.write(SYSTEM) as uow:
            number = await next_number(uow, KIND, on=on)
            if fail:
                raise Conflict("thought better of it")
        return number
    except Conflict:
        return None


@pytest.mark.counted
@pytest.mark.parametrize("gapless", [True, False])
async def test_200_at_once_get_200_consecutive_numbers(kernel: Kernel, gapless: bool) -> None:
    await a_series(kernel, gapless=gapless)
    drawn = await asyncio.gather(*(draw(kernel) for _one in range(200)))
    numbers, kind = sorted(str(n) for n in drawn), "gapless" if gapless else "fast"
    print(f"F18 {kernel.db.dialect}, {kind}: N = {len(drawn)} at once: {len(set(numbers))} numbers, "
          f"{numbers[0]} to {numbers[-1]}")  # fmt: skip
    assert numbers == [f"Q-2026-{n:05}" for n in range(1, 201)]


async def test_rollbacks_leave_no_hole_in_a_gapless_series(kernel: Kernel) -> None:
    await a_series(kernel)
    drawn = await asyncio.gather(*(draw(kernel, fail=n % 3 == 0) for n in range(90)))
    kept = sorted(n for n in drawn if n is not None)
    assert kept == [f"Q-2026-{n:05}" for n in range(1, 61)]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_a_fast_series_is_drawn_apart_and_may_have_holes(kernel: Kernel) -> None:
    await a_series(kernel, gapless=False)
    assert await draw(kernel, fail=True) is None
    assert await draw(kernel) == "Q-2026-00002"


async def test_numbers_start_anew_each_calendar_year(kernel: Kernel) -> None:
    await a_series(kernel, reset="calendar")
    days = (date(2026, 12, 31), date(2027, 1, 1), date(2026, 12, 31), date(2027, 1, 2))
    assert [await draw(kernel, d) for d in days] == ["Q-2026-00001", "Q-2027-00001", "Q-2026-00002", "Q-2027-00002"]


async def test_a_fiscal_year_is_named_after_the_year_it_begins_in(kernel: Kernel) -> None:
    async with kernel.write(SYSTEM) as uow:
        await uow.save_settings(CalendarSettings(fiscal_year_start=4))
    await a_series(kernel, "{yy}/{number}", reset="fiscal")
    days = (date(2026, 3, 31), date(2026, 4, 1), date(2027, 3, 31))
    assert [await draw(kernel, d) for d in days] == ["25/1", "26/1", "26/2"]


async def test_a_series_that_never_starts_anew_goes_on_in_the_next_year(kernel: Kernel) -> None:
    await a_series(kernel, "{number}", start=100)
    assert [await draw(kernel, date(y, 1, 1)) for y in (2026, 2027)] == ["100", "101"]


@pytest.mark.parametrize(
    ("pattern", "reset"),
    [("Q-{year}", "never"), ("{number}{number}", "never"), ("{number:05}", "calendar"), ("{month}-{number}", "never"),
     ("{number", "never"), ("{number:5}", "never"), ("{number:099}", "never"), ("{year}{number}", "never"),
     ("{year:04}-{number}", "never"), ("{0.__class__}{number}", "never")],
)  # fmt: skip
def test_a_pattern_that_cannot_number_is_refused(pattern: str, reset: str) -> None:
    with pytest.raises(Invalid) as refused:
        patterns.check(pattern, reset)
    assert "pattern" in refused.value.fields


def test_a_number_longer_than_its_width_is_written_in_full() -> None:
    assert patterns.write("R-{number:03}", 12_345, 2026) == "R-12345"


async def test_the_start_must_lie_above_what_is_used(kernel: Kernel) -> None:
    await a_series(kernel)
    for _one in range(3):
        await draw(kernel)
    async with kernel.write(SYSTEM) as uow:
        entity, series = uow.registry.entity("core.number_series"), await series_of(uow, KIND, None)
        with pytest.raises(Conflict) as refused:
            async with uow.savepoint():
                await records.update(uow, entity, series, {"start": 3})
        assert "start" in refused.value.fields
    async with kernel.write(SYSTEM) as uow:
        await records.update(uow, entity, await series_of(uow, KIND, None), {"start": 50})
    assert await draw(kernel) == "Q-2026-00050"


async def test_each_legal_entity_counts_on_its_own_and_the_rest_share(kernel: Kernel, uow: UnitOfWork) -> None:
    await a_series(kernel)
    make, series = uow.registry.entity("core.legal_entity"), uow.registry.entity("core.number_series")
    async with kernel.write(SYSTEM) as other:
        one = await records.create(other, make, {"name": "One GmbH"})
        two = await records.create(other, make, {"name": "Two Ltd"})
        await records.create(
            other, series,
            {"name": "One's", "kind": KIND, "pattern": "O{number}", "legal_entity_id": one.id},
        )  # fmt: skip
    async with kernel.write(SYSTEM) as drawing:
        whose, day = (one.id, two.id, one.id), date(2026, 1, 1)
        drawn = [await next_number(drawing, KIND, on=day, legal_entity=e) for e in whose]
    assert drawn == ["O1", "Q-2026-00001", "O2"]


async def test_a_second_series_for_the_same_papers_is_refused(api: Api, kernel: Kernel) -> None:
    await a_series(kernel)
    await api.post("/number-series", {"name": "Again", "kind": KIND, "pattern": "{number}"}, status=409)
    await api.post("/number-series", {"name": "Wrong", "kind": "test.other", "pattern": "x"}, status=422)


async def test_a_preview_takes_nothing_and_a_missing_series_is_named(kernel: Kernel) -> None:
    await a_series(kernel)
    async with kernel.write(SYSTEM) as uow:
        series = await series_of(uow, KIND, None)
        assert [await preview(uow, series, date(2026, 1, 1)) for _n in range(2)] == ["Q-2026-00001"] * 2
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(NumberCounter)) == 0
        with pytest.raises(NumberSeriesMissing):
            await next_number(uow, "test.nothing")


async def test_the_api_and_the_panel_show_the_next_number(as_user: People, kernel: Kernel) -> None:
    admin = await as_user("admin")
    await a_series(kernel, "P{number}")
    await draw(kernel)
    [row] = [s for s in (await admin.api.get("/number-series"))["items"] if s["kind"] == KIND]
    found = await admin.api.get(f"/number-series-next/{row['id']}")
    assert found == {"number": "P2", "last": 1}
    panel = await admin.client.get(f"/number-series-parts/next?of={row['id']}")
    assert "P2" in panel.text


async def test_the_example_of_the_page_numbers_receipts(kernel: Kernel) -> None:
    page = (Path(__file__).parents[3] / "docs" / "number-series.md").read_text(encoding="utf-8")
    space: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], space)
    async with kernel.write(SYSTEM) as uow:
        await space["install"](uow)
        assert await space["number_receipt"](uow, date(2026, 3, 1)) == "R-2026-0001"
