"""The trash of every entity: who deleted what and when, back again, away for good."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.kernel import Kernel


async def test_trash_lists_who_deleted_what_and_when(api: Any, as_user: Any) -> None:
    admin = await as_user("admin")
    one = await admin.api.post("/companies", {"name": "Acme"})
    await admin.api.delete(f"/companies/{one['id']}")
    params = {"deleted": "true", "fields": "name,deleted_at,deleted_by"}
    (found,) = (await admin.api.get("/companies", params=params))["items"]
    assert (found["name"], found["deleted_by"], bool(found["deleted_at"])) == ("Acme", str(admin.id), True)
    shown = (await admin.client.get("/companies?trash=1")).text
    assert "Deleted by" in shown
    assert "Admin" in shown
    assert "Delete for good" in (await admin.client.get(f"/companies/{one['id']}")).text


async def test_record_is_deleted_for_good_with_the_right_only_and_from_the_trash_only(api: Any, as_user: Any) -> None:
    admin, sales = await as_user("admin"), await as_user("sales")
    one = await sales.api.post("/companies", {"name": "Acme", "domain": "acme.example", "tags": ["Big"]})
    await admin.api.post(f"/companies/{one['id']}/purge", status=404)
    await sales.api.delete(f"/companies/{one['id']}")
    await sales.api.post(f"/companies/{one['id']}/purge", status=403)
    assert (await sales.client.get(f"/companies/{one['id']}/purge")).status_code == 403
    asked = await admin.client.get(f"/companies/{one['id']}/purge")
    assert "cannot be restored" in asked.text
    await admin.api.post(f"/companies/{one['id']}/purge", status=204)
    await admin.api.post(f"/companies/{one['id']}/restore", status=404)
    params = {"deleted": "true"}
    assert (await admin.api.get("/companies", params=params))["items"] == []
    events = (await admin.api.get("/admin/events", params={"limit": "5"}))["items"]
    assert "core.company.purged" in [e["type"] for e in events]


async def test_what_was_said_and_filed_goes_with_its_record_and_comes_back_with_it(api: Any, kernel: Kernel) -> None:
    company = (await api.post("/companies", {"name": "Acme", "domain": "acme.example"}))["id"]
    about = f"core.company:{company}"
    comment = (await api.post("/comments", {"parent": about, "body": "Nice people"}))["id"]
    for parent in (about, f"core.comment:{comment}"):
        form = {"file": ("plan.txt", b"plan", "text/plain")}
        sent = await api.client.post("/api/v1/files/upload", files=form, data={"parent": parent})
        assert sent.status_code == 201, sent.text
    await api.delete(f"/companies/{company}")
    await api.post(f"/companies/{company}/restore", status=200)
    assert [c["id"] for c in (await api.get("/comments"))["items"]] == [comment]
    await api.delete(f"/companies/{company}")
    await api.post(f"/companies/{company}/purge", status=204)
    async with kernel.read(system("test")) as uow:
        for name in ("core_comment", "core_file"):
            assert list(await uow.session.scalars(sa.select(metadata.tables[name].c.id))) == [], name
        for name in ("core_match_key", "core_search", "core_follow"):
            rows = sa.select(metadata.tables[name].c.entity).where(metadata.tables[name].c.record_id == UUID(company))
            assert list(await uow.session.scalars(rows)) == [], name


async def test_record_that_others_need_is_not_deleted_for_good(api: Any) -> None:
    stage = next(s for s in (await api.get("/stages"))["items"] if s["name"] == "Engaging")
    deal = await api.post("/deals", {"name": "Roof", "stage_id": stage["id"]})
    lone = (await api.post("/pipelines", {"name": "Lone"}))["id"]
    await api.delete(f"/pipelines/{lone}")
    await api.post(f"/pipelines/{lone}/purge", status=204)
    await api.delete(f"/deals/{deal['id']}")
    await api.delete(f"/stages/{stage['id']}", status=409)
    await api.post(f"/deals/{deal['id']}/purge", status=204)
    await api.delete(f"/stages/{stage['id']}")
    await api.post(f"/stages/{stage['id']}/purge", status=204)


async def test_restore_of_a_value_that_was_given_away_says_why_not(api: Any) -> None:
    team = (await api.post("/teams", {"name": "North"}))["id"]
    body = {"name": "Jo", "email": "jo@example.test", "teams": [{"team_id": team, "is_primary": True}]}
    first = await api.post("/users", body)
    await api.delete(f"/users/{first['id']}")
    await api.post("/users", body)
    answer = await api.post(f"/users/{first['id']}/restore", status=409)
    assert answer["code"] == "core.value_taken"


async def test_every_entity_has_a_trash(kernel: Kernel, as_user: Any) -> None:
    client = (await as_user("admin")).client
    for entity in kernel.registry.entities.values():
        answer = await client.get(f"/{entity.path}?trash=1")
        assert answer.status_code == 200, (entity.name, answer.text[:500])
