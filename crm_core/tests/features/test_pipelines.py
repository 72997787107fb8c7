"""Pipelines and stages: administration, required fields, deletion while in use, stuck deals, time in stage."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity.stages import Stage, StageMove
from crm_core.features.deals.models import Deal
from crm_core.features.pipelines.queries import stage_times
from crm_core.kernel import Kernel

SYSTEM = system("test")


async def stages(api: Any, pipeline: str = "") -> dict[str, Any]:
    condition = {"field": "pipeline_id", "op": "is", "value": pipeline} if pipeline else None
    params = {"filter": json.dumps(condition)} if condition else {}
    return {s["name"]: s for s in (await api.get("/stages", params=params))["items"]}


async def pipeline(api: Any, name: str = "Partners", *names: tuple[str, str]) -> tuple[str, dict[str, str]]:
    made = await api.post("/pipelines", {"name": name})
    found = {}
    for stage, category in names or (("First", "open"), ("Second", "open"), ("Done", "won"), ("Gone", "lost")):
        body = {"name": stage, "category": category, "pipeline_id": made["id"]}
        found[stage] = (await api.post("/stages", body))["id"]
    return made["id"], found


async def test_new_stages_come_last_and_are_put_in_order_by_api(api: Any) -> None:
    key, made = await pipeline(api)
    assert [s["position"] for s in (await stages(api, key)).values()] == [0, 1, 2, 3]
    wanted = [made[n] for n in ("Second", "First", "Gone", "Done")]
    await api.post(f"/pipelines/{key}/order", {"stages": wanted}, status=204)
    assert list(await stages(api, key)) == ["Second", "First", "Gone", "Done"]
    await api.post(f"/stages/{made['First']}/up", status=200)
    await api.post(f"/stages/{made['First']}/up", status=200)
    assert next(iter(await stages(api, key))) == "First"


async def test_order_that_leaves_a_stage_out_or_names_a_foreign_one_is_refused(api: Any) -> None:
    key, made = await pipeline(api)
    own = (await stages(api))["Won"]["id"]
    for wanted in ([*made.values()][1:], [*made.values(), own], [*[*made.values()][:3], made["First"]]):
        answer = await api.post(f"/pipelines/{key}/order", {"stages": wanted}, status=422)
        assert "stages" in str(answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("probability", "-1"), ("probability", "100.01"), ("rotting_days", 0), ("rotting_days", 4000),
        ("category", "maybe"), ("required", ["no_such_field"]), ("required", ["created_at"]),
        ("allowed_next", ["01890000-0000-7000-8000-000000000000"]), ("allowed_next", ["x" * 200]),
        ("pipeline_id", "01890000-0000-7000-8000-000000000000"),
    ],
)  # fmt: skip
async def test_stage_with_a_bad_value_is_refused_at_its_field(api: Any, field: str, value: Any) -> None:
    first = (await stages(api))["Prospecting"]
    answer = await api.patch(f"/stages/{first['id']}", {field: value}, status=422)
    assert field in str(answer)


async def test_next_stages_of_another_pipeline_are_refused(api: Any) -> None:
    _key, made = await pipeline(api)
    first = (await stages(api))["Prospecting"]
    answer = await api.patch(f"/stages/{first['id']}", {"allowed_next": [made["First"]]}, status=422)
    assert "allowed_next" in str(answer)


async def test_pipeline_of_records_without_stages_is_refused_and_one_is_the_default(api: Any) -> None:
    await api.post("/pipelines", {"name": "X", "entity": "core.contact"}, status=422)
    key, made = await pipeline(api)
    await api.patch(f"/pipelines/{key}", {"is_default": True})
    listed = (await api.get("/pipelines"))["items"]
    assert [p["name"] for p in listed if p["is_default"]] == ["Partners"]
    assert (await api.post("/deals", {"name": "Roof"}))["stage_id"] == made["First"]


async def test_move_names_the_missing_fields_and_one_that_was_removed_is_asked_for_no_more(
    api: Any, kernel: Kernel
) -> None:
    engaging = (await stages(api))["Engaging"]
    await api.patch(f"/stages/{engaging['id']}", {"required": ["amount", "company_id"]})
    deal = await api.post("/deals", {"name": "Roof"})
    answer = await api.post(f"/deals/{deal['id']}/move", {"stage_id": engaging["id"]}, status=422)
    assert set(answer["fields"]) == {"amount", "company_id"}
    assert "Amount" in answer["detail"]
    async with kernel.write(SYSTEM) as uow:
        row = await uow.session.get(Stage, UUID(engaging["id"]))
        assert row is not None
        row.required = ["was_a_field_once"]
    await api.post(f"/deals/{deal['id']}/move", {"stage_id": engaging["id"]}, status=200)
    # A form sends it back with the rest; it may stay until somebody takes it out.
    await api.patch(f"/stages/{engaging['id']}", {"required": ["was_a_field_once", "amount"]})


async def test_stage_and_pipeline_in_use_are_not_deleted_and_the_answer_has_the_number(api: Any) -> None:
    first = (await stages(api))["Prospecting"]
    for number in range(3):
        deal = await api.post("/deals", {"name": f"D{number}"})
    await api.delete(f"/deals/{deal['id']}")
    answer = await api.delete(f"/stages/{first['id']}", status=409)
    assert "3 Deals, 1 of them in the trash" in answer["detail"]
    assert answer["records"] == {"core.deal": 3}
    answer = await api.delete(f"/pipelines/{first['pipeline_id']}", status=409)
    assert answer["records"] == {"core.deal": 3}
    _key, made = await pipeline(api)
    await api.delete(f"/stages/{made['First']}")
    await api.delete(f"/pipelines/{_key}")
    await api.post(f"/stages/{made['First']}/restore", status=409)


async def test_replace_and_delete_moves_the_deals_and_can_be_undone(api: Any, kernel: Kernel) -> None:
    known = await stages(api)
    first, other = known["Prospecting"], known["Engaging"]
    made = [await api.post("/deals", {"name": f"D{n}"}) for n in range(3)]
    await api.post(f"/stages/{first['id']}/replace", {"stage_id": first["id"]}, status=422)
    answer = await api.post(f"/stages/{first['id']}/replace", {"stage_id": other["id"]}, status=200)
    assert "Prospecting" not in await stages(api)
    now = await api.get(f"/deals/{made[0]['id']}")
    assert (now["stage_id"], Decimal(now["probability"])) == (other["id"], 50)
    async with kernel.read(SYSTEM) as uow:
        count = sa.select(sa.func.count()).where(StageMove.to_id == UUID(other["id"]))
        assert await uow.session.scalar(count) == 3
    cause = await last_cause(kernel, UUID(first["id"]))
    await api.post("/undo", {"cause": str(cause)}, status=200)
    assert "Prospecting" in await stages(api)
    assert {(await api.get(f"/deals/{d['id']}"))["stage_id"] for d in made} == {first["id"]}
    assert answer is not None


async def last_cause(kernel: Kernel, record_id: UUID) -> UUID:
    from crm_core.entity.event_rows import EventRow

    async with kernel.read(SYSTEM) as uow:
        query = sa.select(EventRow.cause).where(EventRow.record_id == record_id).order_by(EventRow.id.desc())
        found = await uow.session.scalar(query.limit(1))
        assert found is not None
        return UUID(str(found))


async def test_pipeline_is_replaced_by_matching_stages_and_refused_without_a_match(api: Any) -> None:
    key, made = await pipeline(api, "Partners", ("prospecting", "open"), ("Later", "open"), ("Yes", "won"))
    own = await stages(api, (await stages(api))["Won"]["pipeline_id"])
    open_deal = await api.post("/deals", {"name": "Open"})
    engaged = await api.post("/deals", {"name": "Engaged", "stage_id": own["Engaging"]["id"]})
    won = await api.post("/deals", {"name": "Won", "amount": "3"})
    await api.post(f"/deals/{won['id']}/win", status=200)
    lost = await api.post("/deals", {"name": "Lost"})
    await api.post(f"/deals/{lost['id']}/lose", {"lost_reason": "Price"}, status=200)
    old = own["Won"]["pipeline_id"]
    answer = await api.post(f"/pipelines/{old}/replace", {"pipeline_id": key}, status=422)
    assert "Lost" in answer["detail"]
    made["No"] = (await api.post("/stages", {"name": "No", "category": "lost", "pipeline_id": key}))["id"]
    await api.post(f"/pipelines/{old}/replace", {"pipeline_id": key}, status=200)
    for deal, stage in ((open_deal, "prospecting"), (engaged, "prospecting"), (won, "Yes"), (lost, "No")):
        found = await api.get(f"/deals/{deal['id']}")
        assert (found["pipeline_id"], found["stage_id"]) == (key, made[stage])
    assert (await api.get(f"/deals/{won['id']}"))["closed_on"] is not None


async def test_another_pipeline_maps_the_stage_by_name_then_by_category(api: Any) -> None:
    key, made = await pipeline(api, "Partners", ("Start", "open"), ("ENGAGING", "open"), ("Yes", "won"))
    known = await stages(api)
    deal = await api.post("/deals", {"name": "Roof"})
    moved = await api.patch(f"/deals/{deal['id']}", {"pipeline_id": key})
    assert moved["stage_id"] == made["Start"]
    both = {"pipeline_id": deal["pipeline_id"], "stage_id": known["Engaging"]["id"]}
    back = await api.patch(f"/deals/{deal['id']}", both)
    assert back["stage_id"] == known["Engaging"]["id"]
    again = await api.patch(f"/deals/{deal['id']}", {"pipeline_id": key})
    assert again["stage_id"] == made["ENGAGING"]
    times = (await api.get(f"/deals/{deal['id']}/stage-times"))["items"]
    assert [t["stage"] for t in times] == ["Prospecting", "Start", "Engaging", "ENGAGING"]
    foreign = {"pipeline_id": deal["pipeline_id"], "stage_id": made["Start"]}
    await api.patch(f"/deals/{deal['id']}", foreign, status=422)
    empty = (await api.post("/pipelines", {"name": "Empty"}))["id"]
    await api.patch(f"/deals/{deal['id']}", {"pipeline_id": empty}, status=422)


async def backdate(kernel: Kernel, key: str, days: int) -> None:
    async with kernel.write(SYSTEM) as uow:
        deal = await uow.session.get(Deal, UUID(key))
        assert deal is not None
        deal.stage_entered_at = uow.now - timedelta(days=days, minutes=1)


async def test_deal_is_stuck_after_the_days_of_its_stage_in_record_list_and_filter(api: Any, kernel: Kernel) -> None:
    fresh = await api.post("/deals", {"name": "Fresh"})
    late = await api.post("/deals", {"name": "Late"})
    won = await api.post("/deals", {"name": "Won", "amount": "1"})
    await api.post(f"/deals/{won['id']}/win", status=200)
    await backdate(kernel, fresh["id"], 29)
    await backdate(kernel, late["id"], 30)
    await backdate(kernel, won["id"], 400)
    found = {d["name"]: (d["rotting"], d["days_in_stage"]) for d in (await api.get("/deals"))["items"]}
    assert found == {"Fresh": (False, 29), "Late": (True, 30), "Won": (False, 400)}
    for condition, names in (
        ({"field": "rotting", "op": "is", "value": True}, ["Late"]),
        ({"field": "rotting", "op": "is", "value": False}, ["Fresh", "Won"]),
        ({"field": "days_in_stage", "op": "gt", "value": 29}, ["Late", "Won"]),
    ):
        items = (await api.get("/deals", params={"filter": json.dumps(condition)}))["items"]
        assert sorted(d["name"] for d in items) == names
    since = {"field": "stage_entered_at", "op": "within", "value": {"unit": "day", "from": -29, "to": 0}}
    items = (await api.get("/deals", params={"filter": json.dumps(since)}))["items"]
    assert [d["name"] for d in items] == ["Fresh"]


async def test_time_in_stage_is_the_sum_of_its_visits_and_the_present_one_counts_until_now(
    api: Any, kernel: Kernel
) -> None:
    known = await stages(api)
    deal = await api.post("/deals", {"name": "Roof", "amount": "3"})
    for name in ("Engaging", "Prospecting", "Engaging", "Won", "Engaging"):
        await api.post(f"/deals/{deal['id']}/move", {"stage_id": known[name]["id"]}, status=200)
    hours = (0, 24, 30, 54, 100, 103)  # when each of the six began
    async with kernel.write(SYSTEM) as uow:
        rows = await uow.session.scalars(
            sa.select(StageMove).where(StageMove.record_id == UUID(deal["id"])).order_by(StageMove.at, StageMove.id)
        )
        for row, hour in zip(rows, hours, strict=True):
            row.at = uow.now - timedelta(hours=200 - hour)
    async with kernel.read(SYSTEM) as uow:
        times = await stage_times(uow, kernel.registry.entity("core.deal"), UUID(deal["id"]))
        found = {t.stage: (round(t.seconds / 3600), t.times, t.current) for t in times}
    assert found == {"Prospecting": (24 + 24, 2, False), "Engaging": (6 + 46 + 97, 3, True), "Won": (3, 1, False)}
    assert [t.stage for t in times] == ["Prospecting", "Engaging", "Won"]


async def test_closed_deal_spends_no_time_in_its_last_stage(api: Any) -> None:
    deal = await api.post("/deals", {"name": "Roof", "amount": "3"})
    await api.post(f"/deals/{deal['id']}/win", status=200)
    times = (await api.get(f"/deals/{deal['id']}/stage-times"))["items"]
    assert [(t["stage"], t["seconds"] == 0, t["current"]) for t in times][-1] == ("Won", True, True)


async def test_panels_show_stages_and_times(as_user: Any, api: Any) -> None:
    browser = (await as_user("admin")).client
    won = (await stages(api))["Won"]
    deal = await api.post("/deals", {"name": "Roof"})
    shown = (await browser.get(f"/pipelines/{won['pipeline_id']}/stages")).text
    assert "Prospecting" in shown
    assert "stuck after 30 days" in shown
    assert "Amount" in shown
    times = (await browser.get(f"/stage-times?entity=core.deal&id={deal['id']}")).text
    assert "Prospecting" in times
    form = (await browser.get(f"/stages/{won['id']}/edit")).text
    assert "Expected close" in form
    assert "Engaging" in form
