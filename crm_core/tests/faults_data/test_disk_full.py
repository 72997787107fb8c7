"""F10: disks that fill up under uploads, the SQLite database and backups; a small tmpfs stands for each."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from crm_core.config import Config
from crm_core.errors import UserError
from crm_core.features.backups import actions as backups
from crm_core.features.backups import archive
from crm_core.kernel import Kernel
from crm_core.testing.people import Somebody

pytestmark = [pytest.mark.faults, pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)]
UPLOADS = 2000
SAID = {503, 507}


@dataclass
class Disk:
    """A disk of 32 MB. Its ballast leaves as much room as is wanted."""

    folder: Path

    @property
    def free(self) -> int:
        return shutil.disk_usage(self.folder).free

    def leave(self, room: int) -> None:
        """Fill the disk up to `room` bytes, or empty it again that far."""
        ballast = self.folder / "ballast"
        held = ballast.stat().st_size if ballast.exists() else 0
        wanted = max(0, held + self.free - room)
        if wanted < held:
            os.truncate(ballast, wanted)
            return
        with ballast.open("ab") as file, contextlib.suppress(OSError):  # no room for the last page: full it is
            os.posix_fallocate(file.fileno(), 0, wanted or 1)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk of its own; needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a disk here")
    yield Disk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def what_is_on_it() -> str:
    """ "files" or "database": what lies on the small disk."""
    return "files"


@pytest.fixture
def config(base_config: Config, database_url: str, disk: Disk, what_is_on_it: str) -> Config:
    """An installation with its files, or its database, on the small disk."""
    made = base_config.but(database_url=database_url, api_limit=0)
    if what_is_on_it == "files":
        return made.but(folder=disk.folder / "crm")
    shutil.copyfile(made.database_file, disk.folder / "crm.db")
    return made.but(database_url=f"sqlite+aiosqlite:///{disk.folder / 'crm.db'}")


@pytest.fixture
async def admin(as_user: Any) -> Somebody:
    return await as_user("admin")  # type: ignore[no-any-return]


async def ready(admin: Somebody) -> int:
    return int((await admin.client.get("/ready")).status_code)


async def test_full_disk_of_files_is_said_and_keeps_no_half_of_one(
    admin: Somebody, kernel: Kernel, disk: Disk, full: bool
) -> None:
    number, chance = UPLOADS if full else UPLOADS // 20, random.Random(10)
    kept: dict[str, bytes] = {}
    refused = red = 0
    assert await ready(admin) == 200
    for n in range(number):
        if n % 20 == 5:
            disk.leave(chance.randrange(200_000))
            red += await ready(admin) == 503
        if n % 20 == 15:
            disk.leave(12 * 2**20)
            assert await ready(admin) == 200
        content = chance.randbytes(chance.randrange(1, 100_000 if n % 20 in range(5, 15) else 8_000))
        answer = await admin.client.post("/api/v1/files/upload", files={"file": ("a.bin", content)})
        assert answer.status_code in {201, *SAID}, answer.text
        if answer.status_code == 201:
            kept[answer.json()["id"]] = content
        else:
            refused += 1
            assert answer.json()["code"] == "core.storage_full", answer.text
            assert "No room" in answer.json()["title"]
            assert not list(kernel.blobs.folder.glob("new-*"))
    disk.leave(12 * 2**20)
    assert (await admin.client.post("/api/v1/files/upload", files={"file": ("a.bin", b"again")})).status_code == 201
    for key, content in kept.items():
        assert (await admin.client.get(f"/api/v1/files/{key}/content")).content == content
    cut = [h for h in kernel.blobs.here() if hashlib.sha256(kernel.blobs.path(h).read_bytes()).hexdigest() != h]
    print(f"F10 files: {number} uploads, {refused} refused with 507, {len(kept)} kept, {len(cut)} cut; "
          f"/ready red {red} times of {(number - 6) // 20 + 1}")  # fmt: skip
    assert (cut, bool(refused), red) == ([], True, (number - 6) // 20 + 1)


@pytest.mark.parametrize("what_is_on_it", ["database"])
async def test_full_disk_of_the_database_is_said_and_loses_nothing(
    admin: Somebody, kernel: Kernel, disk: Disk, full: bool
) -> None:
    rounds, chance = 40 if full else 4, random.Random(10)
    kept, statuses = [], dict.fromkeys((201, 503, 507), 0)
    for turn in range(rounds):
        disk.leave(chance.randrange(300_000))
        assert await ready(admin) == 503
        for n in range(25):
            name = f"Company {turn}-{n}"
            answer = await admin.client.post("/api/v1/companies", json={"name": name, "description": "x" * 20_000})
            assert answer.status_code in statuses, answer.text
            statuses[answer.status_code] += 1
            if answer.status_code == 201:
                kept.append(name)
        assert (await admin.client.get("/api/v1/companies")).status_code == 200  # reading goes on
        disk.leave(10 * 2**20)
        name = f"After {turn}"
        answer = await admin.client.post("/api/v1/companies", json={"name": name})
        assert answer.status_code == 201, answer.text
        kept.append(name)
        assert await ready(admin) == 200
    async with kernel.db.read.connect() as connection:
        found = set((await connection.exec_driver_sql("select name from core_company")).scalars())
    with sqlite3.connect(disk.folder / "crm.db") as direct:
        integrity = direct.execute("pragma integrity_check").fetchone()[0]
    direct.close()
    lost = set(kept) - found
    print(f"F10 database: {rounds} times full, {statuses[201]} writes, {statuses[503] + statuses[507]} refused "
          f"({statuses[507]} with 507), {len(lost)} lost, {len(found - set(kept))} half, {integrity}")  # fmt: skip
    assert (lost, found - set(kept), integrity) == (set(), set(), "ok")
    assert statuses[507]


async def test_backup_that_finds_no_room_leaves_nothing_and_the_next_is_whole(
    admin: Somebody, kernel: Kernel, disk: Disk, full: bool, tmp_path: Path
) -> None:
    chance, refused = random.Random(10), 0
    for n in range(20):
        content = chance.randbytes(50_000)
        assert (
            await admin.client.post("/api/v1/files/upload", files={"file": (f"{n}.bin", content)})
        ).status_code == 201
    size = archive_size(await backups.back_up(kernel.config, kernel.registry, tmp_path / "size.tar"))
    folder = backups.folder_of(kernel.config)
    rounds = 40 if full else 8
    for turn in range(rounds):
        disk.leave(size * (turn + 1) // (rounds + 1))
        with pytest.raises(UserError, match="could not be written"):
            await backups.back_up(kernel.config, kernel.registry)
        refused += 1
        assert not list(folder.iterdir()), "something of the backup was left"
    disk.leave(16 * 2**20)
    path, made = await backups.back_up(kernel.config, kernel.registry)
    (tmp_path / "out").mkdir()
    _manifest, _database, files = archive.unpack(path, tmp_path / "out")
    print(
        f"F10 backups: {refused} of {rounds} without room refused, 0 left behind, the next has {len(files)} of 20 files"
    )
    assert len(files) == made.files == 20


def archive_size(made: tuple[Path, Any]) -> int:
    """Return how many bytes an archive has."""
    return made[0].stat().st_size
