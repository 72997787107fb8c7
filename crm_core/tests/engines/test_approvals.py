"""Approvals: who is asked, who may decide, what a decision counts for, and how a request ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_approvals import SYSTEM, a_deal, ask, say, state
from crm_core.auth.people import Role, Team, TeamMember
from crm_core.auth.rights import load_actor
from crm_core.db.types import new_id, utcnow
from crm_core.entity import records
from crm_core.features.approvals import actions, jobs, queries
from crm_core.features.approvals.models import ApprovalStep, Approver
from crm_core.features.approvals.public import (
    AlreadyDecided,
    ApprovalClosed,
    ApprovalStale,
    NobodyCanApprove,
    NotYoursToDecide,
    Step,
    is_approved,
    withdraw,
)
from crm_core.features.approvals.settings import ApprovalSettings
from crm_core.features.deals.models import Deal
from crm_core.features.notifications.models import Notification
from crm_core.kernel import Kernel
from crm_core.testing.people import People


async def test_steps_in_order_are_asked_one_after_the_other(kernel: Kernel, as_user: People, events: Any) -> None:
    asker, first, second = await as_user("sales"), await as_user("admin", "ada"), await as_user("admin", "bob")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[first.id]), Step(users=[second.id])])
    with pytest.raises(NotYoursToDecide):
        await say(kernel, second, approval)
    assert await say(kernel, first, approval, comment="fine") == "waiting"
    assert await say(kernel, second, approval) == "approved"
    names = [kind for kind, _payload in await events("core.approval.")]
    assert names == ["core.approval.requested", "core.approval.approved"]


async def test_parallel_steps_are_asked_at_once_and_all_count(kernel: Kernel, as_user: People) -> None:
    asker, first, second = await as_user("sales"), await as_user("admin", "ada"), await as_user("admin", "bob")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[first.id]), Step(users=[second.id])], in_order=False)
    assert await say(kernel, second, approval) == "waiting"
    assert await say(kernel, first, approval) == "approved"


async def test_any_and_so_many_of_a_step_are_enough(kernel: Kernel, as_user: People) -> None:
    asker = await as_user("sales")
    people = [await as_user("admin", n) for n in ("ada", "bob", "cat")]
    ids = [p.id for p in people]
    deal = await a_deal(kernel, asker)
    one = await ask(kernel, asker, deal, [Step(users=ids, needed="any")])
    assert await say(kernel, people[1], one) == "approved"
    two = await ask(kernel, asker, deal, [Step(users=ids, needed=2)])
    assert await say(kernel, people[0], two) == "waiting"
    with pytest.raises(AlreadyDecided):
        await say(kernel, people[0], two)
    assert await say(kernel, people[2], two) == "approved"
    with pytest.raises(NobodyCanApprove):
        await ask(kernel, asker, deal, [Step(users=ids, needed=4)])


async def test_one_rejection_ends_the_request(kernel: Kernel, as_user: People, events: Any) -> None:
    asker, first, second = await as_user("sales"), await as_user("admin", "ada"), await as_user("admin", "bob")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[first.id, second.id])])
    assert await say(kernel, first, approval, "reject", "too much") == "rejected"
    with pytest.raises(ApprovalClosed):
        await say(kernel, second, approval)
    assert ("core.approval.rejected", "too much") in [(k, p.get("comment")) for k, p in await events("core.approval.")]


async def test_teams_and_roles_are_asked_through_their_members(kernel: Kernel, as_user: People) -> None:
    asker, member, boss = await as_user("sales"), await as_user("admin", "ada"), await as_user("admin", "bob")
    deal = await a_deal(kernel, asker)
    async with kernel.write(SYSTEM) as uow:
        team = Team(name="Board")
        uow.session.add(team)
        await uow.session.flush()
        row = {"id": new_id(), "created_at": uow.now, "user_id": member.id, "team_id": team.id, "is_primary": False}
        await uow.session.execute(sa.insert(TeamMember), [row])
        role = await uow.session.scalar(sa.select(Role.id).where(Role.key == "admin"))
    assert role is not None
    approval = await ask(kernel, asker, deal, [Step(teams=[team.id]), Step(roles=[role], needed="any")])
    assert await say(kernel, member, approval) == "waiting"
    assert await say(kernel, boss, approval) == "approved"


async def test_nobody_approves_their_own_request_unless_a_setting_says_so(kernel: Kernel, as_user: People) -> None:
    asker, other = await as_user("admin", "ada"), await as_user("admin", "bob")
    deal = await a_deal(kernel, asker)
    with pytest.raises(NobodyCanApprove):
        await ask(kernel, asker, deal, [Step(users=[asker.id])])
    approval = await ask(kernel, asker, deal, [Step(users=[asker.id, other.id])])
    with pytest.raises(NotYoursToDecide):
        await say(kernel, asker, approval)
    assert await say(kernel, other, approval) == "approved"
    async with kernel.write(SYSTEM) as uow:
        await uow.save_settings(ApprovalSettings(own_requests=True))
    allowed = await ask(kernel, asker, deal, [Step(users=[asker.id])])
    assert await say(kernel, asker, allowed) == "approved"


async def test_who_may_not_read_the_record_is_not_asked(kernel: Kernel, as_user: People) -> None:
    asker, stranger, boss = await as_user("sales"), await as_user("sales", "eve"), await as_user("admin", "ada")
    deal = await a_deal(kernel, asker)
    with pytest.raises(NobodyCanApprove):
        await ask(kernel, asker, deal, [Step(users=[stranger.id])])
    approval = await ask(kernel, asker, deal, [Step(users=[stranger.id, boss.id])])
    async with kernel.read(SYSTEM) as uow:
        rows = {r.user_id: (r.state, r.skipped) for r in await uow.session.scalars(sa.select(Approver))}
    assert rows == {stranger.id: ("skipped", "no_right"), boss.id: ("waiting", "")}
    with pytest.raises(actions.ApprovalUnknown):
        await say(kernel, stranger, approval)


async def test_an_approver_who_loses_the_right_is_skipped_with_the_reason(kernel: Kernel, as_user: People) -> None:
    asker, owner, boss = await as_user("admin", "ada"), await as_user("sales", "sue"), await as_user("admin", "bob")
    deal = await a_deal(kernel, owner)
    approval = await ask(kernel, asker, deal, [Step(users=[owner.id, boss.id])])
    async with kernel.write(SYSTEM) as uow:
        record = await uow.session.get(Deal, deal.id)
        await records.update(uow, uow.registry.entity("core.deal"), record, {"owner_id": boss.id})
    async with kernel.write(SYSTEM) as uow:
        await jobs.look_at(uow, approval)
    async with kernel.read(SYSTEM) as uow:
        rows = {r.user_id: (r.state, r.skipped) for r in await uow.session.scalars(sa.select(Approver))}
    assert rows[owner.id] == ("skipped", "no_right")
    assert await say(kernel, boss, approval) == "approved"


async def test_a_request_whose_approvers_are_all_gone_ends(kernel: Kernel, as_user: People, jobs: Any) -> None:
    asker, boss, admin = await as_user("sales"), await as_user("admin", "ada"), await as_user("admin", "bob")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[boss.id])])
    await admin.api.patch(f"/users/{boss.id}", {"is_active": False})
    await review(kernel, jobs)
    shown = await admin.api.get(f"/approvals/{approval}")
    assert (shown["state"], shown["note"]) == ("expired", "nobody_left")
    assert shown["steps"][0]["approvers"][0]["skipped"] == "inactive"


async def review(kernel: Kernel, run: Any) -> None:
    from crm_core.features.approvals.schemas import ReviewApprovals

    async with kernel.write(SYSTEM) as uow:
        await uow.enqueue(ReviewApprovals())
    await run()


async def test_a_change_of_what_was_asked_makes_the_request_stale(
    kernel: Kernel, as_user: People, jobs: Any, events: Any
) -> None:
    asker, boss = await as_user("sales"), await as_user("admin", "ada")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[boss.id])], fields=("amount",), purpose="core.deal.test")
    await asker.api.patch(f"/deals/{deal.id}", {"name": "Still the same money"})
    assert not (await boss.api.get(f"/approvals/{approval}"))["is_stale"]
    await asker.api.patch(f"/deals/{deal.id}", {"amount": "90000"})
    shown = await boss.api.get(f"/approvals/{approval}")
    assert shown["is_stale"]
    assert not shown["may_decide"]
    with pytest.raises(ApprovalStale):
        await say(kernel, boss, approval)
    await review(kernel, jobs)
    assert await state(kernel, approval) == "stale"
    assert "core.approval.outdated" in [kind for kind, _payload in await events("core.approval.")]
    again = await ask(kernel, asker, deal, [Step(users=[boss.id])], fields=("amount",), purpose="core.deal.test")
    assert await say(kernel, boss, again) == "approved"
    async with kernel.read(SYSTEM) as uow:
        assert await is_approved(uow, deal, "core.deal.test")
    await asker.api.patch(f"/deals/{deal.id}", {"amount": "90001"})
    async with kernel.read(SYSTEM) as uow:
        assert not await is_approved(uow, deal, "core.deal.test")


async def test_a_hash_of_the_requester_is_compared_with_the_callers(kernel: Kernel, as_user: People) -> None:
    asker, boss = await as_user("sales"), await as_user("admin", "ada")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[boss.id])], purpose="x", payload_hash="aa" * 32)
    await say(kernel, boss, approval)
    async with kernel.read(SYSTEM) as uow:
        assert await is_approved(uow, deal, "x", payload_hash="aa" * 32)
        assert not await is_approved(uow, deal, "x", payload_hash="bb" * 32)


async def test_of_two_who_decide_at_once_one_wins(kernel: Kernel, as_user: People, events: Any) -> None:
    asker, first, second = await as_user("sales"), await as_user("admin", "ada"), await as_user("admin", "bob")
    deal = await a_deal(kernel, asker)
    for _n in range(5):
        approval = await ask(kernel, asker, deal, [Step(users=[first.id, second.id], needed="any")])
        outcome = await asyncio.gather(
            say(kernel, first, approval), say(kernel, second, approval, "reject"), return_exceptions=True
        )
        lost = [o for o in outcome if isinstance(o, ApprovalClosed)]
        won = [o for o in outcome if isinstance(o, str)]
        assert (len(lost), len(won)) == (1, 1), outcome
        assert await state(kernel, approval) == won[0]
    ends = [k for k, _p in await events("core.approval.") if k.rpartition(".")[2] in ("approved", "rejected")]
    assert len(ends) == 5


async def test_two_of_two_at_once_lose_no_voice(kernel: Kernel, as_user: People) -> None:
    asker, first, second = await as_user("sales"), await as_user("admin", "ada"), await as_user("admin", "bob")
    deal = await a_deal(kernel, asker)
    for _n in range(5):
        approval = await ask(kernel, asker, deal, [Step(users=[first.id, second.id])])
        await asyncio.gather(say(kernel, first, approval), say(kernel, second, approval))
        assert await state(kernel, approval) == "approved"


async def test_requests_expire_by_the_clock(kernel: Kernel, as_user: People, jobs: Any) -> None:
    asker, boss = await as_user("sales"), await as_user("admin", "ada")
    deal = await a_deal(kernel, asker)
    soon = utcnow() + timedelta(seconds=0.2)
    approval = await ask(kernel, asker, deal, [Step(users=[boss.id])], expires_at=soon)
    await asyncio.sleep(0.25)
    with pytest.raises(ApprovalClosed):
        await say(kernel, boss, approval)
    await review(kernel, jobs)
    assert await state(kernel, approval) == "expired"
    with pytest.raises(actions.RequestNotValid):
        await ask(kernel, asker, deal, [Step(users=[boss.id])], expires_at=soon)


async def test_a_record_in_the_trash_ends_its_requests(kernel: Kernel, as_user: People, jobs: Any) -> None:
    asker, boss = await as_user("sales"), await as_user("admin", "ada")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[boss.id])])
    await boss.api.delete(f"/deals/{deal.id}")
    await boss.api.get(f"/approvals/{approval}", status=404)
    await review(kernel, jobs)
    assert await state(kernel, approval) == "withdrawn"


async def test_only_the_requester_or_an_administrator_withdraws(kernel: Kernel, as_user: People) -> None:
    asker, other, boss = await as_user("manager"), await as_user("readonly", "eve"), await as_user("admin", "ada")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[boss.id])])
    with pytest.raises(actions.NotYoursToWithdraw):
        async with kernel.write(await load_actor(kernel, other.id)) as uow:
            await withdraw(uow, approval)
    async with kernel.write(await load_actor(kernel, asker.id)) as uow:
        await withdraw(uow, approval)
    with pytest.raises(ApprovalClosed):
        await say(kernel, boss, approval)


async def test_one_purpose_is_asked_once_at_a_time(kernel: Kernel, as_user: People) -> None:
    asker, boss = await as_user("sales"), await as_user("admin", "ada")
    deal = await a_deal(kernel, asker)
    await ask(kernel, asker, deal, [Step(users=[boss.id])], purpose="x")
    with pytest.raises(actions.ApprovalWaiting):
        await ask(kernel, asker, deal, [Step(users=[boss.id])], purpose="x")


async def test_the_list_holds_only_what_its_reader_may_see(kernel: Kernel, as_user: People) -> None:
    asker, boss, stranger = await as_user("sales"), await as_user("admin", "ada"), await as_user("sales", "eve")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[boss.id])], reason="Zq7secret")
    assert [a["id"] for a in (await boss.api.get("/approvals"))["items"]] == [str(approval)]
    assert (await asker.api.get("/approvals"))["items"] == []
    assert len((await asker.api.get("/approvals?which=requested"))["items"]) == 1
    assert (await stranger.api.get(f"/approvals?which=all&about={deal}"))["items"] == []
    await stranger.api.get(f"/approvals/{approval}", status=404)
    await stranger.api.post(f"/approvals/{approval}/decide", {"decision": "approve"}, status=404)
    done = await boss.api.post(f"/approvals/{approval}/decide", {"decision": "reject", "comment": "no"}, status=200)
    assert (done["state"], done["steps"][0]["approvers"][0]["channel"]) == ("rejected", "api")
    await boss.api.post(f"/approvals/{approval}/decide", {"decision": "approve"}, status=409)
    assert len((await boss.api.get("/approvals?which=decided"))["items"]) == 1


async def test_asking_by_api_takes_the_right_to_edit(kernel: Kernel, as_user: People) -> None:
    asker, boss, reader = await as_user("sales"), await as_user("admin", "ada"), await as_user("readonly")
    deal = await a_deal(kernel, asker)
    body = {"about": str(deal), "title": "T", "steps": [{"users": [str(boss.id)]}]}
    await reader.api.post("/approvals", body, status=403)
    made = await asker.api.post("/approvals", body)
    assert made["steps"][0]["approvers"][0]["name"] == "Ada"
    for bad in (
        {**body, "about": "core.deal:x"}, {**body, "about": f"core.nothing:{new_id()}"},
        {**body, "fields": ["no_such"]}, {**body, "expires_at": "2020-01-01T00:00:00Z"},
        {**body, "steps": [{"users": [str(new_id())]}]},
    ):  # fmt: skip
        await asker.api.post("/approvals", bad, status=422)
    for malformed in (
        {**body, "steps": []}, {**body, "state": "approved"}, {**body, "requested_by": str(boss.id)},
        {**body, "steps": [{"users": [str(boss.id)], "needed": 0}]},
    ):  # fmt: skip
        await asker.api.post("/approvals", malformed, status=400)


async def test_who_is_asked_and_who_asked_hear_of_it_in_the_app(kernel: Kernel, as_user: People) -> None:
    asker, boss = await as_user("sales"), await as_user("admin", "ada")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[boss.id])], reason="Zq7secret")
    await say(kernel, boss, approval)
    async with kernel.read(SYSTEM) as uow:
        ours = sa.select(Notification).where(Notification.kind.startswith("core.approval"))
        told = list(await uow.session.scalars(ours.order_by(Notification.id)))
    assert [(n.user_id, n.kind) for n in told] == [
        (boss.id, "core.approval_asked"), (asker.id, "core.approval_closed"),
    ]  # fmt: skip
    assert {n.path for n in told} == {f"/approvals/{approval}"}
    assert "Zq7secret" in told[0].note
    assert "Zq7secret" not in str(told[0].message)


async def test_steps_cannot_be_met_by_the_same_person_twice(kernel: Kernel, as_user: People) -> None:
    asker, boss = await as_user("sales"), await as_user("admin", "ada")
    deal = await a_deal(kernel, asker)
    approval = await ask(kernel, asker, deal, [Step(users=[boss.id, boss.id])])
    async with kernel.read(SYSTEM) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Approver)) == 1
        assert await uow.session.scalar(sa.select(ApprovalStep.state)) == "waiting"
        assert await queries.waiting_count(uow) == 0
    assert await say(kernel, boss, approval) == "approved"
