"""An action that takes a stage offers the stages of the record's own pipeline."""

from __future__ import annotations

from typing import Any


async def test_move_offers_the_stages_of_the_pipeline_and_moves(as_user: Any) -> None:
    somebody = await as_user("admin")
    api, client = somebody.api, somebody.client
    other = await api.post("/pipelines", {"name": "Partners"})
    await api.post("/stages", {"name": "Signed", "pipeline_id": other["id"], "category": "won"})
    deal = await api.post("/deals", {"name": "Order", "amount": "100"})
    shown = (await client.get(f"/deals/{deal['id']}/do/move")).text
    assert ">Engaging</option>" in shown
    assert "Signed" not in shown
    stages = {s["name"]: s["id"] for s in (await api.get("/stages"))["items"]}
    done = await client.post(f"/deals/{deal['id']}/do/move", data={"stage_id": stages["Engaging"]})
    assert done.status_code == 303
    assert (await api.get(f"/deals/{deal['id']}"))["stage_id"] == stages["Engaging"]
    again = await client.post(f"/deals/{deal['id']}/do/move", data={"stage_id": stages["Signed"]})
    assert again.status_code == 422


async def test_move_of_many_offers_all_stages_with_their_pipelines(as_user: Any) -> None:
    somebody = await as_user("admin")
    api, client = somebody.api, somebody.client
    other = await api.post("/pipelines", {"name": "Partners"})
    await api.post("/stages", {"name": "Signed", "pipeline_id": other["id"], "category": "won"})
    deal = await api.post("/deals", {"name": "Order", "amount": "100"})
    shown = (await client.post("/deals/bulk", data={"action": "move", "id": deal["id"]})).text
    assert ">Partners: Signed</option>" in shown
    assert ">Sales: Engaging</option>" in shown


async def test_won_without_an_amount_asks_for_it_and_wins(as_user: Any) -> None:
    somebody = await as_user("admin")
    api, client = somebody.api, somebody.client
    deal = await api.post("/deals", {"name": "Order"})
    path = f"/deals/{deal['id']}/do/win"
    asked = await client.post(path)
    assert asked.status_code == 422
    assert "Won needs: Amount." in asked.text
    assert 'name="amount"' in asked.text
    assert (await api.get(f"/deals/{deal['id']}"))["closed_on"] is None
    for wrong in ("", "a lot"):
        still = await client.post(path, data={"lacks": "amount", "amount": wrong, "amount_currency": "EUR"})
        assert still.status_code == 422
        assert 'name="amount"' in still.text
        assert f'value="{wrong}"' in still.text
    done = await client.post(path, data={"lacks": "amount", "amount": "1,250.50", "amount_currency": "EUR"})
    assert (done.status_code, done.headers["location"]) == (303, f"/deals/{deal['id']}")
    won = await api.get(f"/deals/{deal['id']}")
    stages = {s["id"]: s["name"] for s in (await api.get("/stages"))["items"]}
    assert (won["amount"], won["amount_base"], stages[won["stage_id"]]) == ("1250.5000", "1250.5000", "Won")
    assert won["closed_on"]


async def test_fields_that_no_action_asks_for_are_not_set_by_it(as_user: Any) -> None:
    somebody = await as_user("admin")
    api, client = somebody.api, somebody.client
    deal = await api.post("/deals", {"name": "Order", "amount": "100"})
    posted = {"lacks": ["amount_base", "stage_id", "nonsense"], "amount_base": "7", "stage_id": deal["stage_id"]}
    assert (await client.post(f"/deals/{deal['id']}/do/win", data=posted)).status_code == 303
    assert (await api.get(f"/deals/{deal['id']}"))["amount_base"] == "100.0000"


async def test_lost_without_a_reason_comes_back_with_its_form(as_user: Any) -> None:
    somebody = await as_user("admin")
    api, client = somebody.api, somebody.client
    deal = await api.post("/deals", {"name": "Order", "amount": "100"})
    again = await client.post(f"/deals/{deal['id']}/do/lose", data={"lost_reason": ""})
    assert again.status_code == 422
    assert "Lost needs: Lost because." in again.text
    assert again.text.count('name="lost_reason_id"') == 1
    done = await client.post(f"/deals/{deal['id']}/do/lose", data={"lost_reason": "Too dear"})
    assert done.status_code == 303
