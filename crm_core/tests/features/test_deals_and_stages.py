"""Deals: pipelines, moves between stages, history, base amounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity import access, records, stages
from crm_core.entity.event_rows import EventRow
from crm_core.entity.money import MoneySettings
from crm_core.entity.stages import Stage, StageMove
from crm_core.features.deals.models import Deal
from crm_core.kernel import Kernel

SYSTEM = system("test")


async def make(kernel: Kernel, entity: str, /, **values: Any) -> Any:
    async with kernel.write(SYSTEM) as uow:
        return await records.create(uow, kernel.registry.entity(entity), values)


async def stage(kernel: Kernel, name: str) -> Stage:
    async with kernel.read(SYSTEM) as uow:
        return (await uow.session.scalars(sa.select(Stage).where(Stage.name == name))).one()


async def move(kernel: Kernel, deal_id: Any, name: str, **values: Any) -> None:
    target = await stage(kernel, name)
    async with kernel.write(SYSTEM) as uow:
        deal = await access.get(uow, kernel.registry.entity("core.deal"), deal_id, "edit")
        await stages.move_stage(uow, deal, target.id, **values)


async def moves(kernel: Kernel, deal_id: Any) -> list[tuple[str | None, str]]:
    async with kernel.read(SYSTEM) as uow:
        names = {s.id: s.name for s in await uow.session.scalars(sa.select(Stage))}
        rows = await uow.session.scalars(
            sa.select(StageMove).where(StageMove.record_id == deal_id).order_by(StageMove.at, StageMove.id)
        )
        return [(names.get(r.from_id), names[r.to_id]) for r in rows]  # type: ignore[arg-type]


async def loaded(kernel: Kernel, deal_id: Any) -> Deal:
    async with kernel.read(SYSTEM) as uow:
        found = await uow.session.get(Deal, deal_id)
        assert found is not None
        return found


async def test_new_deal_starts_in_the_first_stage_of_the_default_pipeline(kernel: Kernel) -> None:
    deal = await make(kernel, "core.deal", name="Roof")
    assert deal.stage_id == (await stage(kernel, "Prospecting")).id
    assert deal.probability == 10
    assert await moves(kernel, deal.id) == [(None, "Prospecting")]


async def test_move_writes_history_days_probability_and_one_event(kernel: Kernel) -> None:
    deal = await make(kernel, "core.deal", name="Roof", amount="100")
    await move(kernel, deal.id, "Engaging")
    await move(kernel, deal.id, "Won")
    found = await loaded(kernel, deal.id)
    assert found.engaged_on is not None
    assert found.closed_on is not None
    assert found.probability == 100
    assert await moves(kernel, deal.id) == [(None, "Prospecting"), ("Prospecting", "Engaging"), ("Engaging", "Won")]
    async with kernel.read(SYSTEM) as uow:
        kinds = list(await uow.session.scalars(sa.select(EventRow.type).where(EventRow.record_id == deal.id)))
    assert sorted(kinds) == ["core.deal.created", "core.deal.updated", "core.deal.updated"]


async def test_reopened_deal_loses_its_closing_day(kernel: Kernel) -> None:
    deal = await make(kernel, "core.deal", name="Roof", amount="100")
    await move(kernel, deal.id, "Won")
    await move(kernel, deal.id, "Engaging")
    assert (await loaded(kernel, deal.id)).closed_on is None


async def test_stage_that_needs_a_field_is_refused_without_it(kernel: Kernel) -> None:
    deal = await make(kernel, "core.deal", name="Roof")
    with pytest.raises(stages.StageNeedsFields) as refused:
        await move(kernel, deal.id, "Won")
    assert set(refused.value.fields) == {"amount"}
    assert len(await moves(kernel, deal.id)) == 1
    await move(kernel, deal.id, "Won", amount="5")
    assert (await loaded(kernel, deal.id)).amount == 5


async def test_move_that_is_not_allowed_next_is_refused(kernel: Kernel) -> None:
    first, lost = await stage(kernel, "Prospecting"), await stage(kernel, "Lost")
    async with kernel.write(SYSTEM) as uow:
        row = await uow.session.get(Stage, first.id)
        assert row is not None
        row.allowed_next = [str(lost.id)]
    deal = await make(kernel, "core.deal", name="Roof")
    with pytest.raises(stages.StageNotAllowed):
        await move(kernel, deal.id, "Engaging")
    await move(kernel, deal.id, "Lost", lost_reason="Price")
    assert (await loaded(kernel, deal.id)).lost_reason == "Price"


async def test_stage_of_another_pipeline_is_refused(kernel: Kernel) -> None:
    pipeline = await make(kernel, "core.pipeline", name="Other", entity="core.deal")
    other = await make(kernel, "core.stage", name="Somewhere", pipeline_id=pipeline.id)
    with pytest.raises(stages.StageUnknown):
        await make(
            kernel, "core.deal", name="Roof", stage_id=other.id, pipeline_id=(await stage(kernel, "Won")).pipeline_id
        )
    deal = await make(kernel, "core.deal", name="Roof")
    with pytest.raises(stages.StageUnknown):
        await move(kernel, deal.id, "Somewhere")


async def test_deal_that_comes_closed_has_a_history_from_its_days(kernel: Kernel) -> None:
    won = await stage(kernel, "Won")
    days = {"engaged_on": date(2025, 1, 7), "closed_on": date(2025, 3, 1)}
    deal = await make(kernel, "core.deal", name="Old", stage_id=won.id, **days)
    assert await moves(kernel, deal.id) == [(None, "Engaging"), ("Engaging", "Won")]
    async with kernel.read(SYSTEM) as uow:
        rows = list(await uow.session.scalars(sa.select(StageMove.at).order_by(StageMove.at)))
    assert [r.date() for r in rows] == [date(2025, 1, 7), date(2025, 3, 1)]


async def test_base_amount_follows_rates_until_the_deal_closes(kernel: Kernel, jobs: Any) -> None:
    async with kernel.write(SYSTEM) as uow:
        await uow.save_settings(MoneySettings(base_currency="EUR"))
    await make(kernel, "core.rate", currency="USD", valid_from=date(2020, 1, 1), rate="0.5")
    open_deal = await make(kernel, "core.deal", name="Open", amount="10.10", amount_currency="USD")
    closed = await make(kernel, "core.deal", name="Closed", amount="10.10", amount_currency="USD")
    assert open_deal.amount_base == Decimal("5.05")
    await move(kernel, closed.id, "Won")
    await make(kernel, "core.rate", currency="USD", valid_from=date(2021, 1, 1), rate="0.8")
    await jobs()
    assert (await loaded(kernel, open_deal.id)).amount_base == Decimal("8.08")
    assert (await loaded(kernel, closed.id)).amount_base == Decimal("5.05")


async def test_amount_without_currency_is_in_the_base_currency(kernel: Kernel) -> None:
    deal = await make(kernel, "core.deal", name="Plain", amount="3")
    assert (deal.amount_currency, deal.amount_base) == ("EUR", Decimal(3))


async def test_deal_is_not_closed_before_it_is_opened(kernel: Kernel, api: Any) -> None:
    won = await stage(kernel, "Won")
    body = {"name": "X", "stage_id": str(won.id), "engaged_on": "2026-02-01", "closed_on": "2026-01-01"}
    answer = await api.post("/deals", body, status=422)
    assert "closed_on" in answer["fields"] if "fields" in answer else "closed_on" in str(answer)


async def test_win_action_closes_and_is_not_offered_again(api: Any) -> None:
    deal = await api.post("/deals", {"name": "Roof", "amount": "250.50"})
    won = await api.post(f"/deals/{deal['id']}/win", status=200)
    assert won["closed_on"] is not None
    await api.post(f"/deals/{deal['id']}/win", status=409)


async def test_lost_deal_keeps_its_reason(api: Any) -> None:
    deal = await api.post("/deals", {"name": "Roof"})
    lost = await api.post(f"/deals/{deal['id']}/lose", {"lost_reason": "Price"}, status=200)
    assert (lost["lost_reason"], lost["probability"]) == ("Price", "0.000000")


async def test_change_of_stage_through_an_edit_is_a_move(api: Any, kernel: Kernel) -> None:
    deal = await api.post("/deals", {"name": "Roof"})
    target = await stage(kernel, "Engaging")
    await api.patch(f"/deals/{deal['id']}", {"stage_id": str(target.id)})
    assert len(await moves(kernel, UUID(deal["id"]))) == 2
    assert (await loaded(kernel, UUID(deal["id"]))).engaged_on is not None
