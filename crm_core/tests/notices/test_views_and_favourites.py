"""Saved views keep a list under a name; favourites keep records at hand."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Team, TeamMember
from crm_core.features.views.handover import VIEWS
from crm_core.features.views.models import SavedView
from crm_core.kernel import Kernel
from crm_core.testing.people import People, Somebody


async def team_of(kernel: Kernel, name: str, *members: Somebody, parent: UUID | None = None) -> UUID:
    async with kernel.write(system("test")) as uow:
        team = Team(name=name, parent_id=parent)
        uow.session.add(team)
        await uow.session.flush()
        for member in members:
            row = sa.insert(TeamMember).values(user_id=member.id, team_id=team.id, is_primary=True)
            await uow.session.execute(row)
        await uow.raise_epoch("people")
        return team.id


async def names(someone: Somebody, entity: str = "core.company") -> list[str]:
    return [v["name"] for v in (await someone.api.get("/views", params={"entity": entity}))["items"]]


def new(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "entity": "core.company", **values}


async def test_views_are_seen_by_those_they_are_shared_with(kernel: Kernel, as_user: People) -> None:
    one, mate, chief = await as_user("sales", "one"), await as_user("sales", "mate"), await as_user("manager", "chief")
    stranger = await as_user("sales", "stranger")
    above = await team_of(kernel, "Above", chief)
    await team_of(kernel, "North", one, mate, parent=above)
    made = [await one.api.post("/views", new("Mine"))]
    made.append(await one.api.post("/views", new("Ours", share="team")))
    await one.api.post("/views", new("All", share="everyone"), status=403)
    made.append(await chief.api.post("/views", new("All", share="everyone")))
    assert await names(one) == ["All", "Mine", "Ours"]
    assert await names(mate) == await names(chief) == ["All", "Ours"]
    assert await names(stranger) == ["All"]
    await stranger.api.get(f"/views/{made[0]['id']}", status=404)
    await mate.api.patch(f"/views/{made[1]['id']}", {"name": "Taken"}, status=403)
    await one.api.delete(f"/views/{made[2]['id']}", status=403)
    assert (await one.api.patch(f"/views/{made[1]['id']}", {"share": "private"}))["share"] == "private"
    assert await names(mate) == ["All"]
    await stranger.api.post("/views", new("No team", share="team"), status=422)
    await one.api.delete(f"/views/{made[0]['id']}")
    assert await names(one) == ["All", "Ours"]


async def test_link_opens_the_list_as_it_was_saved(as_user: People) -> None:
    rep, other = await as_user("sales", "rep"), await as_user("sales", "other")
    await rep.api.post("/companies", {"name": "Berlin Ltd"})
    at = (
        'q=berlin&f.owner_id=me&sort=-name&columns=name&columns=phone&filter={"field":"name","op":"not_empty"}&cursor=x'
    )
    answer = await rep.client.post("/views", data={"of": "core.company", "at": at, "name": "Berlin"})
    (view,) = (await rep.api.get("/views"))["items"]
    assert view["state"]["columns"] == ["name", "phone"]
    assert view["state"]["filter"] == {"field": "name", "op": "not_empty"}
    assert view["missing"] == []
    opened = await rep.client.get(view["href"])
    found = parse_qs(urlsplit(opened.headers["location"]).query)
    assert set(found) == set(parse_qs(urlsplit(answer.headers["location"]).query))
    assert found["q"] == ["berlin"]
    assert found["f.owner_id"] == ["me"]
    assert "cursor" not in found
    assert "Berlin Ltd" in (await rep.client.get(opened.headers["location"])).text
    assert (await other.client.get(view["href"])).status_code == 404


async def test_view_that_names_unknown_fields_says_missing_and_opens_without_them(
    kernel: Kernel, as_user: People
) -> None:
    rep = await as_user("sales", "rep")
    state = {
        "columns": ["name", "custom_size"], "sort": "-gone_sort", "group": "gone_group", "q": "x",
        "filters": {"f.old_flag": ["1"], "f.name": ["x"]},
        "filter": {"any": [{"field": "lost.name", "op": "is", "value": 1}]},
    }  # fmt: skip
    made = await rep.api.post("/views", new("Old", state=state))
    assert set(made["missing"]) == {"custom_size", "gone_sort", "gone_group", "old_flag", "lost"}
    assert made["state"]["columns"] == ["name", "custom_size"]
    shown = await rep.client.get(made["href"])
    assert shown.status_code == 200
    assert "missing: " in shown.text
    assert "custom_size" in shown.text
    opened = await rep.client.get(made["href"] + "?without=1")
    found = parse_qs(urlsplit(opened.headers["location"]).query)
    assert set(found) == {"view", "q", "f.name", "columns"}
    assert (await rep.client.get(opened.headers["location"])).status_code == 200
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(SavedView).values(entity="quotes.quote"))
    (gone,) = (await rep.api.get("/views"))["items"]
    assert gone["missing"] == ["quotes.quote"]
    assert "quotes.quote" in (await rep.client.get(made["href"])).text
    assert (await rep.client.get("/views")).status_code == 200


async def test_list_opens_with_the_view_chosen_and_survives_its_end(as_user: People) -> None:
    rep = await as_user("sales", "rep")
    made = await rep.api.post("/views", new("First", state={"q": "tools"}))
    await rep.client.post(f"/views/{made['id']}", data={"do": "first"})
    answer = await rep.client.get("/companies")
    assert answer.headers["location"] == f"/views/{made['id']}?first=companies"
    assert "q=tools" in (await rep.client.get(answer.headers["location"])).headers["location"]
    assert (await rep.client.get("/companies?view=none")).status_code == 200
    assert (await rep.api.get("/views"))["items"][0]["is_first"] is True
    await rep.api.delete(f"/views/{made['id']}")
    gone = await rep.client.get((await rep.client.get("/companies")).headers["location"])
    assert gone.headers["location"] == "/companies?view=none"
    other = await as_user("sales", "other")
    assert (await other.client.get("/companies")).status_code == 200


async def test_page_renames_shares_takes_over_and_removes(as_user: People) -> None:
    rep = await as_user("sales", "rep")
    made = await rep.api.post("/views", new("Draft"))
    path = f"/views/{made['id']}"
    assert "Draft" in (await rep.client.get("/views/menu?of=core.company&at=q%3Dx")).text
    await rep.client.post(path, data={"do": "save", "name": "Final", "share": "private"})
    await rep.client.post(path, data={"do": "state", "at": "q=paint&sort=name"})
    (view,) = (await rep.api.get("/views"))["items"]
    assert (view["name"], view["state"]) == ("Final", {"q": "paint", "sort": "name"})
    assert (await rep.client.post(path, data={"do": "save", "name": "x", "share": "everyone"})).status_code == 403
    await rep.client.post(path, data={"do": "remove"})
    assert (await rep.api.get("/views"))["items"] == []
    bad = await rep.client.post("/views", data={"of": "core.company", "at": "filter={", "name": "Bad"})
    assert bad.status_code == 422
    assert (await rep.client.post("/views", data={"of": "core.nothing", "name": "Bad"})).status_code == 422


async def test_views_are_handed_over(kernel: Kernel, as_user: People) -> None:
    rep, other = await as_user("sales", "rep"), await as_user("sales", "other")
    made = await rep.api.post("/views", new("Mine"))
    async with kernel.write(system("test")) as uow:
        assert [h.title for h in await VIEWS.held(uow, rep.id)] == ["Mine"]
        await VIEWS.move(uow, rep.id, other.id, [made["id"]])
    assert (await names(rep), await names(other)) == ([], ["Mine"])
    async with kernel.write(system("test")) as uow:
        await VIEWS.back(uow, rep.id, other.id, [made["id"]])
    assert (await names(rep), await names(other)) == (["Mine"], [])


async def test_favourites_are_ones_own_and_only_what_may_be_read(as_user: People) -> None:
    admin, rep, other = await as_user("admin"), await as_user("sales", "rep"), await as_user("sales", "other")
    made = await rep.api.post("/companies", {"name": "Harbour Tools"})
    about = f"core.company:{made['id']}"
    for _time in range(2):
        (one,) = (await rep.api.send("PUT", f"/favourites/{about}", 200))["items"]
    assert (one["title"], one["kind"], one["href"]) == ("Harbour Tools", "Company", f"/companies/{made['id']}")
    await other.api.send("PUT", f"/favourites/{about}", 404)
    assert (await other.api.get("/favourites"))["items"] == []
    assert "Harbour Tools" in (await rep.client.get("/favourites")).text
    assert 'aria-pressed="true"' in (await rep.client.get(f"/favourites/star?of={about}")).text
    await admin.api.patch(f"/companies/{made['id']}", {"owner_id": str(admin.id)})
    assert (await rep.api.get("/favourites"))["items"] == []
    await admin.api.patch(f"/companies/{made['id']}", {"owner_id": str(rep.id)})
    await rep.client.post("/favourites", data={"of": about, "stop": "1"})
    assert (await rep.api.get("/favourites"))["items"] == []
