"""Contacts with several companies: kept in step with the main one, past ones, lists, the company's people."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

TODAY = datetime.now(UTC).date()


async def company(api: Any, name: str) -> str:
    return str((await api.post("/companies", {"name": name}))["id"])


def rows(contact: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(r[n] for n in names) for r in contact["companies"]]


async def test_contact_is_made_with_its_company_in_the_list(api: Any) -> None:
    acme = await company(api, "Acme")
    ada = await api.post("/contacts", {"last_name": "Ada", "company_id": acme, "job_title": "Head"})
    assert rows(ada, "company_id", "job_title", "is_primary", "from_on") == [(acme, "Head", True, None)]
    bob = await api.post("/contacts", {"last_name": "Bob", "companies": [{"company_id": acme, "job_title": "Buyer"}]})
    assert (bob["company_id"], bob["job_title"]) == (acme, "Buyer")


async def test_change_of_company_ends_the_former_one_today(api: Any) -> None:
    acme, beta = await company(api, "Acme"), await company(api, "Beta")
    ada = await api.post("/contacts", {"last_name": "Ada", "company_id": acme})
    ada = await api.patch(f"/contacts/{ada['id']}", {"company_id": beta, "job_title": "Chief"})
    assert rows(ada, "company_id", "is_primary", "until_on") == [
        (acme, False, TODAY.isoformat()), (beta, True, None),
    ]  # fmt: skip
    assert ada["companies"][1]["job_title"] == "Chief"
    gamma = await company(api, "Gamma")
    ada = await api.patch(f"/contacts/{ada['id']}", {"company_id": gamma})  # Beta began today: it was a mistake
    assert rows(ada, "company_id", "is_primary") == [(acme, False), (gamma, True)]
    ada = await api.patch(f"/contacts/{ada['id']}", {"company_id": None})
    assert (ada["company_id"], rows(ada, "company_id")) == (None, [(acme,)])


async def test_list_decides_the_main_company_and_a_past_one_is_never_main(api: Any) -> None:
    acme, beta = await company(api, "Acme"), await company(api, "Beta")
    ada = await api.post("/contacts", {"last_name": "Ada", "company_id": acme})
    path = f"/contacts/{ada['id']}"
    line = {"company_id": beta, "is_primary": True, "job_title": "Board"}
    ada = await api.patch(path, {"companies": [*ada["companies"], line]})
    assert (ada["company_id"], ada["job_title"]) == (beta, "Board")
    assert rows(ada, "company_id", "is_primary", "until_on") == [(acme, False, None), (beta, True, None)]
    past = (TODAY - timedelta(days=3)).isoformat()
    lines = [{**r, "until_on": past} if r["company_id"] == beta else r for r in ada["companies"]]
    ada = await api.patch(path, {"companies": lines})
    assert (ada["company_id"], rows(ada, "is_primary")) == (None, [(False,), (False,)])
    ada = await api.patch(path, {"company_id": beta})
    assert rows(ada, "company_id", "is_primary", "until_on") == [
        (acme, False, None), (beta, False, past), (beta, True, None),
    ]  # fmt: skip


async def test_company_named_twice_and_an_end_before_the_beginning_are_refused(api: Any) -> None:
    acme = await company(api, "Acme")
    for lines in (
        [{"company_id": acme}, {"company_id": acme}],
        [{"company_id": acme, "from_on": "2026-02-01", "until_on": "2026-01-01"}],
        [{"company_id": "01890000-0000-7000-8000-000000000000"}],
    ):
        await api.post("/contacts", {"last_name": "Ada", "companies": lines}, status=422)
    assert (await api.get("/contacts", params={"count": "true"}))["count"] == 0


async def test_contacts_are_found_by_all_their_companies_and_the_company_names_past_people(
    api: Any, as_user: Any
) -> None:
    acme, beta = await company(api, "Acme"), await company(api, "Beta")
    ada = await api.post("/contacts", {"last_name": "Ada", "company_id": acme})
    await api.patch(f"/contacts/{ada['id']}", {"company_id": beta})
    await api.post("/contacts", {"last_name": "Bob", "company_id": acme})
    for field, value, names in (
        ("companies.company_id", acme, ["Ada", "Bob"]), ("companies.company.name", "Beta", ["Ada"]),
        ("company_id", acme, ["Bob"]),
    ):  # fmt: skip
        condition = json.dumps({"field": field, "op": "is", "value": value})
        items = (await api.get("/contacts", params={"filter": condition}))["items"]
        assert sorted(c["name"] for c in items) == names
    shown = (await (await as_user("admin")).client.get(f"/company-people?company={acme}")).text
    present, _former, past = shown.partition("Former")
    assert "Bob" in present
    assert "Ada" in past
    assert "Ada" not in present


async def test_undo_of_a_change_of_company_brings_both_back(api: Any, kernel: Any) -> None:
    import sqlalchemy as sa
    from crm_core.auth.actor import system
    from crm_core.entity.event_rows import EventRow

    acme, beta = await company(api, "Acme"), await company(api, "Beta")
    ada = await api.post("/contacts", {"last_name": "Ada", "company_id": acme})
    await api.patch(f"/contacts/{ada['id']}", {"company_id": beta})
    async with kernel.read(system("test")) as uow:
        wanted = sa.select(EventRow.cause).where(EventRow.type == "core.contact.updated")
        cause = await uow.session.scalar(wanted)
    await api.post("/undo", {"cause": str(cause)}, status=200)
    back = await api.get(f"/contacts/{ada['id']}")
    assert (back["company_id"], rows(back, "company_id", "is_primary", "until_on")) == (acme, [(acme, True, None)])
