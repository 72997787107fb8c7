"""What a merge takes along beside foreign keys: custom links, the timeline, followers, favourites, tags, files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People

Hashes = Callable[[Kernel], Awaitable[dict[str, str]]]


async def merged(api: Api, path: str, winner: Any, *losers: Any) -> dict[str, Any]:
    out: dict[str, Any] = await api.post(
        f"/{path}/{winner['id']}/merge", {"losers": [x["id"] for x in losers]}, status=200
    )
    return out


async def told(kernel: Kernel) -> set[tuple[Any, ...]]:
    """Return every reference of an event to a contact."""
    ref = metadata.tables["core_event_ref"]
    async with kernel.read(system("test")) as uow:
        rows = await uow.session.execute(sa.select(ref).where(ref.c.entity == "core.contact"))
        return {tuple(r) for r in rows}


async def test_custom_links_follow_the_winner_and_go_back(api: Api, kernel: Kernel, hashes: Hashes) -> None:
    for name, kind in (("advisor", "link"), ("board", "links")):
        field = {"entity": "core.company", "name": name, "kind": kind, "label": name, "target": "core.contact"}
        await api.post("/custom-fields", field)
    one, two, three = [await api.post("/contacts", {"last_name": n}) for n in ("One", "Two", "Three")]
    lone = await api.post("/companies", {"name": "A", "custom": {"advisor": two["id"]}})
    several = await api.post("/companies", {"name": "B", "custom": {"board": [two["id"], three["id"], one["id"]]}})
    before = await hashes(kernel)
    out = await merged(api, "contacts", one, two)
    assert (await api.get(f"/companies/{lone['id']}"))["custom"] == {"advisor": one["id"]}
    assert (await api.get(f"/companies/{several['id']}"))["custom"] == {"board": [one["id"], three["id"]]}
    wanted = {"filter": f'{{"field":"custom.advisor","op":"is","value":"{one["id"]}"}}'}
    assert [c["id"] for c in (await api.get("/companies", params=wanted))["items"]] == [lone["id"]]
    await api.post("/undo", {"cause": out["cause"]}, status=200)
    now = await hashes(kernel)
    assert {n for n in before if before[n] != now.get(n)} == set()


async def test_custom_link_changed_since_the_merge_is_in_the_way(api: Api) -> None:
    field = {"entity": "core.company", "name": "advisor", "kind": "link", "label": "x", "target": "core.contact"}
    await api.post("/custom-fields", field)
    one, two, three = [await api.post("/contacts", {"last_name": n}) for n in ("One", "Two", "Three")]
    company = await api.post("/companies", {"name": "A", "custom": {"advisor": two["id"]}})
    out = await merged(api, "contacts", one, two)
    await api.patch(f"/companies/{company['id']}", {"custom": {"advisor": three["id"]}})
    problem = await api.post("/undo", {"cause": out["cause"]}, status=409)
    both = {v["field"]: (v["was"], v["now"]) for left in problem["left"] for v in left["values"]}
    assert both["custom.advisor"] == (two["id"], three["id"])
    await api.post("/undo", {"cause": out["cause"], "skip_changed": True}, status=200)
    assert (await api.get(f"/companies/{company['id']}"))["custom"] == {"advisor": three["id"]}


async def test_events_of_the_loser_are_on_the_winner_s_timeline_until_the_undo(as_user: People, kernel: Kernel) -> None:
    admin = await as_user("admin")
    api = admin.api
    one, two = [await api.post("/contacts", {"last_name": n}) for n in ("One", "Two")]
    await api.patch(f"/contacts/{two['id']}", {"job_title": "Countess"})
    both = [{"record": f"core.contact:{x['id']}"} for x in (one, two)]
    await api.post("/activities", {"subject": "Call", "parent": f"core.contact:{two['id']}", "links": both})
    first = await merged(api, "contacts", one, two)  # an event about both
    await api.post("/undo", {"cause": first["cause"]}, status=200)
    before = await told(kernel)
    out = await merged(api, "contacts", one, two)
    page = await admin.client.get(f"/contacts/{one['id']}/timeline", headers={"HX-Request": "true"})
    assert "Countess" in page.text
    loser = {r[2] for r in before if str(r[1]) == two["id"]}
    assert loser <= {r[2] for r in await told(kernel) if str(r[1]) == one["id"]}
    await api.post("/undo", {"cause": out["cause"]}, status=200)
    later = {r for r in await told(kernel) if r[2] in {b[2] for b in before}}
    assert later == before


async def test_followers_favourites_tags_and_files_come_along(as_user: People) -> None:
    admin, other = await as_user("admin"), await as_user("admin", "grace hopper")
    api = admin.api
    one, two = [await api.post("/contacts", {"last_name": n, "tags": [n]}) for n in ("One", "Two")]
    ref = f"core.contact:{two['id']}"
    for what in ("follows", "favourites"):
        await other.api.send("PUT", f"/{what}/{ref}", 200)
    files = {"file": ("note.txt", b"hello", "text/plain")}
    await api.send("POST", "/files/upload", 201, files=files, data={"parent": ref})
    out = await merged(api, "contacts", one, two)
    winner = f"core.contact:{one['id']}"
    assert sorted((await api.get(f"/contacts/{one['id']}"))["tags"]) == ["One", "Two"]
    followed = {x["about"] for x in (await other.api.get("/follows"))["items"]}
    starred = {x["about"] for x in (await other.api.get("/favourites"))["items"]}
    assert (winner in followed, winner in starred) == (True, True)
    assert [f["parent"] for f in (await api.get("/files"))["items"]] == [winner]
    await api.post("/undo", {"cause": out["cause"]}, status=200)
    assert {x["about"] for x in (await other.api.get("/follows"))["items"]} >= {ref}
    assert [f["parent"] for f in (await api.get("/files"))["items"]] == [ref]


@pytest.mark.parametrize("whose", ["winner", "loser"])
async def test_edits_of_the_merged_records_meanwhile_are_kept_or_refused(api: Api, whose: str) -> None:
    kept = 0
    for _round in range(6):
        one, two = [await api.post("/contacts", {"last_name": n}) for n in ("One", "Two")]
        target = {"winner": one, "loser": two}[whose]
        edit = api.client.patch(f"/api/v1/contacts/{target['id']}", json={"job_title": "Countess"}, headers=api.headers)
        merging = api.client.post(
            f"/api/v1/contacts/{one['id']}/merge", json={"losers": [two["id"]]}, headers=api.headers
        )
        edited, done = await asyncio.gather(edit, merging)
        assert done.status_code in (200, 409, 503), done.text
        assert edited.status_code in (200, 301, 404, 409, 503), edited.text
        if edited.status_code == done.status_code == 200:  # nobody's words are lost
            kept += 1
            winner = await api.get(f"/contacts/{one['id']}")
            if winner["job_title"] != "Countess":
                await api.post("/undo", {"cause": done.json()["cause"]}, status=200)
                assert (await api.get(f"/contacts/{target['id']}"))["job_title"] == "Countess"
    assert kept or whose == "loser"


async def test_large_merge_may_hold_the_writer_for_longer_than_one_record(api: Api, kernel: Kernel) -> None:
    one, *others = [await api.post("/contacts", {"last_name": f"N{n}", "tags": [f"t{n}"]}) for n in range(30)]
    kernel.db.testing, kernel.db.write_limit = False, 0.05
    out = await merged(api, "contacts", one, *others)
    await api.post("/undo", {"cause": out["cause"]}, status=200)
