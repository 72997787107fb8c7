"""Comments name people who may read the record; followers hear of what happens to what they follow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from crm_core.auth.actor import system
from crm_core.auth.people import User
from crm_core.auth.rights import load_actor
from crm_core.entity import records
from crm_core.entity.bulk import bulk_update
from crm_core.features.comments import mentions
from crm_core.features.companies.models import Company
from crm_core.kernel import Kernel
from crm_core.testing.people import People, Somebody
from crm_core.web.display import mentioned

Jobs = Callable[..., Awaitable[Any]]


async def company_of(someone: Somebody, **values: Any) -> str:
    made = await someone.api.post("/companies", {"name": "Harbour Tools", **values})
    return f"core.company:{made['id']}"


def key(about: str) -> str:
    return about.partition(":")[2]


async def heard(someone: Somebody, kind: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await someone.api.get("/notifications", params={"kind": kind}))["items"]
    return found


async def test_mention_is_stored_with_the_id_and_told_once(as_user: People, jobs: Jobs) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    about = await company_of(rep)
    text = f"Look, @[whatever](user:{rep.id}) <script>"
    made = await admin.api.post("/comments", {"parent": about, "body": text})
    assert made["body"] == f"Look, @[Rep](user:{rep.id}) <script>"
    assert made["summary"] == "Look, @Rep <script>"
    await jobs()
    (one,) = await heard(rep)
    assert (one["kind"], one["note"], one["by"]) == ("core.mention", "Look, @Rep <script>", "Admin")
    shown = (await rep.client.get(f"/comments/on?of={about}")).text
    assert f'<a class="mention" href="/users/{rep.id}">@Rep</a> &lt;script&gt;' in shown


async def test_mentioning_somebody_without_the_right_says_so_and_tells_nobody(as_user: People, jobs: Jobs) -> None:
    rep, other = await as_user("sales", "rep"), await as_user("sales", "other")
    about = await company_of(rep)
    body = {"parent": about, "body": f"@[Other](user:{other.id}) our margin is 40 %"}
    problem = await rep.api.post("/comments", body, status=422)
    assert "Other may not read this record" in problem["errors"]["body"] if "errors" in problem else str(problem)
    await jobs()
    assert await heard(other) == []
    unknown = {"parent": about, "body": f"@[Nobody](user:{UUID(int=7)})"}
    assert "no user" in str(await rep.api.post("/comments", unknown, status=422))


async def test_people_offered_are_those_who_may_read_the_record(as_user: People) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    other, boss = await as_user("sales", "other"), await as_user("readonly", "boss")
    about = await company_of(rep)
    offered = await rep.api.get("/mentions", params={"about": about, "q": ""})
    assert {p["id"] for p in offered["items"]} == {str(admin.id), str(boss.id)}
    assert (await rep.api.get("/mentions", params={"about": about, "q": "bo"}))["items"][0]["name"] == "Boss"
    await other.api.get("/mentions", params={"about": about}, status=404)
    page = await rep.client.get("/comments/people", params={"of": about, "q": "Boss"})
    assert page.json()["items"] == [{"value": str(boss.id), "text": "Boss"}]


async def test_typed_names_and_addresses_become_mentions(kernel: Kernel, as_user: People) -> None:
    rep = await as_user("sales", "rep")
    async with kernel.write(system("test")) as uow:
        anna = User(name="Anna Schmidt", email="anna@example.test")
        twins = [User(name="Max Muster", email=f"max{n}@example.test") for n in range(2)]
        uow.session.add_all([anna, *twins, User(name="Anna", email="a@example.test")])
        await uow.session.flush()
        at = mentions.markup("Anna Schmidt", anna.id)
        assert await mentions.from_typed(uow, "Hi @anna schmidt, mail x@rep.test") == f"Hi {at}, mail x@rep.test"
        assert await mentions.from_typed(uow, "@anna@example.test!") == f"{at}!"
        assert await mentions.from_typed(uow, "@Annabel and @ nobody @") == "@Annabel and @ nobody @"
        with pytest.raises(mentions.NotToBeMentioned, match="Several people"):
            await mentions.from_typed(uow, "@Max Muster")
        assert str(twins[1].id) in await mentions.from_typed(uow, "@max1@example.test")
    del rep


def test_mentions_are_shown_escaped_and_only_as_links_to_users() -> None:
    text = '@[<b>](user:018f0000-0000-7000-8000-000000000001) @[x](javascript:1) <i>"'
    html = str(mentioned(text))
    assert '<a class="mention" href="/users/018f0000-0000-7000-8000-000000000001">@&lt;b&gt;</a>' in html
    assert "@[x](javascript:1) &lt;i&gt;&#34;" in html


async def test_comment_is_changed_by_its_writer_only_and_new_names_are_told(as_user: People, jobs: Jobs) -> None:
    rep, boss = await as_user("sales", "rep"), await as_user("readonly", "boss")
    manager = await as_user("manager")
    about = await company_of(rep)
    made = await rep.api.post("/comments", {"parent": about, "body": "First"})
    page = await rep.client.post("/comments/write", data={"of": about, "id": made["id"], "body": "Second @Boss"})
    assert page.status_code in (302, 303)
    await jobs()
    assert [n["kind"] for n in await heard(boss)] == ["core.mention"]
    await rep.api.patch(f"/comments/{made['id']}", {"body": f"Third @[Boss](user:{boss.id})"})
    await jobs()
    assert len(await heard(boss)) == 1
    await boss.api.patch(f"/comments/{made['id']}", {"body": "Not mine"}, status=403)
    await manager.api.patch(f"/comments/{made['id']}", {"body": "Not mine"}, status=404)
    await rep.api.delete(f"/comments/{made['id']}")
    assert "Third" not in (await rep.client.get(f"/comments/panel?of={about}")).text


async def test_comment_takes_files_and_shows_up_on_record_and_timeline(as_user: People) -> None:
    rep = await as_user("sales", "rep")
    about = await company_of(rep)
    upload = {"file": ("offer.txt", b"ten percent", "text/plain")}
    answer = await rep.client.post("/comments/write", data={"of": about, "body": "See the offer"}, files=upload)
    assert answer.status_code in (302, 303)
    panel = (await rep.client.get(f"/comments/panel?of={about}")).text
    assert "See the offer" in panel
    assert "offer.txt" in panel
    assert "See the offer" in (await rep.client.get(f"/companies/{key(about)}")).text
    nobody = await (await as_user("sales", "other")).client.get(f"/comments/panel?of={about}")
    assert nobody.status_code == 404


async def test_refused_comment_comes_back_with_what_was_typed(as_user: People) -> None:
    rep, other = await as_user("sales", "rep"), await as_user("sales", "other")
    about = await company_of(rep)
    answer = await rep.client.post("/comments/write", data={"of": about, "body": "Hello @Other"})
    assert answer.status_code == 422
    assert "may not read this record" in answer.text
    assert "Hello @Other</textarea>" in answer.text
    assert "No comments yet" in (await rep.client.get(f"/comments/panel?of={about}")).text
    assert await heard(other) == []


async def test_followers_hear_of_comments_stages_and_changes_that_matter(as_user: People, jobs: Jobs) -> None:
    admin, boss = await as_user("admin"), await as_user("readonly", "boss")
    about = await company_of(admin)
    await boss.api.send("PUT", f"/follows/{about}", 200)
    await admin.api.patch(f"/companies/{key(about)}", {"phone": "+49 30 1"})
    await jobs()
    assert await heard(boss) == []
    await admin.api.patch(f"/companies/{key(about)}", {"employees": 12})
    await admin.api.post("/comments", {"parent": about, "body": "Good news"})
    await jobs()
    assert [n["kind"] for n in await heard(boss)] == ["core.comment", "core.change"]
    await boss.api.delete(f"/follows/{about}")
    await admin.api.patch(f"/companies/{key(about)}", {"employees": 13})
    await jobs()
    assert len(await heard(boss)) == 2


async def test_owner_follows_by_setting_may_leave_and_hears_of_being_given_a_record(
    as_user: People, jobs: Jobs
) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    about = await company_of(admin)
    await admin.api.patch(f"/companies/{key(about)}", {"owner_id": str(rep.id), "employees": 3})
    await jobs()
    assert [n["kind"] for n in await heard(rep)] == ["core.assigned"]
    await admin.api.patch(f"/companies/{key(about)}", {"employees": 4})
    await jobs()
    assert len(await heard(rep)) == 2
    await rep.api.delete(f"/follows/{about}")
    assert (await rep.api.get(f"/follows/{about}"))["following"] is False
    await admin.api.patch(f"/companies/{key(about)}", {"employees": 5})
    await jobs()
    assert len(await heard(rep)) == 2
    other = await company_of(admin, owner_id=str(rep.id))
    await jobs()
    assert (await heard(rep))[0]["about"] == other
    await rep.api.send("PUT", "/settings/core.following", 200, json={"owned": False})
    await admin.api.patch(f"/companies/{key(other)}", {"employees": 5})
    await jobs()
    assert len(await heard(rep)) == 3


async def test_who_makes_for_others_or_comments_follows_by_itself(as_user: People, jobs: Jobs) -> None:
    admin, rep, boss = await as_user("admin"), await as_user("sales", "rep"), await as_user("admin", "boss")
    about = await company_of(admin, owner_id=str(rep.id))
    await boss.api.post("/comments", {"parent": about, "body": "Hm"})
    state = await rep.api.get(f"/follows/{about}")
    assert {p["name"] for p in state["followers"]} == {"Admin", "Rep", "Boss"}
    await rep.api.patch(f"/companies/{key(about)}", {"employees": 9})
    await jobs()
    assert [n["kind"] for n in await heard(boss)] == ["core.change"]
    assert {n["kind"] for n in await heard(admin)} == {"core.change", "core.comment"}


async def test_follower_who_lost_access_hears_nothing(as_user: People, jobs: Jobs) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    about = await company_of(admin, owner_id=str(rep.id))
    await rep.api.send("PUT", f"/follows/{about}", 200)
    await jobs()
    before = len(await heard(rep))
    await admin.api.patch(f"/companies/{key(about)}", {"owner_id": str(admin.id)})
    await admin.api.post("/comments", {"parent": about, "body": "They are bankrupt"})
    await jobs()
    assert len(await heard(rep)) == before
    await rep.api.get(f"/follows/{about}", status=404)
    assert (await rep.api.get("/follows"))["items"] == []


async def test_bulk_change_asks_for_followers_once(
    kernel: Kernel, as_user: People, jobs: Jobs, count_queries: Any
) -> None:
    rep = await as_user("sales", "rep")
    admin = await as_user("admin")
    for number in range(8):
        await company_of(rep, name=f"Company {number}")
    actor = await load_actor(kernel, admin.id)
    entity = kernel.registry.entity("core.company")
    with count_queries() as seen:
        async with kernel.write(actor) as uow:
            assert await bulk_update(uow, entity, Company.owner_id == rep.id, {"owner_id": admin.id}) == 8
    assert sum("core_follow" in s and "select" in s.lower()[:7] for s in seen) <= 1
    await jobs()
    assert await heard(admin) == []  # given to oneself


async def test_many_records_given_at_once_are_told_in_one_line(kernel: Kernel, as_user: People, jobs: Jobs) -> None:
    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    for number in range(12):
        await company_of(admin, name=f"Company {number}")
    actor = await load_actor(kernel, admin.id)
    entity = kernel.registry.entity("core.company")
    async with kernel.write(actor) as uow:
        await bulk_update(uow, entity, Company.owner_id == admin.id, {"owner_id": rep.id})
    await jobs()
    assert [(n["kind"], n["href"]) for n in await heard(rep, "core.assigned")] == [("core.assigned", "/companies")]
    async with kernel.write(actor) as uow:
        for number in range(12):
            await records.create(uow, entity, {"name": f"New {number}", "owner_id": rep.id})
    await jobs()
    assert len(await heard(rep, "core.assigned")) == 2


async def test_followed_records_are_handed_over_and_given_back(kernel: Kernel, as_user: People) -> None:
    from crm_core.features.followers.handover import FOLLOWS

    admin, rep = await as_user("admin"), await as_user("sales", "rep")
    about = await company_of(admin)
    await admin.api.send("PUT", f"/follows/{about}", 200)
    async with kernel.write(system("test")) as uow:
        (one,) = await FOLLOWS.held(uow, admin.id)
        assert one.title == "Harbour Tools"
        assert await FOLLOWS.move(uow, admin.id, rep.id, [one.key]) == [one.key]
    async with kernel.write(system("test")) as uow:
        assert await FOLLOWS.held(uow, admin.id) == []
        await FOLLOWS.back(uow, admin.id, rep.id, [one.key])
    async with kernel.read(system("test")) as uow:
        assert len(await FOLLOWS.held(uow, admin.id)) == 1


async def test_pages_of_following_work_without_scripts(as_user: People) -> None:
    admin = await as_user("admin")
    about = await company_of(admin)
    assert "Follow no more" in (await admin.client.get(f"/follows/on?of={about}")).text
    await admin.client.post("/follows", data={"of": about, "stop": "1"})
    assert 'aria-pressed="false"' in (await admin.client.get(f"/follows/button?of={about}")).text
    await admin.client.post("/follows", data={"of": about})
    assert "Harbour Tools" in (await admin.client.get("/follows")).text
    assert (await admin.client.get(f"/follows/button?of=core.user:{admin.id}")).status_code == 204
