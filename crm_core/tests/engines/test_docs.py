"""The code in docs/approvals.md, docs/web-forms.md and docs/money.md is run: functions, hooks, requests, files."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from crm_approvals import SYSTEM, a_deal, say
from crm_core.auth.rights import load_actor
from crm_core.entity import records
from crm_core.features.deals.models import Deal
from crm_core.features.web_forms.models import WebForm
from crm_core.kernel import Kernel
from crm_core.testing.people import People
from crm_core.testing.sample_plugin import plugin as sample
from crm_core.testing.sample_plugin.models import Visit

DOCS = Path(__file__).parents[3] / "docs"
SITE = {"origin": "https://www.example.com"}


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return [("sample", sample)]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def body_of(command: str) -> dict[str, Any]:
    found = re.search(r"-d '(.*?)'", command, re.DOTALL)
    assert found is not None
    body: dict[str, Any] = json.loads(found[1])
    return body


async def test_rates_of_the_money_page_are_taken_typed_and_as_a_file(as_user: People, jobs: Any) -> None:
    api = (await as_user("admin")).api
    typed = json.loads(blocks("money.md", "json")[0])
    assert Decimal((await api.post("/rates", typed))["rate"]) == Decimal("0.006")
    content, of = blocks("money.md", "csv")[0].encode(), {"entity": "rates"}
    seen = await api.post("/imports/preview", status=200, params=of, content=content)
    assert seen["guess"] == {"currency": "currency", "valid_from": "valid_from", "rate": "rate"}
    started = await api.post("/imports", status=202, params=of, content=content)
    await jobs()
    report = (await api.get(started["href"].removeprefix("/api/v1")))["report"]
    assert (report["created"], report["failed"]) == (2, 1)  # the base currency has no rate
    rates = {(r["currency"], r["valid_from"]): Decimal(r["rate"]) for r in (await api.get("/rates"))["items"]}
    assert rates == {
        ("JPY", "2026-01-01"): Decimal("0.006"), ("USD", "2026-01-01"): Decimal("0.86"),
        ("USD", "2026-07-01"): Decimal("0.9"),
    }  # fmt: skip
    deal = await api.post("/deals", {"name": "Boston", "amount": "100", "amount_currency": "USD"})
    assert Decimal(deal["amount_base"]) == 90
    await api.post("/rates", {"currency": "GBP", "valid_from": "2099-01-01", "rate": "1.2"})
    deal = await api.post("/deals", {"name": "London", "amount": "100", "amount_currency": "GBP"})
    assert Decimal(deal["amount_base"]) == 120  # before the first rate, the first


async def test_functions_of_the_approvals_page_ask_and_permit(kernel: Kernel, as_user: People) -> None:
    asker, boss = await as_user("sales"), await as_user("admin", "ada")
    about = await a_deal(kernel, asker)
    space: dict[str, Any] = {}
    exec(blocks("approvals.md", "python")[0], space)
    async with kernel.write(await load_actor(kernel, asker.id)) as uow:
        deal = await uow.session.get(Deal, about.id)
        approval = (await space["ask_for_discount"](uow, deal, boss.id)).id
        assert not await space["may_send"](uow, deal)
    await say(kernel, boss, approval)
    async with kernel.read(SYSTEM) as uow:
        assert await space["may_send"](uow, await uow.session.get(Deal, about.id))


async def test_request_of_the_approvals_page_is_taken(kernel: Kernel, as_user: People) -> None:
    asker, boss = await as_user("sales"), await as_user("admin", "ada")
    about = await a_deal(kernel, asker)
    body = body_of(blocks("approvals.md", "sh")[0])
    body["about"], body["steps"][0]["users"] = str(about), [str(boss.id)]
    assert (await asker.api.post("/approvals", body))["state"] == "waiting"


async def test_form_of_the_web_forms_page_takes_its_plain_html(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    api = (await as_user("admin")).api
    await api.post("/web-forms", body_of(blocks("web-forms.md", "sh")[0]))
    async with kernel.read(SYSTEM) as uow:
        token = await uow.session.scalar(sa.select(WebForm.token))
    frame, plain = blocks("web-forms.md", "html")
    assert "/public/forms/TOKEN" in frame
    names = re.findall(r'<input[^>]* ?name="(\w+)"', plain)
    assert names == ["name", "email", "_website"]
    sent = await client.post(
        f"/public/forms/{token}", data={"name": "Ada", "email": "a@example.org", "_website": ""}, headers=SITE
    )
    assert sent.status_code == 200, sent.text
    (lead,) = (await api.get("/leads"))["items"]
    assert (lead["name"], lead["source"]) == ("Ada", "campaign")


async def test_target_of_a_plugin_makes_its_records(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    space: dict[str, Any] = {}
    exec(blocks("web-forms.md", "python")[0], space)
    (shown,) = space["crm_form_targets"]()
    (real,) = sample.crm_form_targets()
    assert (shown.entity, shown.fields) == (real.entity, real.fields)
    api = (await as_user("admin")).api
    form = await api.post(
        "/web-forms", {"name": "Visit us", "target": "sample.visit", "allowed_hosts": "www.example.com"}
    )
    assert [f["field"] for f in form["fields"]] == ["subject", "visited_on"]
    async with kernel.read(SYSTEM) as uow:
        token = await uow.session.scalar(sa.select(WebForm.token))
    data = {"subject": "Please come", "visited_on": "2030-05-04", "minutes": "5", "outcome": "done"}
    sent = await client.post(f"/public/forms/{token}", data=data, headers=SITE)
    assert sent.status_code == 200, sent.text
    async with kernel.read(SYSTEM) as uow:
        visit = (await uow.session.scalars(sa.select(Visit))).one()
    assert (visit.subject, visit.minutes, visit.outcome) == ("Please come", 60, "planned")


async def test_functions_of_the_working_time_page_count_and_name_the_deputy(kernel: Kernel, as_user: People) -> None:
    ann, bob = (await as_user("sales", "ann")).id, (await as_user("sales", "bob")).id
    space: dict[str, Any] = {}
    exec(blocks("working-time.md", "python")[0], space)
    friday, monday = datetime(2026, 7, 3, 15, tzinfo=UTC), datetime(2026, 7, 6, 11, tzinfo=UTC)
    async with kernel.write(SYSTEM) as uow:
        assert await space["answer_by"](uow, ann, friday) == monday
        assert await space["waited"](uow, None, friday, monday) == timedelta(hours=4)
        assert await space["who_answers"](uow, ann, friday) == ann
        assert await space["days_of"](uow, ann, [friday, friday + timedelta(days=1)]) == [True, False]
        away = {"owner_id": ann, "deputy_id": bob, "note": "Away", "starts_at": friday, "ends_at": monday}
        await records.create(uow, uow.registry.entity("core.absence"), away, trusted=True)
    async with kernel.write(SYSTEM) as uow:
        assert await space["who_answers"](uow, ann, friday) == bob


async def test_function_of_the_assignment_page_gives_out_and_says_why(kernel: Kernel, as_user: People) -> None:
    ann, bob = (await as_user("sales", "ann")).id, (await as_user("sales", "bob")).id
    space: dict[str, Any] = {}
    exec(blocks("assignment.md", "python")[0], space)
    members = [{"user_id": ann, "skills": "german"}, {"user_id": bob, "skills": "german:3"}]
    async with kernel.write(SYSTEM) as uow:
        of = uow.registry.entity
        pool = await records.create(uow, of("core.pool"), {"name": "Inbound", "members": members}, trusted=True)
        lead = await records.create(uow, of("core.lead"), {"name": "Ada"}, trusted=True)
        await uow.settle()
        user, skipped = await space["give_out"](uow, pool.id, lead.id)
    assert (user, list(skipped.values())) == (bob, ["skill"])
