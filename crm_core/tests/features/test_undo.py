"""Undo by cause: edits, deletions, bulk actions and imports are put back, and nothing that changed since is lost."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity.event_rows import EventRow
from crm_core.kernel import Kernel
from crm_core.testing.people import Api


async def cause(kernel: Kernel, kind: str = "") -> str:
    """Return the cause of the newest event of a kind."""
    async with kernel.read(system("test")) as uow:
        newest = sa.select(EventRow.cause).order_by(EventRow.id.desc()).limit(1)
        found = await uow.session.scalar(newest.where(EventRow.type == kind) if kind else newest)
        return str(found)


async def test_edit_is_undone_with_its_lines_tags_and_links(api: Api, kernel: Kernel) -> None:
    company = await api.post("/companies", {"name": "Globex"})
    made = await api.post(
        "/contacts",
        {
            "first_name": "Grace", "last_name": "Hopper", "tags": ["vip"], "job_title": "Captain",
            "emails": [{"address": "g@example.com"}, {"address": "h@example.com"}],
        },
    )  # fmt: skip
    emails = made["emails"]
    await api.patch(
        f"/contacts/{made['id']}",
        {
            "last_name": "Murray", "job_title": None, "company_id": company["id"], "tags": ["navy"],
            "emails": [{"id": emails[0]["id"], "address": "other@example.com"}, {"address": "new@example.com"}],
        },
    )  # fmt: skip
    out = await api.post("/undo", {"cause": await cause(kernel, "core.contact.updated")}, status=200)
    assert out["undone"] == 1
    now = await api.get(f"/contacts/{made['id']}")
    assert (now["last_name"], now["job_title"], now["company_id"], now["tags"]) == ("Hopper", "Captain", None, ["vip"])
    assert sorted(e["address"] for e in now["emails"]) == ["g@example.com", "h@example.com"]
    again = await api.post("/undo", {"cause": out["cause"]}, status=200)  # undoing the undo
    assert again["undone"] == 1
    now = await api.get(f"/contacts/{made['id']}")
    assert (now["last_name"], now["company_id"], now["tags"]) == ("Murray", company["id"], ["navy"])


async def test_moved_deal_goes_back_with_the_days_its_stage_set(api: Api, kernel: Kernel) -> None:
    deal = await api.post("/deals", {"name": "Globex", "amount": "500"})
    stages = {s["name"]: s["id"] for s in (await api.get("/stages?limit=50"))["items"]}
    await api.patch(f"/deals/{deal['id']}", {"stage_id": stages["Won"]})
    won = await api.get(f"/deals/{deal['id']}")
    assert won["closed_on"]
    await api.post("/undo", {"cause": await cause(kernel, "core.deal.updated")}, status=200)
    now = await api.get(f"/deals/{deal['id']}")
    assert (now["stage_id"], now["closed_on"]) == (deal["stage_id"], deal["closed_on"])


async def test_deletion_comes_back_from_the_trash(api: Api, kernel: Kernel) -> None:
    made = await api.post("/companies", {"name": "Globex"})
    await api.delete(f"/companies/{made['id']}")
    gone = await cause(kernel, "core.company.deleted")
    assert (await api.get(f"/undo/{gone}")) == {"undone": 1}
    assert (await api.post("/undo", {"cause": gone}, status=200))["undone"] == 1
    assert (await api.get(f"/companies/{made['id']}"))["name"] == "Globex"
    problem = await api.post("/undo", {"cause": gone}, status=409)
    assert "restored since" in problem["detail"]


async def test_undo_refuses_what_has_been_changed_since_and_says_what(api: Api, kernel: Kernel) -> None:
    one = await api.post("/companies", {"name": "Globex", "city": "Bonn"})
    two = await api.post("/companies", {"name": "Initech", "city": "Bonn"})
    both = {"ids": [one["id"], two["id"]], "action": "update", "values": {"city": "Köln", "industry": "finance"}}
    await api.post("/companies/bulk", both, status=200)
    bulk = await cause(kernel, "core.company.updated")
    await api.patch(f"/companies/{one['id']}", {"city": "Mainz", "description": "x"})
    problem = await api.post("/undo", {"cause": bulk}, status=409)
    assert problem["code"] == "core.changed_since"
    assert "Globex: Changed since: City." in problem["detail"]
    assert (await api.get(f"/companies/{two['id']}"))["city"] == "Köln"
    out = await api.post("/undo", {"cause": bulk, "skip_changed": True}, status=200)
    assert (out["undone"], [x["id"] for x in out["left"]]) == (1, [one["id"]])
    assert (await api.get(f"/companies/{two['id']}"))["city"] == "Bonn"
    assert (await api.get(f"/companies/{one['id']}"))["city"] == "Mainz"


async def test_change_of_other_fields_since_is_kept(api: Api, kernel: Kernel) -> None:
    made = await api.post("/companies", {"name": "Globex", "city": "Bonn"})
    await api.patch(f"/companies/{made['id']}", {"city": "Köln"})
    edit = await cause(kernel, "core.company.updated")
    await api.patch(f"/companies/{made['id']}", {"description": "kept"})
    await api.post("/undo", {"cause": edit}, status=200)
    now = await api.get(f"/companies/{made['id']}")
    assert (now["city"], now["description"]) == ("Bonn", "kept")
    assert "undone already" in (await api.post("/undo", {"cause": edit}, status=409))["detail"]


async def test_undo_needs_the_right_on_each_record(as_user: Any, kernel: Kernel) -> None:
    admin, sales, reader = await as_user("admin"), await as_user("sales"), await as_user("readonly")
    made = await admin.api.post("/companies", {"name": "Globex", "city": "Bonn"})
    await admin.api.patch(f"/companies/{made['id']}", {"city": "Köln"})
    edit = {"cause": await cause(kernel, "core.company.updated")}
    await sales.api.post("/undo", edit, status=404)  # not even there for them
    await reader.api.post("/undo", edit, status=403)
    assert (await admin.api.get(f"/companies/{made['id']}"))["city"] == "Köln"
    await admin.api.post("/undo", {"cause": made["id"]}, status=404)


async def test_import_is_undone_whole(api: Api, kernel: Kernel, as_user: Any, jobs: Any) -> None:
    old = await api.post("/companies", {"name": "Globex", "city": "Bonn"})
    lines = "".join(f"Company {n},Köln\n" for n in range(70))
    body = f"name,city\nGlobex,Mainz\n{lines}".encode()
    begun = await api.post(
        "/imports?entity=core.company&map=name%3Dname&map=city%3Dcity&match=name", content=body, status=202
    )
    await jobs()
    report = (await api.get(f"/imports/{begun['id']}"))["report"]
    assert (report["created"], report["updated"]) == (70, 1)
    client = (await as_user("admin")).client
    asked = await client.get(f"/undo/{report['cause']}")
    assert "71 records are put back" in asked.text
    out = await api.post("/undo", {"cause": report["cause"]}, status=200)
    assert out["undone"] == 0
    assert UUID(out["job"])
    await jobs()
    found = await api.get("/companies?limit=200")
    assert [(c["name"], c["city"]) for c in found["items"]] == [("Globex", "Bonn")]
    assert (await api.get(f"/companies/{old['id']}"))["city"] == "Bonn"


MANY = 300


async def many_companies(api: Api, jobs: Any) -> list[str]:
    """Return the ids of 300 imported companies in Bonn, by name."""
    lines = "".join(f"Company {n:03},Bonn\n" for n in range(MANY))
    path = "/imports?entity=core.company&map=name%3Dname&map=city%3Dcity&match=name"
    await api.post(path, content=f"name,city\n{lines}".encode(), status=202)
    await jobs()
    items: list[Any] = []
    cursor = ""
    while cursor is not None:
        found = await api.get("/companies", params={"limit": 100, "sort": "name", "cursor": cursor} if cursor else
                              {"limit": 100, "sort": "name"})  # fmt: skip
        items, cursor = items + found["items"], found["next"]
    assert len(items) == MANY
    return [c["id"] for c in items]


async def cities(kernel: Kernel) -> dict[str, int]:
    """Return how many companies are in each city."""
    async with kernel.read(system("test")) as uow:
        table = uow.registry.entity("core.company").model.__table__
        rows = await uow.session.execute(sa.select(table.c.city, sa.func.count()).group_by(table.c.city))
        return dict([tuple(r) for r in rows])


@pytest.mark.parametrize("way", ["bulk edit", "import"])
async def test_undo_of_300_records_looks_at_all_of_them_first(
    api: Api, kernel: Kernel, as_user: Any, jobs: Any, way: str
) -> None:
    ids = await many_companies(api, jobs)
    if way == "import":
        lines = "".join(f"Company {n:03},Mainz\n" for n in range(MANY))
        path = "/imports?entity=core.company&map=name%3Dname&map=city%3Dcity&match=name&mode=update"
        begun = await api.post(path, content=f"name,city\n{lines}".encode(), status=202)
        await jobs()
        report = (await api.get(f"/imports/{begun['id']}"))["report"]
        assert (report["created"], report["updated"]) == (0, MANY)
        bulk = report["cause"]
    else:
        await api.post("/companies/bulk", {"ids": ids, "action": "update", "values": {"city": "Mainz"}}, status=200)
        bulk = await cause(kernel, "core.company.updated")
    assert await cities(kernel) == {"Mainz": MANY}
    other = (await as_user("admin", "somebody")).api
    first, last, aside = ids[0], ids[-1], ids[MANY // 2]
    await other.patch(f"/companies/{first}", {"city": "Trier"})
    await other.patch(f"/companies/{last}", {"city": "Speyer"})
    await other.patch(f"/companies/{aside}", {"description": "kept"})
    problem = await api.post("/undo", {"cause": bulk}, status=409)
    assert problem["code"] == "core.changed_since"
    both = {x["id"]: [(v["field"], v["was"], v["now"]) for v in x["values"]] for x in problem["left"]}
    assert both == {first: [("city", "Bonn", "Trier")], last: [("city", "Bonn", "Speyer")]}
    await jobs()
    assert await cities(kernel) == {"Mainz": MANY - 2, "Trier": 1, "Speyer": 1}
    asked = await api.get(f"/undo/{bulk}")
    assert (asked["undone"], len(asked["left"])) == (MANY - 2, 2)
    await api.post("/undo", {"cause": bulk, "skip_changed": True}, status=200)
    await jobs()
    assert await cities(kernel) == {"Bonn": MANY - 2, "Trier": 1, "Speyer": 1}
    assert (await api.get(f"/companies/{aside}"))["description"] == "kept"


async def test_undo_of_300_records_that_nobody_changed_since_is_whole(api: Api, kernel: Kernel, jobs: Any) -> None:
    await many_companies(api, jobs)
    lines = "".join(f"Company {n:03},Mainz\n" for n in range(MANY))
    path = "/imports?entity=core.company&map=name%3Dname&map=city%3Dcity&match=name&mode=update"
    begun = await api.post(path, content=f"name,city\n{lines}".encode(), status=202)
    await jobs()
    report = (await api.get(f"/imports/{begun['id']}"))["report"]
    assert await cities(kernel) == {"Mainz": MANY}
    await api.post("/undo", {"cause": report["cause"]}, status=200)
    await jobs()
    assert await cities(kernel) == {"Bonn": MANY}


async def test_toast_after_deletion_edit_and_bulk_offers_undo(as_user: Any) -> None:
    somebody = await as_user("admin")
    client, api = somebody.client, somebody.api
    made = await api.post("/companies", {"name": "Globex", "city": "Bonn"})
    path = f"/companies/{made['id']}"

    async def undo(page: str) -> Any:
        button = re.search(r'action="(/undo/[0-9a-f-]{36})"', page)
        assert button, "no undo button"
        return await client.post(button[1])

    await client.post(f"{path}/delete")
    answer = await undo((await client.get("/companies")).text)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    await client.post(f"{path}/edit", data={"name": "Initech", "city": "Bonn"})
    page = (await client.get(path)).text
    assert "Saved." in page
    await undo(page)
    assert (await api.get(path))["name"] == "Globex"
    for _twice in range(2):
        await client.post(f"{path}/edit", data={"name": "Globex", "city": "Bonn"})
        await client.get(path)  # the toast is said once
    await client.post(f"{path}/edit", data={"name": "Globex", "city": "Bonn"})
    assert "/undo/" not in (await client.get(path)).text, "nothing changed, nothing to undo"
    await client.post("/companies/bulk", data={"action": "delete", "sure": "1", "id": [made["id"]]})
    await undo((await client.get("/companies")).text)
    assert (await api.get(path))["name"] == "Globex"


async def test_undo_page_says_what_is_in_the_way(as_user: Any, kernel: Kernel) -> None:
    somebody = await as_user("admin")
    made = await somebody.api.post("/companies", {"name": "Globex", "city": "Bonn"})
    await somebody.api.patch(f"/companies/{made['id']}", {"city": "Köln"})
    edit = await cause(kernel, "core.company.updated")
    await somebody.api.patch(f"/companies/{made['id']}", {"city": "Mainz"})
    answer = await somebody.client.post(f"/undo/{edit}")
    assert answer.status_code == 409
    assert "Changed since: City." in answer.text
    assert (await somebody.api.get(f"/companies/{made['id']}"))["city"] == "Mainz"
    assert (await somebody.client.get(f"/undo/{made['id']}")).status_code == 404


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_created_record_goes_to_the_trash(api: Api, kernel: Kernel) -> None:
    made = await api.post("/companies", {"name": "Globex"})
    await api.post("/undo", {"cause": await cause(kernel, "core.company.created")}, status=200)
    await api.get(f"/companies/{made['id']}", status=404)
