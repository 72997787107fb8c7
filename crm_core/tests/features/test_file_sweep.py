"""Bytes that no row names are removed once they are old enough, and nothing else is."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.blobs import ASIDE, NEW
from crm_core.features.files.schemas import SweepFiles
from crm_core.features.files.sweeping import sweep
from crm_core.features.imports.calls import RunImport
from crm_core.jobs.rows import JOBS, JobRow, job
from crm_core.jobs.schedules import fill
from crm_core.jobs.tables import SCHEDULES
from crm_core.kernel import Kernel
from crm_core.testing.people import Api

DAY = 86400.0


async def stored(kernel: Kernel, content: bytes, *, days: float = 2.0) -> str:
    """Store bytes as if that many days ago; return their hash."""

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    sha256 = (await kernel.blobs.put(chunks())).sha256
    age(kernel.blobs.path(sha256), days)
    return sha256


def age(path: Path, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(path, (then, then))


async def upload(api: Api, content: bytes, name: str = "a.bin", **headers: str) -> Any:
    return await api.send("POST", "/files/upload", 201, files={"file": (name, content)}, headers=headers)


async def test_old_bytes_without_a_row_are_removed_and_young_ones_spared(kernel: Kernel) -> None:
    old, young = await stored(kernel, b"old"), await stored(kernel, b"young", days=0.5)
    cut = kernel.config.files / f"{NEW}cut"
    cut.write_bytes(b"half an upl")
    age(cut, 2)
    swept = await sweep(kernel, older=DAY)
    assert (swept.files, swept.bytes, swept.missing) == (2, 14, 0)
    assert not kernel.blobs.path(old).exists()
    assert not cut.exists()
    assert kernel.blobs.path(young).exists()


async def test_bytes_of_a_file_stay_also_while_it_is_in_the_trash(kernel: Kernel, api: Api) -> None:
    kept, trashed = await upload(api, b"kept"), await upload(api, b"trashed")
    await api.delete(f"/files/{trashed['id']}")
    for file in (kept, trashed):
        age(kernel.blobs.path(file["sha256"]), 2)
    assert (await sweep(kernel, older=DAY)).files == 0


async def test_bytes_that_an_unfinished_job_names_stay(kernel: Kernel) -> None:
    sha256 = await stored(kernel, b"name\nGlobex\n")
    async with kernel.write(system("test")) as uow:
        job_id = await uow.enqueue(RunImport(file=sha256, entity="core.company", mapping=[("name", "name")]))
    assert (await sweep(kernel, older=DAY)).files == 0
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.update(JOBS).where(job.id == job_id).values(state="done"))
    assert (await sweep(kernel, older=DAY)).files == 1


async def test_bytes_that_a_table_of_an_absent_plugin_names_stay(kernel: Kernel) -> None:
    sha256 = await stored(kernel, b"of a plugin that comes back")
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.text("create table quotes_scan (id integer, sha256 varchar(64))"))
        await connection.execute(sa.text("insert into quotes_scan values (1, :sha256)"), {"sha256": sha256})
    assert (await sweep(kernel, older=DAY)).files == 0


async def test_bytes_set_aside_by_a_killed_sweep_come_back_when_a_row_names_them(kernel: Kernel, api: Api) -> None:
    file = await upload(api, b"named")
    path = kernel.blobs.path(file["sha256"])
    os.rename(path, kernel.config.files / f"{ASIDE}{file['sha256']}")
    assert (await sweep(kernel, older=DAY)).missing == 0
    assert path.read_bytes() == b"named"


async def test_bytes_uploaded_again_during_the_sweep_stay(kernel: Kernel) -> None:
    sha256 = await stored(kernel, b"twice", days=0)
    assert not kernel.blobs.set_aside(sha256, time.time() - DAY)
    assert kernel.blobs.path(sha256).exists()


async def test_row_whose_bytes_are_missing_is_told(kernel: Kernel, api: Api, jobs: Any) -> None:
    file = await upload(api, b"gone")
    kernel.blobs.path(file["sha256"]).unlink()
    async with kernel.write(system("test")) as uow:
        job_id = await uow.enqueue(SweepFiles())
    await jobs()
    async with kernel.db.session(readonly=True) as session:
        row = await session.get(JobRow, job_id)
    assert row is not None
    assert (row.result["missing"], row.result["examples"]) == (1, [file["sha256"]])


async def test_upload_sent_again_with_its_key_is_stored_once(api: Api) -> None:
    first = await upload(api, b"once", **{"idempotency-key": "k1"})
    assert await upload(api, b"once", **{"idempotency-key": "k1"}) == first
    assert len((await api.get("/files"))["items"]) == 1
    other = {"files": {"file": ("a.bin", b"other")}, "headers": {"idempotency-key": "k1"}}
    assert (await api.send("POST", "/files/upload", 422, **other))["code"].endswith("key_reused")


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_sweep_runs_by_itself_each_night(kernel: Kernel) -> None:
    await fill(kernel)
    async with kernel.db.read.connect() as connection:
        keys = set(await connection.scalars(sa.select(SCHEDULES.c.key)))
    assert "core.sweep_files" in keys
