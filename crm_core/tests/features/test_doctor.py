"""Every line of `crm doctor` when what it looks at is not well: the state, what is wrong, and what to do."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.commands.doctor import OK, PROBLEM, WARNING, Finding, examine
from crm_core.config import Config
from crm_core.features.mail import public as mail
from crm_core.features.operations import checks
from crm_core.jobs.schedules import fill
from crm_core.jobs.tables import JOBS, SCHEDULES
from crm_core.kernel import Kernel
from crm_core.plugin import hookspecs


async def lines(config: Config) -> dict[str, Finding]:
    return {f.name: f async for f in examine(config)}


async def pause(kernel: Kernel) -> None:
    async with kernel.write(system("test")) as uow:
        await mail.pause(uow, "restored")


async def set_aside(kernel: Kernel) -> None:
    """Leave a job and a schedule waiting for an hour with nobody to take them."""
    async with kernel.write(system("test")) as uow:
        schedules = uow.registry.gather(hookspecs.crm_schedules)
        await uow.enqueue(next(s.call for s in schedules if s.name == "core.nightly_backup"))
    await fill(kernel)
    async with kernel.db.write.begin() as connection:
        async with kernel.read(system("test")) as uow:
            long_ago = uow.now - timedelta(hours=1)
        await connection.execute(sa.update(JOBS).values(run_at=long_ago))
        await connection.execute(sa.update(SCHEDULES).values(enabled=True, next_at=long_ago))


async def test_new_installation_says_ok_or_what_is_still_to_set_up(kernel: Kernel) -> None:
    """The names are those the issue lists and the checks that were added to them: a new one needs a case below."""
    found = await lines(kernel.config.but(base_url=""))
    told = {n: (f.state, f.hint) for n, f in found.items() if f.state != OK}
    assert set(told) <= {"address", "mail", "backup"}, told
    assert all(state == WARNING and hint for state, hint in told.values())
    listed = {"configuration", "database", "redis", "mail", "keys", "clock", "plugins", "migrations", "jobs"}
    assert listed <= set(found)
    assert {c.name for c in checks.CHECKS} <= CASES


CASES = {"address", "keys", "clock", "redis", "mail", "jobs", "schedules", "disk"}
"""Each of these is made to fail here; clock and a Redis that may drop things in test_operations.py."""


async def test_each_line_says_what_is_wrong_and_what_to_do(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = kernel.config.folder / "secret.key"
    key.write_text("x" * 64)
    key.chmod(0o644)
    await set_aside(kernel)
    full = shutil.disk_usage(tmp_path)._replace(free=10 * 2**20)
    monkeypatch.setattr(checks, "shutil", SimpleNamespace(disk_usage=lambda _path: full))
    found = await lines(kernel.config.but(base_url="", redis_url="redis://127.0.0.1:1/0"))
    wanted: dict[str, tuple[str, str, str]] = {
        "address": (WARNING, "links in mails lead to", "set base_url"),
        "keys": (WARNING, "can be read by others", "chmod 600"),
        "redis": (PROBLEM, "Redis does not answer", "redis_url"),
        "mail": (WARNING, "no mail server is set up", "Settings, E-mail"),
        "jobs": (WARNING, "a job waits since", "start `crm worker`"),
        "schedules": (WARNING, "overdue", "crm serve"),
        "disk": (PROBLEM, "10 MB free", "make room"),
    }
    told = {name: (found[name].state, found[name].text, found[name].hint) for name in wanted}
    for name, (state, text, hint) in wanted.items():
        assert (told[name][0], text in told[name][1], hint in told[name][2]) == (state, True, True), told[name]
    await pause(kernel)
    paused = (await lines(kernel.config))["mail"]
    assert (paused.state, "sending is paused since" in paused.text, paused.hint) == (WARNING, True, "see Sent mails")


async def test_database_that_is_behind_or_empty_says_to_upgrade(base_config: Config, empty_database_url: str) -> None:
    found = await lines(base_config.but(database_url=empty_database_url))
    assert (found["migrations"].state, found["migrations"].hint) == (PROBLEM, "run `crm db upgrade`")
    assert "core" in found["migrations"].text
    assert "jobs" not in found, "what stands on something broken is not asked"


async def test_start_that_fails_says_to_mend_the_configuration(base_config: Config) -> None:
    found = await lines(base_config.but(required=("nowhere",)))
    assert (found["start"].state, "crm.toml" in found["start"].hint) == (PROBLEM, True)
    assert "nowhere" in found["start"].text
