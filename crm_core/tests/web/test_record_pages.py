"""The record page: what an action would do before it runs, its history, and how many questions a page asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Role, RoleField
from crm_core.testing.sample_plugin import plugin as sample


@pytest.fixture
def plugins() -> Any:
    return (("sample", sample),)


def hidden(page: str) -> dict[str, Any]:
    """Return what a step that only confirms sends."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


async def visit(admin: Any, subject: str = "Globex") -> str:
    made = await admin.api.post("/sample-visits", {"subject": subject, "visited_on": "2026-05-05"})
    return str(made["id"])


async def test_plan_is_shown_before_an_action_runs(as_user: Any) -> None:
    admin = await as_user("admin")
    path = f"/sample-visits/{await visit(admin)}"
    assert f'href="{path}/do/invite"' in (await admin.client.get(path)).text
    asked = (await admin.client.get(f"{path}/do/invite")).text
    assert "A link is made with which Globex can be confirmed" in asked
    assert (await admin.client.post(f"{path}/do/invite", data=hidden(asked))).status_code == 303


async def test_plan_of_an_action_with_parameters_comes_after_them_and_before_it_runs(as_user: Any) -> None:
    admin = await as_user("admin")
    path = f"/sample-visits/{await visit(admin)}"
    assert "Continue" in (await admin.client.get(f"{path}/do/finish")).text
    bad = await admin.client.post(f"{path}/do/finish", data={"minutes": "many"})
    assert bad.status_code == 422
    shown = await admin.client.post(f"{path}/do/finish", data={"minutes": "12"})
    assert shown.status_code == 200
    assert "Globex is marked as done after 12 minutes." in shown.text
    assert (await admin.api.get(path))["outcome"] == "planned"
    assert hidden(shown.text)["minutes"] == "12"
    assert (await admin.client.post(f"{path}/do/finish", data=hidden(shown.text))).status_code == 303
    assert (await admin.api.get(path))["outcome"] == "done"


async def test_bulk_action_says_how_many_records_and_what_it_would_do(as_user: Any) -> None:
    admin = await as_user("admin")
    ids = [await visit(admin, f"Visit {n}") for n in range(12)]
    data = {"action": "finish", "id": ids}
    page = (await admin.client.post("/sample-visits/bulk", data=data)).text
    assert "Finish: 12 records." in page
    assert "marked as done" not in page
    page = (await admin.client.post("/sample-visits/bulk", data=data | {"sure": "1", "minutes": "9"})).text
    assert "Finish: 12 records." in page
    assert page.count("is marked as done after 9 minutes") == 10
    assert "and 2 more" in page
    outcomes = {v["outcome"] for v in (await admin.api.get("/sample-visits"))["items"]}
    assert outcomes == {"planned"}
    answer = await admin.client.post("/sample-visits/bulk", data=hidden(page) | {"id": ids})
    assert answer.status_code == 303
    assert {v["outcome"] for v in (await admin.api.get("/sample-visits"))["items"]} == {"done"}


async def test_history_shows_values_before_and_after_and_offers_undo(as_user: Any) -> None:
    admin = await as_user("admin")
    made = await admin.api.post("/companies", {"name": "Globex", "city": "Bonn"})
    path = f"/companies/{made['id']}"
    await admin.client.post(f"{path}/edit", data={"name": "Globex", "city": "Köln"})
    assert f'href="{path}/history"' in (await admin.client.get(path)).text
    page = (await admin.client.get(f"{path}/history")).text
    assert "<del>Bonn</del>" in page
    assert "<ins>Köln</ins>" in page
    assert "by API" in page
    links = re.findall(r'href="(/undo/[0-9a-f-]{36})"', page)
    assert len(links) == 2
    assert (await admin.client.get(links[0])).status_code == 200


async def test_history_shows_no_value_that_a_role_may_not_read(as_user: Any, kernel: Any) -> None:
    admin, reader = await as_user("admin"), await as_user("readonly")
    made = await admin.api.post("/companies", {"name": "Globex", "city": "Bonn"})
    await admin.api.patch(f"/companies/{made['id']}", {"city": "Köln", "name": "Globex AG"})
    async with kernel.write(system("test")) as uow:
        role = (await uow.session.scalars(sa.select(Role).where(Role.key == "readonly"))).one()
        uow.session.add(RoleField(role_id=role.id, entity="core.company", field="city", level="hidden"))
        await uow.raise_epoch("rights")
    page = (await reader.client.get(f"/companies/{made['id']}/history")).text
    assert "Globex AG" in page
    assert "Köln" not in page
    assert "Bonn" not in page
    assert "/undo/" not in page, "one who may change nothing is offered no undo"


async def many(api: Any, company: str, count: int) -> None:
    stages = {s["name"]: s["id"] for s in (await api.get("/stages?limit=50"))["items"]}
    for number in range(count):
        await api.post("/contacts", {"last_name": f"Person {number}", "company_id": company})
        deal = await api.post("/deals", {"name": f"Deal {number}", "company_id": company, "amount": "5"})
        await api.patch(f"/deals/{deal['id']}", {"stage_id": stages["Won"]})
        await api.patch(f"/companies/{company}", {"city": f"City {number}"})


async def test_record_page_asks_as_much_for_many_related_records_as_for_one(
    as_user: Any, count_queries: Callable[..., Any]
) -> None:
    admin = await as_user("admin")
    company = (await admin.api.post("/companies", {"name": "Globex"}))["id"]
    counts = []
    for _round in range(2):
        await many(admin.api, company, 4)
        await admin.client.get(f"/companies/{company}")  # settings and statements are known then
        with count_queries() as seen:
            assert (await admin.client.get(f"/companies/{company}")).status_code == 200
        counts.append(len(seen))
    assert counts[1] <= counts[0] <= 18, counts


async def test_list_page_asks_as_much_for_many_rows_as_for_one(as_user: Any, count_queries: Callable[..., Any]) -> None:
    admin = await as_user("admin")
    counts = []
    for count in (1, 8):
        company = (await admin.api.post("/companies", {"name": f"Globex {count}"}))["id"]
        await many(admin.api, company, count)
        await admin.client.get("/deals")
        with count_queries() as seen:
            assert (await admin.client.get("/deals")).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1], counts
    assert counts[0] <= 12, seen
