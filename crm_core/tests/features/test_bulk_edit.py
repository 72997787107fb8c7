"""One field of the ticked records of a list is changed by page: owner, tags, any field; refusals are named; undo."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from crm_core.testing.people import Api


async def companies(api: Api, *names: str, **values: Any) -> list[str]:
    return [(await api.post("/companies", {"name": n, **values}))["id"] for n in names]


async def send(client: Any, ids: list[str], **values: Any) -> Any:
    return await client.post("/companies/bulk-edit", data={"id": ids, **values})


async def test_bulk_edit_asks_for_field_and_value_and_can_be_undone(as_user: Any) -> None:
    boss = await as_user("admin")
    ids = await companies(boss.api, "Globex", "Initech", city="Bonn")
    asked = await send(boss.client, ids, what="edit")
    assert '<option value="city">' in asked.text
    assert '<option value="name">' not in asked.text  # the same title for all is never meant
    value = await send(boss.client, ids, field="city")
    assert 'name="city"' in value.text
    assert all(f'name="id" value="{x}"' in value.text for x in ids)
    done = await send(boss.client, ids, field="city", city="Trier", sure="1")
    assert done.headers["location"] == "/companies"
    assert [(await boss.api.get(f"/companies/{x}"))["city"] for x in ids] == ["Trier", "Trier"]
    cookie = re.search(r"crm_toast=([0-9a-f]+)", done.headers["set-cookie"]) or re.search(
        r"=([0-9a-f]{60,})", done.headers["set-cookie"]
    )
    assert cookie
    cause = bytes.fromhex(cookie[1]).decode().partition("\n")[0]
    await boss.api.post("/undo", {"cause": str(UUID(cause))}, status=200)
    assert [(await boss.api.get(f"/companies/{x}"))["city"] for x in ids] == ["Bonn", "Bonn"]


@pytest.mark.parametrize(
    ("mode", "left"), [("add", ["old", "vip"]), ("remove", ["old"]), ("replace", ["vip"])]
)  # fmt: skip
async def test_tags_are_added_taken_away_or_replaced(as_user: Any, mode: str, left: list[str]) -> None:
    boss = await as_user("admin")
    ids = await companies(boss.api, "Globex", tags=["old"] if mode != "remove" else ["old", "vip"])
    assert 'value="add" checked' in (await send(boss.client, ids, what="tag")).text
    await send(boss.client, ids, field="tags", tags=["vip"], mode=mode, sure="1")
    assert sorted((await boss.api.get(f"/companies/{ids[0]}"))["tags"]) == left


async def test_what_cannot_be_changed_is_named_and_the_rest_is_done(as_user: Any) -> None:
    boss, rep = await as_user("admin"), await as_user("sales")
    theirs = await companies(boss.api, "Not hers")
    own = await companies(rep.api, "Hers")
    role = next(r for r in (await boss.api.get("/roles"))["items"] if r["name"] == "Sales")
    await boss.api.patch(
        f"/roles/{role['id']}/rights",
        {"entities": {"core.company": {"read": "all", "edit": "all", "bulk_edit": "own"}}},
    )
    done = await send(rep.client, [*theirs, *own], field="city", city="Trier", sure="1")
    assert "1 records changed, 1 could not be." in done.text
    assert (await boss.api.get(f"/companies/{theirs[0]}"))["city"] is None
    assert (await boss.api.get(f"/companies/{own[0]}"))["city"] == "Trier"


async def test_bad_value_brings_the_page_again_and_changes_nothing(as_user: Any) -> None:
    boss = await as_user("admin")
    ids = await companies(boss.api, "Globex", revenue="1")
    again = await send(boss.client, ids, field="revenue", revenue="much", revenue_currency="EUR", sure="1")
    assert again.status_code == 422
    assert 'aria-invalid="true"' in again.text
    nothing = await send(boss.client, [], what="edit")
    assert nothing.headers["location"] == "/companies"


async def test_ticked_records_are_exported_and_no_others(as_user: Any) -> None:
    boss = await as_user("admin")
    ids = await companies(boss.api, "Globex", "Initech", "Hooli")
    to = await send(boss.client, ids[:2], what="export")
    file = await boss.client.get(to.headers["location"])
    assert file.status_code == 200
    assert "Globex" in file.text
    assert "Hooli" not in file.text


async def test_bar_offers_what_the_rights_allow(as_user: Any) -> None:
    boss, reader = await as_user("admin"), await as_user("readonly")
    await companies(boss.api, "Globex")
    bar = (await boss.client.get("/companies")).text
    assert all(f'name="what" value="{x}"' in bar for x in ("edit", "assign", "tag", "export"))
    assert 'value="edit"' not in (await reader.client.get("/companies")).text
    refused = await send(reader.client, await companies(boss.api, "Initech"), field="city", city="Trier", sure="1")
    assert refused.status_code == 403


async def test_many_records_may_hold_the_writer_for_longer_than_one(as_user: Any, kernel: Any) -> None:
    boss = await as_user("admin")
    ids = await companies(boss.api, *(f"C{n}" for n in range(80)))
    kernel.db.testing, kernel.db.write_limit = False, 0.1  # as outside of tests, and in the time of few records
    done = await send(boss.client, ids, field="city", city="Trier", sure="1")
    assert done.headers["location"] == "/companies"
    bulk = {"action": "update", "ids": ids, "values": {"city": "Ulm"}}
    answer = await boss.api.client.post("/api/v1/companies/bulk", json=bulk, headers=boss.api.headers)
    assert answer.status_code == 200, answer.text
