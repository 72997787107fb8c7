"""Merging: everything that refers to the loser refers to the winner, and one undo puts every row back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity import records
from crm_core.features.people.index import differences
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People

Hashes = Callable[[Kernel], Awaitable[dict[str, str]]]


async def pair(api: Api) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two contacts with overlapping values and a deal, an activity, a comment and a share on the second."""
    company = await api.post("/companies", {"name": "Acme"})
    one = await api.post(
        "/contacts",
        {"first_name": "Ada", "last_name": "Byron", "emails": [{"address": "ada@example.org"}], "tags": ["vip"],
         "phones": [{"number": "+49 40 111111"}]},
    )  # fmt: skip
    two = await api.post(
        "/contacts",
        {"first_name": "Ada", "last_name": "Lovelace", "company_id": company["id"], "job_title": "Countess",
         "emails": [{"address": "ADA@example.org"}, {"address": "ada@work.example"}], "tags": ["maths", "vip"],
         "phones": [{"number": "+49 40 222222"}]},
    )  # fmt: skip
    return one, two


async def hang(api: Api, contact: dict[str, Any]) -> dict[str, Any]:
    """Hang a deal, a lead-less activity, a link, a participant and a comment on a contact; return the deal."""
    ref = f"core.contact:{contact['id']}"
    deal = await api.post("/deals", {"name": "Engine", "contact_id": contact["id"]})
    await api.post("/activities", {"subject": "Call", "kind": "call", "parent": ref})
    await api.post(
        "/activities",
        {"subject": "Meeting", "parent": f"core.deal:{deal['id']}", "links": [{"record": ref}],
         "participants": [{"contact_id": contact["id"]}]},
    )  # fmt: skip
    await api.post("/comments", {"body": "Knows Babbage", "parent": ref})
    return deal


async def merged(api: Api, path: str, winner: Any, *losers: Any, **more: Any) -> dict[str, Any]:
    """Merge by API and return the answer."""
    ids = [x["id"] for x in losers]
    out: dict[str, Any] = await api.post(f"/{path}/{winner['id']}/merge", {"losers": ids, **more}, status=200)
    return out


async def test_values_parts_and_references_move_to_the_winner(api: Api, kernel: Kernel) -> None:
    one, two = await pair(api)
    deal = await hang(api, two)
    await merged(api, "contacts", one, two, values={"last_name": two["id"]})
    now = await api.get(f"/contacts/{one['id']}")
    assert (now["name"], now["job_title"]) == ("Ada Lovelace", "Countess")
    assert [e["address"] for e in now["emails"]] == ["ada@example.org", "ada@work.example"]
    assert [p["number"] for p in now["phones"]] == ["+49 40 111111", "+49 40 222222"]
    assert sorted(now["tags"]) == ["maths", "vip"]
    assert (await api.get(f"/deals/{deal['id']}"))["contact_id"] == one["id"]
    about = {"filter": f'{{"field":"parent","op":"is","value":"core.contact:{one["id"]}"}}'}
    assert [a["subject"] for a in (await api.get("/activities", params=about))["items"]] == ["Call"]
    assert len((await api.get("/comments", params=about))["items"]) == 1
    meeting = next(a for a in (await api.get("/activities"))["items"] if a["subject"] == "Meeting")
    full = await api.get(f"/activities/{meeting['id']}")
    assert [x["record"] for x in full["links"]] == [f"core.contact:{one['id']}"]
    assert [x["contact_id"] for x in full["participants"]] == [one["id"]]


async def test_loser_redirects_to_the_winner(as_user: People) -> None:
    somebody = await as_user()
    api = somebody.api
    one, two = await pair(api)
    await merged(api, "contacts", one, two)
    answer = await api.get(f"/contacts/{two['id']}", status=301)
    assert answer == {"merged_into": one["id"]}
    page = await somebody.client.get(f"/contacts/{two['id']}")
    assert (page.status_code, page.headers["location"]) == (303, f"/contacts/{one['id']}")
    trash = await api.get("/contacts?deleted=true")
    assert trash["items"] == []
    await api.post(f"/contacts/{two['id']}/restore", {}, status=404)
    await api.patch(f"/contacts/{two['id']}", {"job_title": "x"}, status=404)


async def test_redirect_tells_nothing_to_those_who_may_not_see_the_winner(as_user: People) -> None:
    api = (await as_user()).api
    one, two = await pair(api)
    await merged(api, "contacts", one, two)
    stranger = await as_user("sales")
    await stranger.api.get(f"/contacts/{two['id']}", status=404)
    assert (await stranger.client.get(f"/contacts/{two['id']}")).status_code == 404


async def test_merge_then_undo_leaves_every_table_as_it_was(api: Api, kernel: Kernel, hashes: Hashes) -> None:
    one, two = await pair(api)
    three = await api.post("/contacts", {"last_name": "King", "tags": ["peer"], "phones": [{"number": "12345678"}]})
    await hang(api, two)
    await hang(api, three)
    before = await hashes(kernel)
    out = await merged(api, "contacts", one, two, three, values={"first_name": two["id"]})
    assert await hashes(kernel) != before
    undone = await api.post("/undo", {"cause": out["cause"]}, status=200)
    assert undone["undone"] > 0
    now = await hashes(kernel)
    assert {n for n in before if before[n] != now.get(n)} == set()
    async with kernel.read(system("test")) as uow:
        assert await differences(uow) == 0


@pytest.mark.parametrize("seed", range(4))
async def test_merge_and_undo_of_random_records_leave_every_table_as_it_was(
    api: Api, kernel: Kernel, hashes: Hashes, seed: int
) -> None:
    pick = random.Random(seed)
    made: dict[str, list[Any]] = {"companies": [], "contacts": [], "leads": [], "deals": []}
    for _number in range(24):
        path = pick.choice(list(made))
        made[path].append(await api.post(f"/{path}", _random(path, made, pick)))
        if pick.random() < 0.4:
            entity = {"companies": "company", "contacts": "contact", "leads": "lead", "deals": "deal"}[path]
            ref = f"core.{entity}:{made[path][-1]['id']}"
            await api.post("/activities", {"subject": "Call", "parent": ref})
            await api.post("/comments", {"body": "x", "parent": ref})
    path = next(p for p in pick.sample(list(made), 4) if len(made[p]) > 2)
    before = await hashes(kernel)
    winner, *losers = pick.sample(made[path], 3)
    out = await merged(api, path, winner, *losers)
    await api.post("/undo", {"cause": out["cause"]}, status=200)
    now = await hashes(kernel)
    assert {n for n in before if before[n] != now.get(n)} == set()


def _random(path: str, made: dict[str, list[Any]], pick: random.Random) -> dict[str, Any]:
    company = pick.choice(made["companies"])["id"] if made["companies"] and pick.random() < 0.6 else None
    contact = pick.choice(made["contacts"])["id"] if made["contacts"] and pick.random() < 0.6 else None
    word, tags = f"w{pick.randint(0, 9)}", pick.sample(["a", "b", "c"], pick.randint(0, 3))
    if path == "companies":
        return {"name": word, "domain": pick.choice((None, f"{word}.example")), "parent_id": company, "tags": tags}
    if path == "contacts":
        emails = [{"address": f"{word}{i}@example.org"} for i in range(pick.randint(0, 3))]
        return {"last_name": word, "company_id": company, "emails": emails, "tags": tags}
    if path == "leads":
        return {"name": word, "email": f"{word}@example.org", "tags": tags, "country": pick.choice((None, "DE"))}
    return {"name": word, "company_id": company, "contact_id": contact, "amount": pick.choice((None, "10.5"))}


async def test_undo_is_refused_with_both_values_when_something_changed_since(api: Api, kernel: Kernel) -> None:
    one, two = await pair(api)
    deal = await hang(api, two)
    other = await api.post("/contacts", {"last_name": "Third"})
    out = await merged(api, "contacts", one, two)
    await api.patch(f"/contacts/{one['id']}", {"job_title": "Queen"})
    await api.patch(f"/deals/{deal['id']}", {"contact_id": other["id"]})
    problem = await api.post("/undo", {"cause": out["cause"]}, status=409)
    both = {v["field"]: (v["was"], v["now"]) for one_left in problem["left"] for v in one_left["values"]}
    assert both["job_title"] == (None, "Queen")
    assert both["contact_id"] == (two["id"], other["id"])
    assert (await api.get(f"/contacts/{two['id']}", status=301))["merged_into"] == one["id"]
    await api.post("/undo", {"cause": out["cause"], "skip_changed": True}, status=200)
    assert (await api.get(f"/contacts/{one['id']}"))["job_title"] == "Queen"
    assert (await api.get(f"/deals/{deal['id']}"))["contact_id"] == other["id"]
    assert [e["address"] for e in (await api.get(f"/contacts/{two['id']}"))["emails"]] == [
        "ADA@example.org", "ada@work.example",
    ]  # fmt: skip


async def test_moved_part_that_was_edited_since_is_in_the_way(api: Api) -> None:
    one, two = await pair(api)
    out = await merged(api, "contacts", one, two)
    now = await api.get(f"/contacts/{one['id']}")
    emails = [dict(e) for e in now["emails"]]
    emails[1]["address"] = "new@work.example"
    await api.patch(f"/contacts/{one['id']}", {"emails": emails})
    problem = await api.post("/undo", {"cause": out["cause"]}, status=409)
    both = [(v["was"], v["now"]) for left in problem["left"] for v in left["values"] if v["field"] == "emails.address"]
    assert both == [("ada@work.example", "new@work.example")]


async def test_undo_works_once(api: Api) -> None:
    one, two = await pair(api)
    out = await merged(api, "contacts", one, two)
    undone = await api.post("/undo", {"cause": out["cause"]}, status=200)
    await api.post("/undo", {"cause": out["cause"]}, status=409)
    await api.post("/undo", {"cause": undone["cause"]}, status=409)  # merging again is what does that
    await merged(api, "contacts", one, two)


async def test_what_cannot_be_merged_is_refused(api: Api) -> None:
    one, two = await pair(api)
    company = await api.post("/companies", {"name": "Globex"})
    gone = await api.post("/contacts", {"last_name": "Gone"})
    await api.delete(f"/contacts/{gone['id']}")
    path = f"/contacts/{one['id']}/merge"
    await api.post(path, {"losers": []}, status=422)
    await api.post(path, {"losers": [one["id"]]}, status=422)
    await api.post(path, {"losers": [company["id"]]}, status=404)
    await api.post(path, {"losers": [gone["id"]]}, status=404)
    await api.post(path, {"losers": [two["id"]], "values": {"nonsense": two["id"]}}, status=422)
    await api.post(path, {"losers": [two["id"]], "values": {"job_title": company["id"]}}, status=422)
    await api.post(path, {"losers": [two["id"]], "versions": {two["id"]: 99}}, status=409)
    await api.post(f"/contacts/{gone['id']}/merge", {"losers": [two["id"]]}, status=404)
    await api.post(path, {"losers": [two["id"], two["id"]]}, status=200)
    await api.post(path, {"losers": [two["id"]]}, status=409)
    await api.post(f"/contacts/{two['id']}/merge", {"losers": [one["id"]]}, status=409)


async def test_chain_of_merges_ends_at_the_last_and_is_undone_from_its_end(
    api: Api, kernel: Kernel, hashes: Hashes
) -> None:
    a, b, c = [await api.post("/companies", {"name": n}) for n in ("A", "B", "C")]
    contact = await api.post("/contacts", {"last_name": "Ada", "company_id": a["id"]})
    before = await hashes(kernel)
    first = await merged(api, "companies", b, a)
    second = await merged(api, "companies", c, b)
    assert (await api.get(f"/companies/{a['id']}", status=301)) == {"merged_into": c["id"]}
    assert (await api.get(f"/contacts/{contact['id']}"))["company_id"] == c["id"]
    problem = await api.post("/undo", {"cause": first["cause"]}, status=409)
    assert "undo that first" in problem["detail"]
    await api.post("/undo", {"cause": first["cause"], "skip_changed": True}, status=404)
    await api.post("/undo", {"cause": second["cause"]}, status=200)
    await api.post("/undo", {"cause": first["cause"]}, status=200)
    assert {n: d for n, d in (await hashes(kernel)).items() if before[n] != d} == {}


@pytest.mark.parametrize("winner", [0, 1, 2])
async def test_companies_of_one_tree_merge_without_a_circle(
    api: Api, kernel: Kernel, hashes: Hashes, winner: int
) -> None:
    top = await api.post("/companies", {"name": "Top"})
    middle = await api.post("/companies", {"name": "Middle", "parent_id": top["id"]})
    bottom = await api.post("/companies", {"name": "Bottom", "parent_id": middle["id"]})
    all_three = [top, middle, bottom]
    for loser in [x for x in all_three if x is not all_three[winner]]:
        before = await hashes(kernel)
        out = await merged(api, "companies", all_three[winner], loser)
        for company in all_three:
            if company is not loser:
                await _demand_no_circle(api, company["id"])
        await api.post("/undo", {"cause": out["cause"]}, status=200)
        assert {n: d for n, d in (await hashes(kernel)).items() if before[n] != d} == {}


async def _demand_no_circle(api: Api, key: str) -> None:
    seen: list[str] = []
    above: str | None = key
    while above is not None:
        assert above not in seen
        seen.append(above)
        above = (await api.get(f"/companies/{above}"))["parent_id"]


async def test_rights_on_both_are_needed(as_user: People) -> None:
    admin, seller = (await as_user()).api, await as_user("sales")
    mine = await seller.api.post("/leads", {"name": "Mine"})
    theirs = await admin.post("/leads", {"name": "Theirs"})
    await seller.api.post(f"/leads/{mine['id']}/merge", {"losers": [theirs["id"]]}, status=404)
    await seller.api.post(f"/leads/{theirs['id']}/merge", {"losers": [mine["id"]]}, status=404)
    out = await admin.post(f"/leads/{theirs['id']}/merge", {"losers": [mine["id"]]}, status=200)
    await seller.api.post("/undo", {"cause": out["cause"]}, status=404)
    await admin.post("/undo", {"cause": out["cause"]}, status=200)
    reader = await as_user("readonly")
    await reader.api.post(f"/leads/{theirs['id']}/merge", {"losers": [mine["id"]]}, status=403)


async def test_two_merges_at_once_do_not_cross(api: Api, kernel: Kernel) -> None:
    for _round in range(4):
        one, two = await api.post("/leads", {"name": "A"}), await api.post("/leads", {"name": "B"})
        sent = [
            api.client.post(f"/api/v1/leads/{w['id']}/merge", json={"losers": [x["id"]]}, headers=api.headers)
            for w, x in ((one, two), (two, one))
        ]
        codes = sorted(a.status_code for a in await asyncio.gather(*sent))
        assert codes in ([200, 404], [200, 409])
        async with kernel.read(system("test")) as uow:
            model = kernel.registry.entity("core.lead").model
            rows = (await uow.session.execute(
                sa.select(model.merged_into).where(model.id.in_([UUID(one["id"]), UUID(two["id"])]))
            )).scalars().all()  # fmt: skip
            assert sorted(r is None for r in rows) == [False, True]


async def test_edits_during_merge_and_undo_are_kept_or_refused(api: Api, kernel: Kernel) -> None:
    one, two = await api.post("/companies", {"name": "A"}), await api.post("/companies", {"name": "B"})
    people = [await api.post("/contacts", {"last_name": f"P{i}", "company_id": two["id"]}) for i in range(6)]

    async def edit(number: int) -> int:
        target = people[number % len(people)]
        body = {"job_title": f"t{number}"}
        answer = await api.client.patch(f"/api/v1/contacts/{target['id']}", json=body, headers=api.headers)
        return answer.status_code

    for _round in range(3):
        merging = api.client.post(
            f"/api/v1/companies/{one['id']}/merge", json={"losers": [two["id"]]}, headers=api.headers
        )
        answer, *codes = await asyncio.gather(merging, *(edit(i) for i in range(6)))
        assert answer.status_code == 200, answer.text
        assert set(codes) <= {200, 409, 503}
        undoing = api.client.post("/api/v1/undo", json={"cause": answer.json()["cause"]}, headers=api.headers)
        answer, *codes = await asyncio.gather(undoing, *(edit(i) for i in range(6, 12)))
        assert answer.status_code == 200, answer.text
        assert set(codes) <= {200, 409, 503}
        links = {(await api.get(f"/contacts/{p['id']}"))["company_id"] for p in people}
        assert links == {two["id"]}


async def test_unmergeable_kinds_have_no_route(api: Api) -> None:
    tag = await api.post("/tags", {"name": "x"})
    await api.post(f"/tags/{tag['id']}/merge", {"losers": []}, status=404)


async def test_merge_by_code_moves_many_rows_in_set_statements(kernel: Kernel) -> None:
    company, contact = kernel.registry.entity("core.company"), kernel.registry.entity("core.contact")
    async with kernel.write(system("test")) as uow:
        one = await records.create(uow, company, {"name": "A"})
        two = await records.create(uow, company, {"name": "B"})
    for start in range(0, 120, 20):
        async with kernel.write(system("test")) as uow:
            for number in range(start, start + 20):
                await records.create(uow, contact, {"last_name": f"P{number}", "company_id": two.id})
    from crm_core.features.merge.public import MergeIn, merge

    async with kernel.write(system("test")) as uow:
        out = await merge(uow, company, one.id, MergeIn([two.id]))
    assert out.moved["core_contact"] == 120


async def test_custom_fields_are_carried_and_put_back(api: Api, kernel: Kernel, hashes: Hashes) -> None:
    field = {"entity": "core.company", "name": "region", "kind": "text", "label": "Region"}
    await api.post("/custom-fields", field)
    one = await api.post("/companies", {"name": "A"})
    two = await api.post("/companies", {"name": "B", "custom": {"region": "North"}})
    before = await hashes(kernel)
    out = await merged(api, "companies", one, two)
    assert (await api.get(f"/companies/{one['id']}"))["custom"] == {"region": "North"}
    wanted = {"filter": '{"field":"custom.region","op":"is","value":"north"}'}
    assert [c["id"] for c in (await api.get("/companies", params=wanted))["items"]] == [one["id"]]
    await api.post("/undo", {"cause": out["cause"]}, status=200)
    assert {n: d for n, d in (await hashes(kernel)).items() if before[n] != d} == {}
