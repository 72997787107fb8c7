"""Possible duplicates: found with reasons when a record is made and by night, only among what the actor may see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.features.duplicates.public import find_duplicates
from crm_core.features.merge.public import Merge
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People

Jobs = Callable[..., Awaitable[Sequence[Any]]]


async def alike(api: Api, path: str, values: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return title and kinds of reasons of what may be the same as a new record."""
    found = await api.post(f"/{path}/duplicates", {"values": values}, status=200)
    return [(c["title"], [r["kind"] for r in c["reasons"]]) for c in found["items"]]


async def test_contact_is_found_by_email_phone_and_name(api: Api) -> None:
    await api.post(
        "/contacts",
        {"first_name": "Anna", "last_name": "Müller", "emails": [{"address": "anna@acme.example"}],
         "phones": [{"number": "+49 40 123456"}]},
    )  # fmt: skip
    assert await alike(api, "contacts", {"last_name": "X", "emails": [{"address": "ANNA@acme.example"}]}) == [
        ("Anna Müller", ["email"])
    ]
    assert await alike(api, "contacts", {"last_name": "X", "phones": [{"number": "+49 (40) 12 34 56"}]}) == [
        ("Anna Müller", ["phone"])
    ]
    assert await alike(api, "contacts", {"first_name": "ANNA", "last_name": "Muller"}) == [("Anna Müller", ["name"])]
    found = await alike(api, "contacts", {"first_name": "Anna", "last_name": "Mueller"})
    assert found == [("Anna Müller", ["similar_name"])]
    assert await alike(api, "contacts", {"first_name": "Otto", "last_name": "Maier"}) == []


async def test_company_is_found_by_domain_and_name_without_its_legal_form(api: Api) -> None:
    await api.post("/companies", {"name": "Alster Logistik AG", "domain": "alster.example"})
    assert await alike(api, "companies", {"name": "Alster Logistik GmbH & Co. KG"}) == [
        ("Alster Logistik AG", ["name"])
    ]
    assert await alike(api, "companies", {"name": "Allster Logistik"}) == [("Alster Logistik AG", ["similar_name"])]
    assert await alike(api, "companies", {"name": "Other", "domain": "https://www.alster.example/"}) == [
        ("Alster Logistik AG", ["domain"])
    ]


async def test_creation_is_refused_or_warned_of_when_asked(api: Api) -> None:
    first = await api.post("/leads", {"name": "Ada Byron", "email": "ada@example.org"})
    body = {"name": "Ada", "email": "ADA@example.org"}
    problem = await api.post("/leads?duplicates=refuse", body, status=409)
    assert problem["code"] == "core.may_be_there"
    assert [d["id"] for d in problem["duplicates"]] == [first["id"]]
    assert problem["duplicates"][0]["reasons"] == [{"kind": "email", "value": "ada@example.org"}]
    assert len((await api.get("/leads"))["items"]) == 1
    answer = await api.client.post("/api/v1/leads?duplicates=warn", json=body, headers=api.headers)
    assert (answer.status_code, answer.headers["possible-duplicates"]) == (201, first["id"])
    await api.post("/leads", body)
    await api.post("/leads?duplicates=nonsense", body, status=422)


async def test_form_shows_the_hint_and_creates_anyway(as_user: People) -> None:
    somebody = await as_user()
    first = await somebody.api.post("/companies", {"name": "Globex"})
    page = await somebody.client.post("/companies/new", data={"name": "Globex GmbH"})
    assert page.status_code == 409
    assert f"/companies/{first['id']}" in page.text
    assert 'value="Globex GmbH"' in page.text
    done = await somebody.client.post("/companies/new", data={"name": "Globex GmbH", "duplicates": "create"})
    assert done.status_code == 303
    assert len((await somebody.api.get("/companies"))["items"]) == 2


async def test_records_out_of_sight_and_in_the_trash_are_not_hinted_at(as_user: People) -> None:
    admin, seller = (await as_user()).api, (await as_user("sales")).api
    await admin.post("/leads", {"name": "Ada Byron", "email": "ada@example.org"})
    gone = await seller.post("/leads", {"name": "Ada Byron", "email": "ada@example.org"})
    await seller.delete(f"/leads/{gone['id']}")
    assert await alike(seller, "leads", {"name": "Ada Byron", "email": "ada@example.org"}) == []
    await seller.post("/leads?duplicates=refuse", {"name": "Ada Byron", "email": "ada@example.org"})


@pytest.mark.parametrize(
    "values",
    [
        {}, {"name": None}, {"name": ""}, {"name": 7}, {"emails": "x"}, {"emails": [1, None, {}]}, {"name": "💥" * 300},
        {"company_id": "nonsense", "name": "Ada"}, {"emails": [{"address": {"a": 1}}]},
        {"first_name": ["a"], "last_name": {"b": 1}},
    ],
)  # fmt: skip
async def test_strange_values_find_nothing_and_break_nothing(api: Api, values: dict[str, Any]) -> None:
    for path in ("contacts", "leads", "companies", "deals"):
        await api.post(f"/{path}/duplicates", {"values": values}, status=200)


async def test_search_by_night_finds_pairs_and_remembers_what_is_none(as_user: People, jobs: Jobs) -> None:
    somebody = await as_user()
    api = somebody.api
    one = await api.post("/companies", {"name": "Globex AG"})
    two = await api.post("/companies", {"name": "Globex GmbH"})
    await api.post("/companies", {"name": "Initech"})
    await api.post("/duplicates/search", {}, status=202)
    await jobs()
    found = (await api.get("/duplicates?entity=core.company"))["items"]
    assert [(p["first"]["title"], p["second"]["title"]) for p in found] == [("Globex AG", "Globex GmbH")]
    page = await somebody.client.get("/duplicates?entity=core.company")
    assert f"/companies/{one['id']}/merge?with={two['id']}" in page.text
    pair = {"entity": "core.company", "first": two["id"], "second": one["id"]}
    await api.post("/duplicates/dismiss", pair, status=204)
    await api.post("/duplicates/dismiss", pair, status=204)
    assert (await api.get("/duplicates?entity=core.company"))["items"] == []
    await api.post("/duplicates/search", {}, status=202)
    await jobs()
    assert (await api.get("/duplicates?entity=core.company"))["items"] == []
    assert (await api.get(f"/companies/{one['id']}/duplicates"))["items"] == []


async def test_merged_and_deleted_pairs_vanish_and_those_out_of_sight_are_not_listed(
    as_user: People, jobs: Jobs
) -> None:
    api, seller = (await as_user()).api, (await as_user("sales")).api
    one, two, three = [await api.post("/leads", {"name": "Ada Byron", "email": "a@b.example"}) for _n in range(3)]
    await api.post("/duplicates/search", {}, status=202)
    await jobs()
    assert len((await api.get("/duplicates?entity=core.lead"))["items"]) == 3
    assert (await seller.get("/duplicates?entity=core.lead"))["items"] == []
    await api.post(f"/leads/{one['id']}/merge", {"losers": [two["id"]]}, status=200)
    assert len((await api.get("/duplicates?entity=core.lead"))["items"]) == 1
    await api.delete(f"/leads/{three['id']}")
    assert (await api.get("/duplicates?entity=core.lead"))["items"] == []


async def test_wrong_pairs_and_kinds_are_refused(as_user: People) -> None:
    api, seller = (await as_user()).api, (await as_user("sales")).api
    one = await api.post("/leads", {"name": "Ada"})
    two = await api.post("/leads", {"name": "Bob"})
    pair = {"entity": "core.lead", "first": one["id"], "second": two["id"]}
    await api.post("/duplicates/dismiss", pair | {"second": one["id"]}, status=422)
    await api.post("/duplicates/dismiss", pair | {"entity": "core.user"}, status=404)
    await seller.post("/duplicates/dismiss", pair, status=404)
    await seller.post("/duplicates/search", {}, status=403)
    await api.get("/duplicates?entity=nonsense", status=404)
    await api.post("/users/duplicates", {"values": {}}, status=405)


async def test_pages_of_merging_show_both_and_merge(as_user: People) -> None:
    somebody = await as_user()
    one = await somebody.api.post("/companies", {"name": "Globex AG", "city": "Bonn"})
    two = await somebody.api.post("/companies", {"name": "Globex GmbH", "industry": "finance", "city": "Köln"})
    page = await somebody.client.get(f"/companies/{one['id']}/merge")
    assert f"/companies/{one['id']}/merge?with={two['id']}" in page.text
    page = await somebody.client.get(f"/companies/{one['id']}/merge?with={two['id']}")
    assert all(text in page.text for text in ("Globex AG", "Globex GmbH", "Bonn", "Köln"))
    form = {"with": two["id"], "winner": two["id"], "pick.city": one["id"], "pick.name": two["id"]}
    done = await somebody.client.post(f"/companies/{one['id']}/merge", data=form)
    assert (done.status_code, done.headers["location"]) == (303, f"/companies/{two['id']}")
    now = await somebody.api.get(f"/companies/{two['id']}")
    assert (now["name"], now["city"], now["industry"]) == ("Globex GmbH", "Bonn", "finance")
    stale = await somebody.client.post(f"/companies/{two['id']}/merge", data={"with": one["id"]})
    assert stale.status_code == 409
    assert (await somebody.client.get(f"/companies/{two['id']}/merge?with=nonsense")).status_code == 422


async def test_several_are_merged_from_the_list_and_undone_at_once(
    api: Api, kernel: Kernel, hashes: Callable[[Kernel], Awaitable[dict[str, str]]]
) -> None:
    made = [await api.post("/companies", {"name": f"Globex {i}", "tags": [f"t{i}"]}) for i in range(4)]
    winner, *others = made
    before = await hashes(kernel)
    body = {"ids": [o["id"] for o in others], "action": "merge_into", "values": {"into": winner["id"]}}
    done = await api.post("/companies/bulk", body, status=200)
    assert [r["status"] for r in done["results"]] == [200, 200, 200]
    assert [c["name"] for c in (await api.get("/companies"))["items"]] == ["Globex 0"]
    now = await api.get(f"/companies/{winner['id']}")
    assert sorted(now["tags"]) == ["t0", "t1", "t2", "t3"]
    async with kernel.read(system("test")) as uow:
        cause = await uow.session.scalar(sa.select(Merge.cause).limit(1))
    await api.post("/undo", {"cause": str(cause)}, status=200)
    after = await hashes(kernel)
    assert {n for n in before if before[n] != after[n]} == set()


async def test_custom_code_asks_for_any_entity(kernel: Kernel, api: Api) -> None:
    await api.post("/deals", {"name": "Analytical engine for Globex"})
    async with kernel.read(system("test")) as uow:
        deal, tag = uow.registry.entity("core.deal"), uow.registry.entity("core.tag")
        assert [c.title for c in await find_duplicates(uow, deal, {"name": "Analytical Engine for Globex Inc"})]
        assert await find_duplicates(uow, tag, {"name": "x"}) == []
