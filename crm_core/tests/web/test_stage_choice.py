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
