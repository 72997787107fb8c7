"""What administrators see of jobs, events and plugins, by API and on pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.types import utcnow
from crm_core.features.jobs.schemas import PurgeJobs
from crm_core.jobs.rows import JOBS, job
from crm_core.kernel import Kernel
from crm_core.testing.people import People

PATHS = ("jobs", "events", "plugins")
NOWHERE = "0190a6a0-0000-7000-8000-000000000000"


async def enqueue(kernel: Kernel, count: int = 1, **values: Any) -> list[Any]:
    """Add jobs that are due tomorrow and give their rows other values."""
    async with kernel.write(system("test")) as uow:
        made = [await uow.enqueue(PurgeJobs(), run_at=utcnow() + timedelta(days=1)) for _number in range(count)]
    if values:
        async with kernel.db.write.begin() as connection:
            await connection.execute(sa.update(JOBS).where(job.id.in_(made)).values(**values))
    return made


@pytest.mark.parametrize("part", PATHS)
async def test_administration_is_for_administrators(as_user: People, part: str) -> None:
    for who in (await as_user("sales"), await as_user("manager"), await as_user("readonly")):
        await who.api.get(f"/admin/{part}", status=403)
        assert (await who.client.get(f"/admin/{part}")).status_code == 403
        assert f'href="/admin/{part}"' not in (await who.client.get("/")).text
    admin = await as_user("admin")
    await admin.api.get(f"/admin/{part}")
    assert f'href="/admin/{part}"' in (await admin.client.get("/")).text
    assert (await as_user.browser().get(f"/api/v1/admin/{part}")).status_code == 401


@pytest.mark.parametrize("right", ["core.jobs.manage", "core.events.read", "core.plugins.read"])
async def test_rights_are_granted_to_administrators_at_install(kernel: Kernel, as_user: People, right: str) -> None:
    await as_user("admin")
    async with kernel.read(system("test")) as uow:
        found = await uow.session.execute(
            sa.text(
                "select r.key from core_role_grant g join core_role r on r.id = g.role_id where g.name = :name"
            ), {"name": right},
        )  # fmt: skip
        keys = [row[0] for row in found]
    assert keys == ["admin"]


async def test_jobs_are_listed_filtered_and_paged(kernel: Kernel, api: Any) -> None:
    waiting = await enqueue(kernel, 3)
    [dead] = await enqueue(kernel, state="dead", error="Traceback\nValueError: no\n", attempts=8, lane="mail")
    found = await api.get("/admin/jobs")
    assert [i["id"] for i in found["items"]] == [str(i) for i in [dead, *waiting[::-1]]]
    assert (found["items"][0]["error"], found["items"][0]["state"]) == ("ValueError: no", "dead")
    assert [i["id"] for i in (await api.get("/admin/jobs", params={"state": "dead"}))["items"]] == [str(dead)]
    assert [i["id"] for i in (await api.get("/admin/jobs", params={"lane": "mail"}))["items"]] == [str(dead)]
    assert len((await api.get("/admin/jobs", params={"kind": "core.purge_jobs"}))["items"]) == 4
    first = await api.get("/admin/jobs", params={"limit": "3"})
    second = await api.get("/admin/jobs", params={"limit": "3", "cursor": first["next"]})
    assert [i["id"] for i in second["items"]] == [str(waiting[0])]
    assert second["next"] is None
    await api.get("/admin/jobs", params={"state": "odd"}, status=422)
    await api.get("/admin/jobs", params={"cursor": "odd"}, status=422)
    assert (await api.get(f"/admin/jobs/{dead}"))["error"].startswith("Traceback")
    await api.get(f"/admin/jobs/{NOWHERE}", status=404)


async def test_dead_job_is_tried_again_and_succeeds(
    kernel: Kernel, api: Any, jobs: Callable[..., Awaitable[Any]], events: Any
) -> None:
    [dead] = await enqueue(kernel, state="dead", attempts=8)
    again = await api.post(f"/admin/jobs/{dead}/retry", status=200)
    assert (again["state"], again["attempts"]) == ("pending", 0)
    await jobs()
    assert (await api.get(f"/admin/jobs/{dead}"))["state"] == "done"
    await api.post(f"/admin/jobs/{dead}/retry", status=409)
    assert [kind for kind, _payload in await events("core.job.")] == ["core.job.retried"]


async def test_job_is_cancelled_then_deleted(kernel: Kernel, api: Any, events: Any) -> None:
    [waiting] = await enqueue(kernel)
    await api.delete(f"/admin/jobs/{waiting}", status=409)
    cancelled = await api.post(f"/admin/jobs/{waiting}/cancel", status=200)
    assert (cancelled["state"], cancelled["finished_at"][-1]) == ("cancelled", "Z"), cancelled["finished_at"]
    await api.post(f"/admin/jobs/{waiting}/cancel", status=409)
    await api.delete(f"/admin/jobs/{waiting}")
    await api.get(f"/admin/jobs/{waiting}", status=404)
    assert [kind for kind, _payload in await events("core.job.")] == ["core.job.cancelled", "core.job.deleted"]


async def test_job_of_an_absent_plugin_is_shown_as_parked_with_its_name(kernel: Kernel, as_user: People) -> None:
    [absent] = await enqueue(kernel, kind="gone.render_pdf")
    [waiting] = await enqueue(kernel)
    admin = await as_user("admin")
    parked = (await admin.api.get("/admin/jobs", params={"state": "parked"}))["items"]
    assert [(i["id"], i["state"], i["missing"]) for i in parked] == [(str(absent), "parked", "gone")]
    pending = (await admin.api.get("/admin/jobs", params={"state": "pending"}))["items"]
    assert [i["id"] for i in pending] == [str(waiting)]
    assert "Waits for the plugin gone." in (await admin.client.get("/admin/jobs")).text
    assert "which is not loaded here" in (await admin.client.get(f"/admin/jobs/{absent}")).text


async def test_running_job_shows_its_progress_and_asks_again(kernel: Kernel, as_user: People) -> None:
    [running] = await enqueue(kernel, state="running", progress=3, total=10, note="<b>third</b>")
    client = (await as_user("admin")).client
    for path in ("/admin/jobs", f"/admin/jobs/{running}"):
        text = (await client.get(path)).text
        assert '<progress class="progress" value="3" max="10"' in text
        assert 'hx-trigger="load delay:2s"' in text
        assert "&lt;b&gt;third" in text
    part = await client.get(f"/admin/jobs/{running}", headers={"hx-request": "true", "hx-target": "job"})
    assert "<html" not in part.text
    assert "3 of 10" in part.text


async def test_job_page_acts_by_form(kernel: Kernel, as_user: People) -> None:
    [dead] = await enqueue(kernel, state="dead", error="Traceback <here>")
    client = (await as_user("admin")).client
    text = (await client.get(f"/admin/jobs/{dead}")).text
    assert "Traceback &lt;here&gt;" in text
    assert 'hx-trigger="load delay' not in text
    for action, state in (("retry", "pending"), ("cancel", "cancelled")):
        assert (await client.post(f"/admin/jobs/{dead}/{action}")).status_code == 303
        async with kernel.db.read.connect() as connection:
            assert await connection.scalar(sa.select(job.state).where(job.id == dead)) == state
    assert (await client.post(f"/admin/jobs/{dead}/delete")).headers["location"] == "/admin/jobs"
    assert "No jobs" in (await client.get("/admin/jobs")).text
    assert "No job matches" in (await client.get("/admin/jobs?state=dead")).text


async def test_events_are_found_by_type_record_actor_and_cause(as_user: People) -> None:
    admin, other = await as_user("admin"), await as_user("manager")
    company = await admin.api.post("/companies", {"name": "Acme"})
    await other.api.post("/companies", {"name": "Other"})
    await admin.api.patch(f"/companies/{company['id']}", {"name": "Acme & Co"})

    async def find(**given: str) -> list[Any]:
        return [
            i for i in (await admin.api.get("/admin/events", params=given))["items"] if i["entity"] == "core.company"
        ]

    assert [e["type"].rpartition(".")[2] for e in await find(record=f"core.company:{company['id']}")] == [
        "updated", "created",
    ]  # fmt: skip
    assert len(await find(type="core.company.created")) == 2
    assert len(await find(type="core.company.")) == 3
    assert len(await find(type="core.compan")) == 0
    mine = await find(actor=f"token:{other.id}")
    assert len(mine) == 1
    assert {e["id"] for e in await find(cause=mine[0]["cause"])} == {mine[0]["id"]}
    [changed] = await find(type="core.company.updated")
    detail = await admin.api.get(f"/admin/events/{changed['id']}")
    assert detail["payload"]["after"]["name"] == "Acme & Co"
    assert detail["about"] == [f"core.company:{company['id']}"]
    for wrong in ({"record": "x"}, {"cause": "x"}, {"days": "x"}):
        await admin.api.get("/admin/events", params=wrong, status=422)
    text = (await admin.client.get(f"/admin/events/{changed['id']}")).text
    assert "Acme &amp; Co" in text
    assert "Acme &amp; Co" in (await admin.client.get("/admin/events")).text
    assert "No event matches" in (await admin.client.get("/admin/events?type=nothing")).text


async def test_event_hides_fields_that_a_role_bars(kernel: Kernel, as_user: People) -> None:
    from crm_core.auth.actor import Actor, ActorKind, Rights
    from crm_core.features.event_log.queries import event_of, events_wanted, wanted

    admin = await as_user("admin")
    await admin.api.post("/companies", {"name": "Acme", "city": "Berlin"})
    barred = Actor(ActorKind.user, rights=Rights(hidden=frozenset({"core.company.city"})))
    async with kernel.read(barred) as uow:
        [event] = (await events_wanted(uow, wanted({"type": "core.company.created"}))).items
        payload = (await event_of(uow, event.id)).payload or {}
    assert payload["after"]["name"] == "Acme"
    assert "city" not in payload["after"]


async def test_events_look_back_as_far_as_asked(kernel: Kernel, api: Any) -> None:
    await api.post("/companies", {"name": "Acme"})
    old = "00000000-0000-7000-8000-000000000000"
    async with kernel.db.write.begin() as connection:
        statement = (
            "insert into core_event (id, at, type, v, actor, cause) "
            "select :id, at, 'core.old.thing', 1, actor, cause from core_event limit 1"
        )
        key = bytes.fromhex(old.replace("-", "")) if kernel.db.dialect == "sqlite" else old
        await connection.execute(sa.text(statement), {"id": key})
    for days, found in (("0", [old]), ("30", [])):
        events = await api.get("/admin/events", params={"days": days, "type": "core.old.thing"})
        assert [e["id"] for e in events["items"]] == found


async def test_plugins_are_listed_with_version_state_and_hooks(as_user: People) -> None:
    admin = await as_user("admin")
    items = {i["name"]: i for i in (await admin.api.get("/admin/plugins"))["items"]}
    assert items["jobs"]["state"] == "loaded"
    assert "crm_jobs" in items["jobs"]["hooks"]
    assert items["jobs"]["version"]
    text = (await admin.client.get("/admin/plugins")).text
    assert "crm_schedules" in text


async def test_reason_of_a_plugin_that_is_not_loaded_is_shown(kernel: Kernel, as_user: People) -> None:
    from dataclasses import replace

    from crm_core.plugin.registry import PluginInfo

    failed = PluginInfo("broken", "crm_broken", version="1.0", state="failed", reason="ImportError: no <thing>")
    # Both: the one with custom fields is made of the declared one whenever a definition changes.
    for name in ("declared", "registry"):
        registry = getattr(kernel, name)
        setattr(kernel, name, replace(registry, plugins=(*registry.plugins, failed)))
    admin = await as_user("admin")
    items = {i["name"]: i for i in (await admin.api.get("/admin/plugins"))["items"]}
    assert items["broken"]["reason"] == "ImportError: no <thing>"
    assert "broken: ImportError: no &lt;thing&gt;" in (await admin.client.get("/admin/plugins")).text
