"""Files in an S3-compatible bucket: a server in its own environment (`uv tool run`), spoken to over the wire."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from typing import Any

import httpx2
import pytest
from crm_core.blobs_s3 import DELETING, S3BlobStore, StoreUnavailable
from crm_core.config import Config
from crm_core.errors import NotFound, StartupError, TooLarge
from crm_core.features.files.sweeping import sweep
from crm_core.kernel import Kernel, blob_store
from crm_core.testing.people import Api

SERVER = "moto[server]==5.2.5"
ALL = -60.0
"""An age that makes everything old enough, clocks of two processes included."""
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 server; its packages would not fit into our environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uv = shutil.which("uv")
    assert uv, "uv starts the server in an environment of its own"
    process = subprocess.Popen(
        [uv, "tool", "run", "--from", SERVER, "moto_server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
    while True:
        try:
            httpx2.get(address, timeout=5)
            break
        except httpx2.TransportError:
            assert process.poll() is None, "the server did not start"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.2)
    yield address
    process.terminate()
    process.wait(10)


@pytest.fixture
def config(base_config: Config, database_url: str, s3: str, request: pytest.FixtureRequest) -> Config:
    """An installation whose files lie in a bucket of this test's own."""
    bucket = "b" + sha256(request.node.name.encode()).hexdigest()[:20]
    httpx2.put(
        f"{s3}/{bucket}",
        headers={"authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"},
    )
    return base_config.but(
        database_url=database_url, blobs=f"s3://{bucket}/crm?endpoint={s3}", blobs_access_key="test",
        blobs_secret_key="test",
    )  # fmt: skip


def store(kernel: Kernel) -> S3BlobStore:
    assert isinstance(kernel.blobs, S3BlobStore)
    return kernel.blobs


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65536):
        yield data[start : start + 65536]


async def upload(api: Api, content: bytes) -> Any:
    return await api.send("POST", "/files/upload", 201, files={"file": ("a.bin", content)})


async def test_upload_is_read_back_on_a_host_without_a_local_copy(kernel: Kernel, api: Api) -> None:
    content = bytes(range(256)) * 30_000  # 7.7 MB: more than one part
    file = await upload(api, content)
    assert file["sha256"] == sha256(content).hexdigest()
    shutil.rmtree(kernel.config.files)
    answer = await api.client.get(f"/api/v1/files/{file['id']}/content", headers=api.headers)
    assert answer.content == content
    assert kernel.blobs.path(file["sha256"]).is_file()  # kept for the next reader
    kernel.blobs.demand_usable()


async def test_damaged_and_missing_objects_are_told_and_never_given_out(kernel: Kernel) -> None:
    s3 = store(kernel)
    blob = await s3.put(chunks(b"the right bytes"))
    s3.path(blob.sha256).unlink()
    s3.obstore.put(s3.store, f"{blob.sha256[:2]}/{blob.sha256}", b"other bytes")
    with pytest.raises(StoreUnavailable):
        await s3.fetch(blob.sha256)
    assert not s3.path(blob.sha256).exists()
    with pytest.raises(NotFound):
        await s3.fetch("0" * 64)
    with pytest.raises(ValueError, match="SHA-256"):
        await s3.fetch("../../secret.key")


async def test_too_large_a_stream_reaches_no_bucket(kernel: Kernel) -> None:
    s3 = store(kernel)
    s3.limit = 1000
    with pytest.raises(TooLarge):
        await s3.put(chunks(b"x" * 2000))
    assert s3.candidates(time.time() + 60) == []


async def test_sweep_removes_objects_without_a_row_and_tells_rows_without_an_object(kernel: Kernel, api: Api) -> None:
    s3 = store(kernel)
    orphan = await s3.put(chunks(b"nobody names me"))
    os.utime(s3.path(orphan.sha256), (0, 0))
    named, lost = await upload(api, b"named"), await upload(api, b"lost")
    assert (await sweep(kernel, older=3600)).files == 0  # young: perhaps an upload under way
    s3.obstore.delete(s3.store, f"{lost['sha256'][:2]}/{lost['sha256']}")
    swept = await sweep(kernel, older=ALL)
    assert (swept.files, swept.bytes, swept.missing, swept.examples) == (1, orphan.size, 1, [lost["sha256"]])
    assert s3.candidates(time.time() + 60) == [named["sha256"]]
    assert not s3.path(orphan.sha256).exists()


async def test_bytes_uploaded_while_the_sweep_deletes_them_are_there_afterwards(kernel: Kernel) -> None:
    s3 = store(kernel)
    blob = await s3.put(chunks(b"twice"))
    assert s3.set_aside(blob.sha256, time.time() + 60)
    again = asyncio.create_task(s3.put(chunks(b"twice")))
    await asyncio.sleep(1)
    assert not again.done()  # it waits for the one that deletes
    await asyncio.to_thread(s3.discard, blob.sha256)
    await again
    s3.path(blob.sha256).unlink()  # the copy
    assert (await s3.fetch(blob.sha256)).read_bytes() == b"twice"
    assert s3.obstore.list(s3.store, prefix=DELETING).collect() == []


async def test_object_written_again_before_the_sweep_looks_is_spared(kernel: Kernel) -> None:
    s3 = store(kernel)
    blob = await s3.put(chunks(b"young"))
    assert not s3.set_aside(blob.sha256, time.time() - 3600)
    assert s3.obstore.list(s3.store, prefix=DELETING).collect() == []


async def test_store_that_does_not_answer_is_a_503_and_no_row(kernel: Kernel, api: Api, config: Config) -> None:
    kernel.blobs = blob_store(config.but(blobs="s3://bucket?endpoint=http://127.0.0.1:9"))
    await api.send("POST", "/files/upload", 503, files={"file": ("a.bin", b"x")})
    assert (await api.get("/files"))["items"] == []
    with pytest.raises(StoreUnavailable):
        kernel.blobs.demand_usable()


@pytest.mark.parametrize("address", ["http://bucket", "s3://", "s3://bucket?colour=red"])
def test_address_that_is_none_is_told_at_the_start(base_config: Config, address: str, dialect: str) -> None:
    with pytest.raises(StartupError, match="blobs"):
        blob_store(base_config.but(blobs=address))
