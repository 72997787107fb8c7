"""Visits are finished once, and the company's page says so."""

from typing import Any


async def visit(api: Any, **values: Any) -> dict[str, Any]:
    found: dict[str, Any] = await api.post("/visits", {"subject": "Tour", "visited_on": "2026-03-02", **values})
    return found


async def test_finished_visit_has_minutes_and_an_event(api: Any, events: Any) -> None:
    made = await visit(api)
    done = await api.post(f"/visits/{made['id']}/finish", {"minutes": 50}, status=200)
    assert done["minutes"] == 50
    assert await events("visits.visit.done") == [("visits.visit.done", {"visit_id": made["id"], "minutes": 50})]


async def test_visit_is_finished_once(api: Any) -> None:
    made = await visit(api)
    await api.post(f"/visits/{made['id']}/finish", {"minutes": 50}, status=200)
    await api.post(f"/visits/{made['id']}/finish", {"minutes": 50}, status=409)


async def test_visit_of_no_time_is_refused(api: Any) -> None:
    made = await visit(api)
    refused = await api.post(f"/visits/{made['id']}/finish", {"minutes": 0}, status=422)
    assert "minutes" in refused["fields"]


async def test_panel_on_the_company_sums_visits(as_user: Any) -> None:
    admin = await as_user("admin")
    company = await admin.api.post("/companies", {"name": "Harbour Tools"})
    made = await visit(admin.api, company_id=company["id"])
    await admin.api.post(f"/visits/{made['id']}/finish", {"minutes": 50}, status=200)
    assert "1 visits, 50 minutes" in (await admin.client.get(f"/visits/panel?id={company['id']}")).text
