"""One-time links of approvals, their pages, and the policy on deals."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import msgspec
import pytest
import sqlalchemy as sa
from crm_approvals import SYSTEM, a_deal, ask, say, state
from crm_core.auth.links import PublicLink
from crm_core.entity import records
from crm_core.entity.stages import stages_of
from crm_core.features.approvals.deals import needs_approval
from crm_core.features.approvals.public import Step
from crm_core.features.approvals.settings import ApprovalSettings
from crm_core.features.deals.models import Deal
from crm_core.features.mail.actions import body_of
from crm_core.features.mail.models import MailRow
from crm_core.kernel import Kernel
from crm_core.testing.people import People, Somebody


async def link_of(kernel: Kernel, who: Somebody) -> str:
    async with kernel.read(SYSTEM) as uow:
        query = sa.select(MailRow).where(MailRow.recipient == who.email, MailRow.purpose == "core.approval")
        row = await uow.session.scalar(query.order_by(MailRow.id.desc()).limit(1))
        assert row is not None
        text, _html = body_of(kernel, row)
    found = re.search(r"/public/approval/[\w-]+", text)
    assert found is not None, text
    return found[0]


async def asked(kernel: Kernel, as_user: People) -> tuple[Somebody, Somebody, UUID, Any]:
    asker, boss = await as_user("sales"), await as_user("admin", "ada")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[boss.id])], reason="Because <b>now</b>", fields=("amount",))
    return asker, boss, approval, deal


async def test_the_link_shows_by_get_and_decides_by_post_once(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient, events: Any
) -> None:
    _asker, boss, approval, _deal = await asked(kernel, as_user)
    path = await link_of(kernel, boss)
    for _n in range(2):
        shown = await client.get(path)
        assert shown.status_code == 200
        assert "Because &lt;b&gt;now&lt;/b&gt;" in shown.text
        assert await state(kernel, approval) == "waiting"
    assert "set-cookie" not in shown.headers
    assert (await client.post(path, data={"decision": "maybe"})).status_code == 422
    done = await client.post(path, data={"decision": "approve", "comment": "by phone"})
    assert done.status_code == 200, done.text
    assert await state(kernel, approval) == "approved"
    again = await client.post(path, data={"decision": "reject"})
    unknown = await client.post("/public/approval/" + "x" * 43, data={"decision": "reject"})
    assert again.status_code == unknown.status_code == 404
    assert again.text == unknown.text
    row = (await boss.api.get(f"/approvals/{approval}"))["steps"][0]["approvers"][0]
    assert (row["channel"], row["comment"], row["decided_by"]) == ("link", "by phone", str(boss.id))


async def test_a_link_dies_with_its_request_its_right_and_its_time(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    asker, boss, approval, _deal = await asked(kernel, as_user)
    path = await link_of(kernel, boss)
    await asker.api.post(f"/approvals/{approval}/withdraw", status=200)
    assert (await client.get(path)).status_code == 404
    _asker, boss, approval, _deal = await asked(kernel, as_user)
    path = await link_of(kernel, boss)
    await say(kernel, boss, approval)
    assert (await client.get(path)).status_code == 404
    _asker, boss, approval, _deal = await asked(kernel, as_user)
    path = await link_of(kernel, boss)
    admin = await as_user("admin", "bob")
    await admin.api.patch(f"/users/{boss.id}", {"is_active": False})
    assert (await client.get(path)).status_code == 404
    assert (await client.post(path, data={"decision": "approve"})).status_code == 404
    assert await state(kernel, approval) == "waiting"
    await admin.api.patch(f"/users/{boss.id}", {"is_active": True})
    assert (await client.get(path)).status_code == 200
    async with kernel.write(SYSTEM) as uow:
        await uow.session.execute(sa.update(PublicLink).values(expires_at=uow.now))
    assert (await client.get(path)).status_code == 404


async def test_a_link_to_a_changed_record_decides_nothing(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    asker, boss, approval, deal = await asked(kernel, as_user)
    path = await link_of(kernel, boss)
    await asker.api.patch(f"/deals/{deal.id}", {"amount": "1"})
    shown = await client.get(path)
    assert "has changed" in shown.text
    assert 'value="approve"' not in shown.text
    assert (await client.post(path, data={"decision": "approve"})).status_code == 409
    assert await state(kernel, approval) == "waiting"
    async with kernel.read(SYSTEM) as uow:
        assert set(await uow.session.scalars(sa.select(PublicLink.used))) == {0}


async def test_the_pages_show_what_waits_and_take_a_decision(kernel: Kernel, as_user: People) -> None:
    asker, boss, approval, deal = await asked(kernel, as_user)
    assert "Discount" in (await boss.client.get("/approvals")).text
    assert ">1<" in (await boss.client.get("/approvals/count")).text
    assert "1" not in (await asker.client.get("/approvals/count")).text
    panel = await boss.client.get(f"/approvals/panel?entity=core.deal&id={deal.id}")
    assert "Discount" in panel.text
    page = f"/approvals/{approval}"
    assert 'name="decision"' not in (await asker.client.get(page)).text
    assert 'name="decision"' in (await boss.client.get(page)).text
    assert (await boss.client.post(f"{page}/decide", data={})).status_code == 422
    done = await boss.client.post(f"{page}/decide", data={"decision": "reject", "comment": "no"})
    assert done.status_code in (302, 303)
    late = await boss.client.post(f"{page}/decide", data={"decision": "approve"})
    assert late.status_code == 409
    assert "not open any more" in late.text
    assert (await asker.client.post(f"{page}/withdraw")).status_code == 409


async def test_the_form_asks_people_of_a_record(kernel: Kernel, as_user: People) -> None:
    asker, boss, stranger = await as_user("sales"), await as_user("admin", "ada"), await as_user("sales", "eve")
    deal = await a_deal(kernel, asker)
    path = f"/approvals/new?about={deal}"
    assert (await asker.client.get(path)).status_code == 200
    assert (await stranger.client.get(path)).status_code == 404
    bad = await asker.client.post(path, data={"title": "T", "needed": "all"})
    assert bad.status_code == 422
    body = {"title": "Ten percent", "needed": "all", "users": str(boss.id), "expires_at": "2030-01-01T10:00"}
    assert (await stranger.client.post(path, data=body)).status_code == 404
    done = await asker.client.post(path, data=body)
    assert done.status_code in (302, 303), done.text
    assert "Ten percent" in (await boss.client.get("/approvals")).text


async def policy(kernel: Kernel, amount: str | None) -> None:
    async with kernel.write(SYSTEM) as uow:
        await uow.save_settings(msgspec.convert({"deals_from": amount}, ApprovalSettings))


async def stage_of(kernel: Kernel, deal: Any, category: str) -> str:
    async with kernel.read(SYSTEM) as uow:
        row = await uow.session.get(Deal, deal.id)
        assert row is not None
        return str(next(s.id for s in await stages_of(uow, row.pipeline_id) if s.category == category))


async def test_a_large_deal_is_won_only_with_an_approval(kernel: Kernel, as_user: People) -> None:
    asker, boss = await as_user("sales"), await as_user("manager", "ada")
    free = await a_deal(kernel, asker)
    await asker.api.post(f"/deals/{free.id}/win", status=200)
    await policy(kernel, "10000")
    small = await a_deal(kernel, asker, amount="9999.99")
    await asker.api.post(f"/deals/{small.id}/win", status=200)
    large = await a_deal(kernel, asker, amount="10000")
    async with kernel.write(SYSTEM) as uow:  # the manager sees it through the right to read all
        from crm_core.auth.people import Role, RoleGrant

        role = await uow.session.scalar(sa.select(Role).where(Role.key == "manager"))
        assert role is not None
        grants = sa.update(RoleGrant).where(RoleGrant.role_id == role.id, RoleGrant.name == "core.deal.read")
        await uow.session.execute(grants.values(scope="all"))
        await uow.raise_epoch("people")
    refused = await asker.api.post(f"/deals/{large.id}/win", status=409)
    assert refused["code"] == "core.deal_needs_approval"
    won = await stage_of(kernel, large, "won")
    await asker.api.post(f"/deals/{large.id}/move", {"stage_id": won}, status=409)
    await asker.api.patch(f"/deals/{large.id}", {"stage_id": won}, status=409)
    await asker.api.post(f"/deals/{large.id}/request_approval", {"reason": "please"}, status=200)
    waiting = (await boss.api.get("/approvals"))["items"]
    assert [a["purpose"] for a in waiting] == ["core.deal.win"]
    await asker.api.post(f"/deals/{large.id}/win", status=409)
    await boss.api.post(f"/approvals/{waiting[0]['id']}/decide", {"decision": "approve"}, status=200)
    await asker.api.patch(f"/deals/{large.id}", {"amount": "10001"})
    await asker.api.post(f"/deals/{large.id}/win", status=409)
    await asker.api.patch(f"/deals/{large.id}", {"amount": "10000"})
    await asker.api.post(f"/deals/{large.id}/win", status=200)
    await asker.api.patch(f"/deals/{large.id}", {"amount": "99999"}, status=409)


async def test_a_large_deal_is_not_made_as_won_and_one_without_a_rate_is_large(kernel: Kernel, as_user: People) -> None:
    asker = await as_user("sales")
    deal = await a_deal(kernel, asker)
    won = await stage_of(kernel, deal, "won")
    await policy(kernel, "10000")
    body = {"name": "New", "amount": "20000", "amount_currency": "EUR", "stage_id": won}
    await asker.api.post("/deals", body, status=409)
    await asker.api.post("/deals", {**body, "amount": "20"})
    unknown = Deal(amount=Decimal(20), amount_currency="JPY", amount_base=None)
    assert needs_approval(unknown, ApprovalSettings(deals_from=Decimal(10_000)))


@pytest.mark.parametrize("bad", ["-1", "NaN"])
async def test_the_policys_amount_is_no_nonsense(as_user: People, bad: str) -> None:
    boss = await as_user("admin")
    answer = await boss.api.patch("/settings/core.approvals", {"deals_from": bad}, status=422)
    assert "deals_from" in answer["fields"]
    assert await boss.api.get("/settings/core.approvals") == {
        "own_requests": False, "deals_from": None, "deals_role_id": None,
    }  # fmt: skip


async def test_the_system_may_win_what_it_imports(kernel: Kernel, as_user: People) -> None:
    asker = await as_user("sales")
    await policy(kernel, "10")
    deal = await a_deal(kernel, asker)
    won = await stage_of(kernel, deal, "won")
    async with kernel.write(SYSTEM) as uow:
        row = await uow.session.get(Deal, deal.id)
        await records.update(uow, uow.registry.entity("core.deal"), row, {"stage_id": UUID(won)})
