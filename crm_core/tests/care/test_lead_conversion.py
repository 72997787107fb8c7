"""Converting leads: company, contact and deal are made or linked, the lead stays, and one undo takes it back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People

Hashes = Callable[[Kernel], Awaitable[dict[str, str]]]

LEAD = {
    "name": "Ada Maria Byron", "company_name": "Analytical Engines GmbH", "email": "ada@engines.example",
    "phone": "+49 40 123456", "job_title": "Owner", "country": "DE", "source": "event", "tags": ["fair"],
}  # fmt: skip


async def convert(api: Api, lead: dict[str, Any], **params: Any) -> dict[str, Any]:
    """Convert by API and return the answer."""
    out: dict[str, Any] = await api.post(f"/leads/{lead['id']}/convert", params, status=200)
    return out


async def test_lead_becomes_company_contact_and_deal(api: Api) -> None:
    lead = await api.post("/leads", LEAD)
    out = await convert(api, lead, deal=True)
    assert sorted(out["made"]) == ["company", "contact", "deal"]
    company = await api.get(f"/companies/{out['company_id']}")
    contact = await api.get(f"/contacts/{out['contact_id']}")
    deal = await api.get(f"/deals/{out['deal_id']}")
    assert (company["name"], company["country"]) == ("Analytical Engines GmbH", "DE")
    assert (contact["first_name"], contact["last_name"], contact["job_title"]) == ("Ada Maria", "Byron", "Owner")
    assert [e["address"] for e in contact["emails"]] == ["ada@engines.example"]
    assert contact["tags"] == ["fair"]
    assert (deal["name"], deal["company_id"], deal["contact_id"]) == (
        "Analytical Engines GmbH", out["company_id"], out["contact_id"],
    )  # fmt: skip
    now = await api.get(f"/leads/{lead['id']}")
    assert (now["status"], now["source"]) == ("converted", "event")
    assert [now[n] for n in ("company_id", "contact_id", "deal_id")] == [
        out[n] for n in ("company_id", "contact_id", "deal_id")
    ]
    assert now["converted_at"]


async def test_second_conversion_says_what_the_lead_became(api: Api) -> None:
    lead = await api.post("/leads", LEAD)
    out = await convert(api, lead)
    problem = await api.post(f"/leads/{lead['id']}/convert", {}, status=409)
    assert problem["contact_id"] == out["contact_id"]
    assert len((await api.get("/contacts"))["items"]) == 1


async def test_converted_lead_is_read_only_until_opened_again(api: Api) -> None:
    lead = await api.post("/leads", LEAD)
    out = await convert(api, lead)
    await api.patch(f"/leads/{lead['id']}", {"name": "Other"}, status=409)
    await api.patch(f"/leads/{lead['id']}", {"tags": ["old"]})
    await api.post(f"/leads/{lead['id']}/reopen", {}, status=200)
    now = await api.patch(f"/leads/{lead['id']}", {"name": "Ada Byron"})
    assert now["status"] == "qualified"
    again = await convert(api, lead)
    assert (again["made"], again["contact_id"]) == ([], out["contact_id"])


async def test_what_hangs_on_the_lead_moves_along_and_undo_puts_everything_back(
    api: Api, kernel: Kernel, hashes: Hashes
) -> None:
    lead = await api.post("/leads", LEAD)
    ref = f"core.lead:{lead['id']}"
    await api.post("/activities", {"subject": "Call", "kind": "call", "parent": ref})
    comment = await api.post("/comments", {"body": "Keen", "parent": ref})
    before = await hashes(kernel)
    out = await convert(api, lead, deal=True)
    assert out["moved"] == {"core_activity": 1, "core_comment": 1}
    assert (await api.get(f"/comments/{comment['id']}"))["parent"] == f"core.deal:{out['deal_id']}"
    assert (await api.get(f"/deals/{out['deal_id']}"))["next_activity_at"] is None
    undone = await api.post("/undo", {"cause": out["cause"]}, status=200)
    assert undone["undone"] >= 4
    now = await api.get(f"/leads/{lead['id']}")
    assert (now["status"], now["converted_at"], now["contact_id"], now["deal_id"]) == ("new", None, None, None)
    assert (await api.get(f"/comments/{comment['id']}"))["parent"] == ref
    for path in ("companies", "contacts", "deals"):
        assert (await api.get(f"/{path}"))["items"] == []
    after = await hashes(kernel)
    for table in ("core_lead", "core_activity", "core_comment"):
        assert before[table] == after[table], table


async def test_undo_of_a_conversion_is_refused_when_the_contact_was_changed_since(api: Api) -> None:
    lead = await api.post("/leads", LEAD)
    out = await convert(api, lead)
    await api.patch(f"/contacts/{out['contact_id']}", {"job_title": "Director"})
    problem = await api.post("/undo", {"cause": out["cause"]}, status=409)
    values = [v for left in problem["left"] for v in left["values"]]
    assert any(v["field"] == "job_title" and v["now"] == "Director" for v in values)


async def test_what_is_there_already_is_linked_or_made_anew_as_asked(api: Api) -> None:
    company = await api.post("/companies", {"name": "Analytical Engines"})
    contact = await api.post("/contacts", {"last_name": "Byron", "emails": [{"address": "ADA@engines.example"}]})
    lead = await api.post("/leads", LEAD)
    out = await convert(api, lead)
    assert (out["company_id"], out["contact_id"], out["made"]) == (company["id"], contact["id"], [])
    other = await api.post("/leads", LEAD)
    out = await convert(api, other, link_likely=False)
    assert sorted(out["made"]) == ["company", "contact"]
    third = await api.post("/leads", LEAD)
    out = await convert(api, third, company=False, contact_id=contact["id"])
    assert (out["company_id"], out["contact_id"]) == (None, contact["id"])


async def test_mapping_is_a_setting(api: Api) -> None:
    bad = await api.client.put(
        "/api/v1/settings/core.lead_conversion", json={"mapping": "nonsense"}, headers=api.headers
    )
    assert bad.status_code == 422
    unknown = await api.client.put(
        "/api/v1/settings/core.lead_conversion", json={"mapping": "email = contact.nothing"}, headers=api.headers
    )
    assert unknown.status_code == 422
    mapping = "name = contact.name\njob_title = contact.department\n# a remark\n"
    saved = await api.client.put(
        "/api/v1/settings/core.lead_conversion", json={"mapping": mapping}, headers=api.headers
    )
    assert saved.status_code == 200, saved.text
    out = await convert(api, await api.post("/leads", LEAD))
    contact = await api.get(f"/contacts/{out['contact_id']}")
    assert (contact["department"], contact["job_title"], contact["emails"]) == ("Owner", None, [])
    assert out["company_id"] is None  # nothing is mapped to its name


async def test_many_leads_are_converted_at_once_and_undone_at_once(api: Api) -> None:
    leads = [await api.post("/leads", {"name": f"A B{i}", "email": f"b{i}@example.org"}) for i in range(3)]
    body = {"ids": [x["id"] for x in leads], "action": "convert", "values": {}}
    done = await api.post("/leads/bulk", body, status=200)
    assert [r["status"] for r in done["results"]] == [200, 200, 200]
    again = await api.post("/leads/bulk", body, status=200)
    assert [r["status"] for r in again["results"]] == [409, 409, 409]


async def test_rights_to_make_and_to_see_are_needed(as_user: People) -> None:
    admin, seller = (await as_user()).api, (await as_user("sales")).api
    theirs = await admin.post("/leads", LEAD)
    await seller.post(f"/leads/{theirs['id']}/convert", {}, status=404)
    mine = await seller.post("/leads", LEAD)
    hidden = await admin.post("/contacts", {"last_name": "Hidden"})
    await seller.post(f"/leads/{mine['id']}/convert", {"contact_id": hidden["id"]}, status=404)
    assert (await seller.get(f"/leads/{mine['id']}"))["converted_at"] is None


async def test_page_offers_what_is_there_and_converts(as_user: People) -> None:
    somebody = await as_user()
    company = await somebody.api.post("/companies", {"name": "Analytical Engines"})
    lead = await somebody.api.post("/leads", LEAD)
    page = await somebody.client.get(f"/leads/{lead['id']}/convert")
    assert page.status_code == 200
    assert "Analytical Engines" in page.text
    assert company["id"] in page.text
    form = {"company": company["id"], "contact": "new", "deal": "1", "deal_name": "First engine"}
    answer = await somebody.client.post(f"/leads/{lead['id']}/convert", data=form)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith("/deals/")
    page = await somebody.client.get(f"/leads/{lead['id']}/convert")
    assert "First engine" in page.text
    assert (await somebody.client.post(f"/leads/{lead['id']}/convert", data=form)).status_code == 409


@pytest.mark.parametrize("value", ["nonsense", "00000000-0000-0000-0000-000000000000"])
async def test_page_refuses_what_is_no_record(as_user: People, value: str) -> None:
    somebody = await as_user()
    lead = await somebody.api.post("/leads", LEAD)
    answer = await somebody.client.post(f"/leads/{lead['id']}/convert", data={"company": value})
    assert answer.status_code in (404, 422)
