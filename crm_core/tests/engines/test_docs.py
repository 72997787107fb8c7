"""The code in docs/approvals.md and docs/web-forms.md is run: the functions, the hook, the requests, the plain form."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from crm_approvals import SYSTEM, a_deal, say
from crm_core.auth.rights import load_actor
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
