"""Outbound connections reach the internet only: however an inner address is written, nothing of it is heard."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.db.tables import Epoch
from crm_core.kernel import Kernel
from crm_core.net import Unreachable, allowed, checked, client, is_public, networks, open_checked

INNER = (
    "127.0.0.1", "127.1", "0.0.0.0", "0", "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "192.168.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.0.8", "224.0.0.1", "255.255.255.255",
    "240.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1", "[::1]", "::1",
    "[::]", "::ffff:127.0.0.1", "[::ffff:7f00:1]", "[::ffff:a00:1]", "[::7f00:1]", "fe80::1",
    "[fe80::1%25eth0]", "fe80::1%lo", "fc00::1", "[fd00::1]", "fec0::1", "ff02::1", "64:ff9b::7f00:1",
    "[64:ff9b::a9fe:a9fe]", "2002:7f00:1::", "2002:c0a8:1::", "2001:0:0:0:0:0:80ff:fffe", "localhost",
    "localhost.", "LOCALHOST", "ip6-localhost", "127.0.0.1.", "127.0.0.1%00", "user@127.0.0.1", "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
)  # fmt: skip


@pytest.fixture
def bare(tmp_path: Path) -> Config:
    return Config(folder=tmp_path, database_url="sqlite+aiosqlite:///x.db")


@pytest.fixture
async def canary() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on this machine that must not be asked anything; its port and what it heard."""
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], heard
    server.close()


def to(*addresses: str) -> Any:
    async def find(host: str, port: int) -> Sequence[str]:
        return addresses

    return find


@pytest.mark.parametrize("host", INNER)
async def test_inner_address_is_refused_however_it_is_written(
    bare: Config, canary: tuple[int, list[bytes]], host: str
) -> None:
    port, heard = canary
    with pytest.raises(Unreachable):
        await open_checked(bare, host, port)
    async with client(bare) as http:
        with pytest.raises((Unreachable, httpx2.InvalidURL, httpx2.UnsupportedProtocol)):
            await http.get(f"http://{host if ':' not in host or host.startswith('[') else f'[{host}]'}:{port}/")
    assert heard == []


async def test_one_inner_address_among_several_is_enough_to_refuse(bare: Config) -> None:
    with pytest.raises(Unreachable):
        await checked(bare, "rebind.example", 80, find=to("93.184.216.34", "127.0.0.1"))
    assert await checked(bare, "fine.example", 80, find=to("93.184.216.34")) == ["93.184.216.34"]


async def test_name_is_resolved_once_and_the_connection_goes_to_that_address(
    bare: Config, canary: tuple[int, list[bytes]]
) -> None:
    port, heard = canary
    answers = [["127.0.0.1"], ["127.0.0.2"]]

    async def find(host: str, _port: int) -> Sequence[str]:
        assert host == "hooks.example"
        return answers.pop(0)

    open_here = bare.but(outbound_allow=("127.0.0.1/32",))
    async with client(open_here, find=find) as http:
        assert (await http.get(f"http://hooks.example:{port}/x")).text == "ok"
    assert len(answers) == 1
    assert f"host: hooks.example:{port}".encode() in heard[0].lower()


async def test_redirect_is_not_followed_and_checked_when_asked_for(bare: Config) -> None:
    async def bounce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.2:1/\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(bounce, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    open_here = bare.but(outbound_allow=("127.0.0.1",))
    async with client(open_here) as http:
        assert (await http.get(f"http://127.0.0.1:{port}/")).status_code == 302
        with pytest.raises(Unreachable):
            await http.get(f"http://127.0.0.1:{port}/", follow_redirects=True)
    server.close()


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "http://user:pw@example.com/"]
)
async def test_other_schemes_and_user_names_are_refused(bare: Config, url: str) -> None:
    async with client(bare, find=to("93.184.216.34")) as http:
        with pytest.raises((Unreachable, httpx2.UnsupportedProtocol)):
            await http.get(url)


async def test_open_closed_and_refused_say_the_same(bare: Config, canary: tuple[int, list[bytes]]) -> None:
    open_here = bare.but(outbound_allow=("127.0.0.1/32",))
    texts = set()
    for host, port, used in (
        ("127.0.0.1", 1, open_here),
        ("127.0.0.1", canary[0], bare),
        ("no.such.name.invalid", 80, bare),
    ):
        with pytest.raises(Unreachable) as refused:
            await open_checked(used, host, port)
        texts.add(str(refused.value))
    assert len(texts) == 1


async def test_allowed_network_is_reached(bare: Config, canary: tuple[int, list[bytes]]) -> None:
    open_here = bare.but(outbound_allow=("127.0.0.0/8",))
    reader, writer = await open_checked(open_here, "127.0.0.1", canary[0])
    writer.write(b"hello")
    writer.write_eof()
    assert (await reader.read()).endswith(b"ok")
    writer.close()


def test_public_addresses_are_public() -> None:
    for text in ("93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8"):
        assert is_public(ipaddress.ip_address(text)), text
    assert allowed(ipaddress.ip_address("::ffff:10.0.0.1"), networks(["10.0.0.0/8"]))


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_connecting_inside_a_transaction_raises(kernel: Kernel) -> None:
    async with kernel.write(system("test")) as uow:
        await checked(kernel.config, "example.com", 443, find=to("93.184.216.34"))  # nothing is written yet
        uow.session.add(Epoch(name="x", value=1))
        await uow.session.flush()
        with pytest.raises(RuntimeError, match="inside a transaction"):
            await checked(kernel.config, "example.com", 443, find=to("93.184.216.34"))
