"""Every hook of the sample plugin does what its specification says; so every hook is known to be asked."""

from __future__ import annotations

import inspect
import io
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from crm_core.auth.actor import system
from crm_core.db.types import utcnow
from crm_core.defaults import load_demo
from crm_core.features.files.models import File
from crm_core.kernel import Kernel
from crm_core.liquid import check, gather, render
from crm_core.plugin import Ref, hookspecs
from crm_core.plugin.registry import Registry
from crm_core.testing.sample_plugin import checks, cli, models, outside
from crm_core.testing.sample_plugin import plugin as sample
from crm_core.testing.sample_plugin.actions import TOPICS
from crm_core.testing.sample_plugin.jobs import write_letter
from crm_core.testing.sample_plugin.schemas import MarkMissedVisits, WriteLetter
from crm_core.testing.sample_plugin.settings import VisitSettings
from pypdf import PdfReader

HOOKS = sorted(n for n, f in vars(hookspecs).items() if n.startswith("crm_") and inspect.isfunction(f))


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return [("sample", sample)]


def today(days: int = 0) -> str:
    return (utcnow().date() + timedelta(days=days)).isoformat()


async def visit(api: Any, **values: Any) -> dict[str, Any]:
    given = {"subject": "Tour of the hall", "visited_on": today(), **values}
    found: dict[str, Any] = await api.post("/sample-visits", given)
    return found


async def company(api: Any, **values: Any) -> dict[str, Any]:
    found: dict[str, Any] = await api.post("/companies", {"name": "Harbour Tools", **values})
    return found


@pytest.mark.parametrize("hook", HOOKS)
def test_sample_implements_every_hook_once_and_its_values_arrive(hook: str, registry: Registry) -> None:
    given = getattr(sample, hook)()
    assert given
    assert all(value in registry.values[hook] for value in given)
    assert hook in next(p for p in registry.plugins if p.name == "sample").hooks


async def test_entity_is_created_listed_and_filtered_by_api(api: Any) -> None:
    where = await company(api)
    made = await visit(api, company_id=where["id"], tags=["fair"])
    await visit(api, subject="Another")
    found = await api.get(
        "/sample-visits", params={"filter": '{"field": "company.name", "op": "is", "value": "harbour tools"}'}
    )
    assert [v["id"] for v in found["items"]] == [made["id"]]
    assert made["outcome"] == "planned"


async def test_visits_are_numbered_one_after_the_other_each_year(api: Any, as_user: Any) -> None:
    days = ("2026-12-30", "2026-12-31", "2027-01-01")
    made = [await visit(api, subject=f"Round {day}", visited_on=day) for day in days]
    assert [v["number"] for v in made] == ["V-2026-0001", "V-2026-0002", "V-2027-0001"]
    refused = await api.post("/sample-visits", {"subject": "x", "visited_on": days[0], "number": "V-1"}, status=400)
    assert "number" in refused["fields"]
    changed = await api.patch(f"/sample-visits/{made[0]['id']}", {"visited_on": days[2]})
    assert changed["number"] == "V-2026-0001"
    await api.post("/sample-visits", {"subject": "x", "visited_on": days[0], "minutes": -1}, status=422)
    assert (await visit(api, visited_on=days[0]))["number"] == "V-2026-0003"  # the refused ones left no hole
    client = (await as_user("admin")).client
    shown = (await client.get("/sample-visits"), await client.get(f"/sample-visits/{made[1]['id']}"))
    assert all("V-2026-0002" in page.text for page in shown)
    found = await api.get("/sample-visits", params={"q": "V-2026-0002"})
    assert [v["id"] for v in found["items"]] == [made[1]["id"]]
    sorted_ = await api.get("/sample-visits", params={"sort": "number"})
    assert [v["number"] for v in sorted_["items"]][-1] == "V-2027-0001"


async def test_variable_of_visits_is_known_to_templates(api: Any, kernel: Kernel) -> None:
    made = await visit(api, minutes=90)
    text = "{{ visit.subject }} took {{ visit.length }}"
    assert check(kernel.registry, system("test"), text, {"visit": "sample.visit"}) == []
    async with kernel.read(system("test")) as uow:
        values = await gather(uow, text, {"visit": Ref("sample.visit", UUID(made["id"]))})
    assert await render(text, values) == "Tour of the hall took 1:30"


async def test_letter_is_rendered_drawn_and_hung_on_the_visit(api: Any, kernel: Kernel, jobs: Any) -> None:
    where = await company(api)
    made = await visit(api, company_id=where["id"], minutes=90)
    async with kernel.write(system("test")) as uow:
        await uow.enqueue(WriteLetter(UUID(made["id"])))
    await jobs()
    found = await api.get("/files", params={"filter": json.dumps({"field": "name", "op": "is", "value": "letter.pdf"})})
    assert [f["parent"] for f in found["items"]] == [f"sample.visit:{made['id']}"]
    async with kernel.read(system("test")) as uow:
        row = await uow.session.get(File, UUID(found["items"][0]["id"]))
        assert row is not None
        pdf = (await kernel.blobs.fetch(row.sha256)).read_bytes()
    text = PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert "Dear Harbour Tools," in text
    assert "thank you for 1:30 hours" in text


async def test_field_on_companies_is_stored_by_the_plugin(api: Any, kernel: Kernel) -> None:
    made = await company(api, sample_every_days=30)
    assert made["sample_every_days"] == 30
    async with kernel.read(system("test")) as uow:
        row = await uow.session.get(models.CompanyVisits, UUID(made["id"]))
        assert row is not None
        assert row.sample_every_days == 30
    found = await api.get(
        "/companies", params={"filter": '{"field": "sample_every_days", "op": "gt", "value": 20}', "fields": "name"}
    )
    assert [c["id"] for c in found["items"]] == [made["id"]]


async def test_link_added_to_companies_makes_its_reverse_relation_on_visits(api: Any, as_user: Any) -> None:
    client = (await as_user("admin")).client
    coming, other = await visit(api, subject="Spring round"), await visit(api)
    made = await company(api, sample_next_visit_id=coming["id"])
    found = await api.get("/sample-visits", params={"filter": '{"field": "next_for.count", "op": "is", "value": 1}'})
    assert [v["id"] for v in found["items"]] == [coming["id"]]
    text = f'{{"field": "next_for.name", "op": "is", "value": "{made["name"]}"}}'
    assert [v["id"] for v in (await api.get("/sample-visits", params={"filter": text}))["items"]] == [coming["id"]]
    found = await api.get("/companies", params={"filter": '{"field": "sample_next_visit.subject", "op": "is", '
                                                          '"value": "spring round"}'})  # fmt: skip
    assert [c["id"] for c in found["items"]] == [made["id"]]
    shown = await client.get(f"/sample-visits/{coming['id']}")
    assert "Next visit of" in shown.text
    assert made["name"] in shown.text
    assert made["name"] not in (await client.get(f"/sample-visits/{other['id']}")).text


async def test_action_finishes_a_visit_and_its_consequences_follow(api: Any, events: Any, jobs: Any) -> None:
    where = await company(api)
    made = await visit(api, company_id=where["id"], visited_on=today(-2))
    done = await api.post(f"/sample-visits/{made['id']}/finish", {"minutes": 90}, status=200)
    assert (done["outcome"], done["minutes"]) == ("done", 90)
    ((name, payload),) = await events("sample.visit.done")
    assert (name, payload["minutes"]) == ("sample.visit.done", 90)
    await jobs()  # the after-commit listener
    after = await api.get(f"/companies/{where['id']}")
    assert (after["sample_last_visit_on"], after["sample_visits_done"]) == (today(-2), 1)


async def test_action_is_not_offered_twice(api: Any) -> None:
    made = await visit(api)
    await api.post(f"/sample-visits/{made['id']}/finish", {"minutes": 5}, status=200)
    refused = await api.post(f"/sample-visits/{made['id']}/finish", {"minutes": 5}, status=409)
    assert refused["code"] == "core.action_not_possible"


async def test_listener_in_the_transaction_vetoes(api: Any) -> None:
    where = await company(api)
    await visit(api, company_id=where["id"])
    refused = await api.delete(f"/companies/{where['id']}", status=409)
    assert refused["code"].endswith("visits_still_planned")
    assert (await api.get(f"/companies/{where['id']}"))["name"] == "Harbour Tools"


async def test_job_marks_missed_visits_by_the_settings(api: Any, kernel: Kernel, jobs: Any) -> None:
    made = await visit(api, visited_on=today(-5))
    async with kernel.write(system("test")) as uow:
        await uow.save_settings(VisitSettings(overdue_after_days=10))
        await uow.enqueue(MarkMissedVisits())
    await jobs()
    assert (await api.get(f"/sample-visits/{made['id']}"))["outcome"] == "planned"
    async with kernel.write(system("test")) as uow:
        await uow.save_settings(VisitSettings(overdue_after_days=2))
        await uow.enqueue(MarkMissedVisits())
    await jobs()
    assert (await api.get(f"/sample-visits/{made['id']}"))["outcome"] == "missed"


async def test_defaults_are_there_and_the_api_controller_answers(api: Any) -> None:
    assert await api.get("/sample/topics") == list(TOPICS)


async def test_panel_of_the_slot_shows_the_visits_of_a_company(as_user: Any) -> None:
    admin = await as_user("admin")
    where = await company(admin.api)
    made = await visit(admin.api, company_id=where["id"])
    await admin.api.post(f"/sample-visits/{made['id']}/finish", {"minutes": 45}, status=200)
    shown = await admin.client.get(f"/sample/panel?id={where['id']}")
    assert shown.status_code == 200
    assert "1 visits, 45 minutes" in shown.text


async def test_pages_of_visit_and_company_show_timeline_field_and_slot(as_user: Any) -> None:
    admin = await as_user("admin")
    where = await company(admin.api, sample_every_days=30)
    made = await visit(admin.api, company_id=where["id"])
    await admin.api.post(f"/sample-visits/{made['id']}/finish", {"minutes": 45}, status=200)
    of_visit = await admin.client.get(f"/sample-visits/{made['id']}")
    assert "A visit of 45 minutes took place." in of_visit.text
    of_company = await admin.client.get(f"/companies/{where['id']}")
    assert "Visit every … days" in of_company.text
    assert "/slots/record.panels?" in of_company.text
    filled = await admin.client.get(f"/slots/record.panels?entity=core.company&id={where['id']}")
    assert "1 visits, 45 minutes" in filled.text


async def test_nav_leads_to_a_page_for_those_with_the_permission(as_user: Any) -> None:
    manager, sales = await as_user("manager"), await as_user("sales")
    page = await manager.client.get("/sample/overview")
    assert page.status_code == 200
    assert TOPICS[0] in page.text
    assert 'href="/sample/overview"' in page.text
    assert (await sales.client.get("/sample/overview")).status_code == 403
    assert "/sample/overview" not in (await sales.client.get("/sample-visits")).text


async def test_public_page_confirms_once_and_reading_changes_nothing(api: Any, client: Any, events: Any) -> None:
    made = await visit(api)
    link = (await api.post(f"/sample-visits/{made['id']}/invite", status=200))["url"]
    for _time in range(2):
        assert made["subject"] in (await client.get(link)).text
    assert await events("sample.visit.confirmed") == []
    assert "we look forward" in (await client.post(link)).text
    assert len(await events("sample.visit.confirmed")) == 1
    assert (await client.post(link)).status_code == 404


async def test_schedule_is_written_by_its_owner(kernel: Kernel) -> None:
    schedule = next(s for s in kernel.registry.gather(hookspecs.crm_schedules) if s.name == "sample.mark_missed")
    assert schedule.call == MarkMissedVisits()


async def test_variable_and_check_work_on_a_visit(api: Any, kernel: Kernel) -> None:
    made = await visit(api)
    async with kernel.write(system("test")) as uow:
        row = await uow.session.get(models.Visit, UUID(made["id"]))
        assert row is not None
        row.outcome = "done"
        assert await checks.length_in_words(uow, row) == "0:00"
    async with kernel.read(system("test")) as uow:
        with pytest.raises(checks.VisitsWithoutLength, match="1 finished"):
            await checks.lengths(uow)


async def test_demo_data_stands_beside_that_of_core(api: Any, kernel: Kernel) -> None:
    kernel.db.write_limit = None
    assert "sample.visits" in await load_demo(kernel, utcnow().date())
    found = await api.get("/sample-visits")
    assert len(found["items"]) == 3
    assert all(v.get("company_id") for v in found["items"])


def test_command_says_what_it_did(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    async def marked(config: object) -> int:
        return 3

    monkeypatch.setattr(cli, "_mark_missed", marked)
    done = CliRunner().invoke(cli.mark_missed, ["--folder", str(kernel.config.folder)])
    assert done.output == "3 visits marked as missed\n"


async def test_outside_of_the_system_is_memory_here() -> None:
    await outside.send("a mail")
    await outside.take(["an event"])
    assert (outside.SENT.pop(), outside.TAKEN.pop()) == ("a mail", "an event")


def test_page_about_templates_shows_the_letter_that_is_run_here() -> None:
    page = Path(__file__).parents[3] / "docs" / "templates.md"
    assert inspect.getsource(write_letter) in page.read_text(encoding="utf-8")
