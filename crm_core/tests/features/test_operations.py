"""What whoever runs the CRM watches: doctor, metrics, and what is deleted when it has been kept long enough."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from crm_core.auth.actor import system
from crm_core.cli import crm
from crm_core.db.types import new_id
from crm_core.errors import Invalid
from crm_core.features.companies.models import Company
from crm_core.features.operations import queries
from crm_core.features.operations.schemas import ApplyRetention
from crm_core.features.operations.settings import RetentionSettings
from crm_core.jobs.tables import JOBS
from crm_core.kernel import Kernel
from crm_core.plugin.errors import Concern
from prometheus_client.parser import text_string_to_metric_families


async def trashed(api: Any, kernel: Kernel, name: str, days: int) -> str:
    made = await api.post("/companies", {"name": name})
    await api.delete(f"/companies/{made['id']}")
    async with kernel.db.write.begin() as connection:
        table = Company.__table__
        old = {"deleted_at": table.c.deleted_at}
        async with kernel.read(system("test")) as uow:
            old = {"deleted_at": uow.now - timedelta(days=days)}
        await connection.execute(sa.update(table).where(table.c.name == name).values(old))
    return str(made["id"])


async def names(kernel: Kernel) -> set[str]:
    async with kernel.read(system("test")) as uow:
        return set(await uow.session.scalars(sa.select(Company.name)))


async def test_dry_run_counts_and_deletes_nothing(api: Any, kernel: Kernel) -> None:
    await trashed(api, kernel, "Old", 100)
    await trashed(api, kernel, "Young", 10)
    found = {r["name"]: r for r in (await api.get("/admin/retention"))["items"]}
    assert (found["core.trash"]["days"], found["core.trash"]["due"]) == (90, 1)
    assert found["core.events"]["days"] == 0
    assert await names(kernel) == {"Old", "Young"}


async def test_night_deletes_what_was_kept_long_enough_and_nothing_else(api: Any, kernel: Kernel, jobs: Any) -> None:
    await trashed(api, kernel, "Old", 100)
    await trashed(api, kernel, "Young", 10)
    await api.post("/companies", {"name": "Living", "tags": ["vip"]})
    async with kernel.write(system("test")) as uow:
        await uow.enqueue(ApplyRetention())
    await jobs()
    assert await names(kernel) == {"Young", "Living"}
    async with kernel.read(system("test")) as uow:
        assert {r.due for r in await queries.due(uow) if r.name == "core.trash"} == {0}


async def test_record_that_others_need_stays_in_the_trash(api: Any, kernel: Kernel, jobs: Any) -> None:
    stage = (await api.get("/stages"))["items"][0]
    await api.post("/deals", {"name": "Uses it", "stage_id": stage["id"]})
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.text("update core_stage set deleted_at = created_at"))
    async with kernel.write(system("test")) as uow:
        await uow.save_settings(RetentionSettings(days={"core.trash": 1}))
    async with kernel.db.write.begin() as connection:
        async with kernel.read(system("test")) as uow:
            then = uow.now - timedelta(days=5)
        from crm_core.entity.stages import Stage

        await connection.execute(sa.update(Stage.__table__).values(deleted_at=then))
    async with kernel.write(system("test")) as uow:
        await uow.enqueue(ApplyRetention())
    await jobs()
    async with kernel.read(system("test")) as uow:
        left = list(await uow.session.scalars(sa.text("select name from core_stage")))
    assert left == [stage["name"]]


async def test_settings_refuse_unknown_kinds(kernel: Kernel) -> None:
    from crm_core.features.operations.settings import validate

    async with kernel.read(system("test")) as uow:
        with pytest.raises(Invalid):
            await validate(uow, RetentionSettings(), RetentionSettings(days={"core.moon": 3}))
        with pytest.raises(Invalid):
            await validate(uow, RetentionSettings(), RetentionSettings(days={"core.trash": -1}))
        await validate(uow, RetentionSettings(), RetentionSettings(days={"core.trash": 30}))


async def test_metrics_are_what_prometheus_reads(as_user: Any, api: Any, kernel: Kernel) -> None:
    await api.post("/companies", {"name": "Counted"})
    await api.get("/companies/00000000-0000-7000-8000-000000000000", status=404)
    client = (await as_user("admin")).client
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    found = {f.name: f for f in text_string_to_metric_families(answer.text)}
    counted = {(s.labels["route"], s.labels["status"]): s.value for s in found["crm_requests"].samples}
    assert counted["/api/v1/companies", "201"] == 1
    assert counted["/api/v1/companies/{record_id}", "404"] == 1
    assert {s.labels["state"] for s in found["crm_jobs"].samples} >= {"pending", "running", "dead"}
    assert {"crm_job_lag_seconds", "crm_events_unnumbered", "crm_event_lag_seconds", "crm_pool_connections"} <= set(
        found
    )


async def test_metrics_need_their_right(as_user: Any, client: Any) -> None:
    assert (await (await as_user("sales")).client.get("/metrics")).status_code == 403
    assert (await client.get("/metrics", follow_redirects=False)).status_code in (303, 401)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
class TestDoctor:
    def run(self, kernel: Kernel, *arguments: str) -> Any:
        folder = kernel.config.folder
        (folder / "crm.toml").write_text(f'database_url = "sqlite:///{kernel.config.database_file}"\n')
        return CliRunner().invoke(crm, ["doctor", "--folder", str(folder), *arguments], catch_exceptions=False)

    def test_healthy_installation_has_no_problem(self, kernel: Kernel) -> None:
        done = self.run(kernel)
        assert done.exit_code == 0, done.output
        for name in ("database", "migrations", "plugins", "mail", "keys", "clock", "redis", "jobs", "disk", "backup"):
            assert any(line.split()[1] == name for line in done.output.splitlines() if line.strip()[:1].isalpha())

    async def dead_job(self, kernel: Kernel) -> None:
        async with kernel.read(system("test")) as uow:
            now = uow.now
        async with kernel.db.write.begin() as connection:
            await connection.execute(
                sa.insert(JOBS).values(
                    id=new_id(), kind="core.apply_retention", queue="default", args={}, state="dead", created_at=now,
                    due_at=now, run_at=now, attempts=8, max_attempts=8, actor="test", late=False, cancel_asked=False,
                )
            )  # fmt: skip

    async def test_dead_job_is_a_warning_with_what_to_do(self, kernel: Kernel) -> None:
        from crm_core.features.operations.checks import jobs

        await self.dead_job(kernel)
        async with kernel.read(system("test")) as uow:
            with pytest.raises(Concern, match="1 dead") as told:
                await jobs(uow)
        assert "retry" in told.value.hint


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_clock_that_differs_from_the_database_servers_is_a_problem(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crm_core.features.operations import checks

    async with kernel.read(system("test")) as uow:
        assert (await checks.clock(uow)).endswith("from the database server's")
        # The machine's clock is not ours to turn; what the check reads of it is.
        now = time.time
        for off in (-90.0, 90.0):
            monkeypatch.setattr(checks, "time", SimpleNamespace(time=lambda off=off: now() + off))
            with pytest.raises(checks.Wrong, match=r"differ by (89|90|91) s") as told:
                await checks.clock(uow)
            assert "NTP" in told.value.hint


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
class TestDoctorAndRedis:
    async def ask(self, kernel: Kernel, address: str, monkeypatch: pytest.MonkeyPatch) -> str:
        from crm_core.features.operations.checks import redis

        monkeypatch.setattr(kernel, "config", kernel.config.but(redis_url=address))
        async with kernel.read(system("test")) as uow:
            return await redis(uow)

    async def test_redis_that_is_away_is_a_problem(self, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
        from crm_core.features.operations.checks import Wrong

        with pytest.raises(Wrong, match="Redis does not answer") as told:
            await self.ask(kernel, "redis://127.0.0.1:1/0", monkeypatch)
        assert "redis_url" in told.value.hint

    async def test_redis_that_may_drop_what_it_holds_is_a_warning(
        self, kernel: Kernel, redis_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from redis.asyncio import Redis

        assert await self.ask(kernel, redis_url, monkeypatch) == "answers"
        client = Redis.from_url(redis_url)
        await client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            with pytest.raises(Concern, match="allkeys-lru") as told:
                await self.ask(kernel, redis_url, monkeypatch)
            assert "noeviction" in told.value.hint
        finally:
            await client.config_set("maxmemory-policy", "noeviction")
            await client.aclose()


def test_database_that_is_away_is_a_problem_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "crm.toml").write_text('database_url = "postgresql://crm@127.0.0.1:1/none"\n')
    done = CliRunner().invoke(crm, ["doctor", "--folder", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 1
    assert "problem  database" in done.output
    assert "→" in done.output
    assert "Traceback" not in done.output


async def test_days_are_set_on_their_page_and_bad_ones_come_back(as_user: Any, kernel: Kernel) -> None:
    browser = (await as_user("admin")).client
    shown = await browser.get("/admin/retention")
    assert "Records in the trash" in shown.text
    async with kernel.read(system("test")) as uow:
        days = {k.name: str(k.days) for k in await queries.due(uow)}
    bad = await browser.post("/admin/retention", data=days | {"core.trash": "soon"})
    assert bad.status_code == 422
    assert 'value="soon"' in bad.text
    good = await browser.post("/admin/retention", data=days | {"core.trash": "30"}, follow_redirects=False)
    assert good.status_code == 303
    again = await browser.get("/admin/retention")
    assert 'name="core.trash" inputmode="numeric" value="30"' in again.text
