"""T10 for webhooks: however an inner address is written, nothing of this machine is asked, and no answer tells why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.features.webhooks.models import Webhook, WebhookDelivery
from crm_core.jobs.runner import run_due
from crm_core.kernel import Kernel
from crm_core.testing.people import People

HOSTS = (
    "127.0.0.1", "127.1", "0.0.0.0", "0", "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "192.168.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.0.8", "224.0.0.1", "255.255.255.255",
    "240.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a00:1]", "[::7f00:1]", "[fe80::1]", "[fe80::1%25eth0]",
    "[fe80::1%25lo]", "[fc00::1]", "[fd00::1]", "[fec0::1]", "[ff02::1]", "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[2002:c0a8:1::]", "[2001:0:0:0:0:0:80ff:fffe]", "localhost",
    "localhost.", "LOCALHOST", "ip6-localhost", "127.0.0.1.", "127.0.0.1%00", "user@127.0.0.1", "user:pw@127.0.0.1",
    "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "127.0.0.1%23", "127.0.0.1%2f", "127.0.0.1\\@example.com",
)  # fmt: skip
SCHEMES = ("ftp", "file", "gopher", "dict", "unix")


@pytest.fixture
async def canary() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on this machine, on both families where there are two; its port and what it heard."""
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], heard
    server.close()


@pytest.mark.counted
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_webhook_to_an_inner_address_is_never_sent(
    kernel: Kernel, as_user: People, canary: tuple[int, list[bytes]]
) -> None:
    port, heard = canary
    admin = await as_user("admin")
    urls = [f"http://{host}:{port}/" for host in HOSTS] + [f"{scheme}://127.0.0.1:{port}/" for scheme in SCHEMES]
    urls.append("http://127.0.0.1:1/")  # nobody listens there: the log must read alike
    kernel.db.write_limit = None
    at_the_door = 0
    webhook = await admin.api.post("/webhooks", {"name": "x", "url": "http://example.com/", "events": "*"})
    path = f"/webhooks/{webhook['id']}"
    for url in urls:
        # As a person enters it, and as it may stand in the database whoever wrote it.
        answer: Any = await admin.client.patch(f"/api/v1{path}", json={"url": url}, headers=admin.api.headers)
        assert answer.status_code in (200, 400, 422), answer.text
        at_the_door += answer.status_code != 200
        async with kernel.db.write.begin() as connection:
            await connection.execute(sa.update(Webhook).values(url=url, retry_at=None, failures=0, failing_since=None))
        await admin.api.post(f"{path}/test", status=200)
        await run_due(kernel)
    async with kernel.db.session(readonly=True) as session:
        rows = list(await session.scalars(sa.select(WebhookDelivery)))
    print(f"T10 webhooks: N = {len(urls)} forms, {at_the_door} refused when entered, {len(heard)} canary hits")
    assert len(rows) == len(urls)
    assert heard == []
    assert {(r.state, r.status, r.response, r.error) for r in rows} == {
        ("waiting", None, "", "this address cannot be reached")
    }
