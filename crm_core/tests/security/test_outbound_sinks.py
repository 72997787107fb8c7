"""T10: sixty forms of an inner address, each through whatever of us connects outwards; nothing inside hears a byte."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from crm_core.errors import CrmError
from crm_core.features.mail.server import MailSettings
from crm_core.features.mail.transports import NotNow, connected
from crm_core.features.oauth2 import discovery, exchange, id_tokens
from crm_core.features.oauth2.discovery import Client, Metadata
from crm_core.features.oauth2.errors import ProviderAway
from crm_core.features.webhooks.jobs import post
from crm_core.features.worktime import jobs as worktime
from crm_core.features.worktime.jobs import FeedNotRead
from crm_core.kernel import Kernel

FORMS = (
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "0.0.0.0", "0", "10.0.0.1", "10.1", "172.16.0.1",
    "172.31.255.255", "192.168.0.1", "192.168.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.0.8",
    "192.88.99.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1",
    "0x7f.1", "017700000001", "0177.0.0.1", "0177.1", "2852039166", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a00:1]", "[::ffff:169.254.169.254]", "[::7f00:1]",
    "[::127.0.0.1]", "[fe80::1]", "[fe80::1%25eth0]", "[fe80::1%25lo]", "[fc00::1]", "[fd00::1]", "[fec0::1]",
    "[ff02::1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[2002:7f00:1::]",
    "[2002:c0a8:1::]", "[2001:0:0:0:0:0:80ff:fffe]", "localhost", "localhost.", "LOCALHOST", "ip6-localhost",
    "127.0.0.1.", "127.0.0.1%00", "user@127.0.0.1", "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1",
)  # fmt: skip
assert len(FORMS) == 60
BARE = Client(key="corp", name="Corp", client_id="crm", client_secret="x", redirect_uri="http://localhost/back")
Sink = Callable[[Kernel, str, int], Awaitable[Any]]


async def webhook(kernel: Kernel, host: str, port: int) -> None:
    """Send a message; the outcome is kept in the log instead of raised."""
    row, target = SimpleNamespace(message_id="msg_1"), SimpleNamespace(url=f"http://{host}:{port}/")
    ready: Any = SimpleNamespace(row=row, webhook=target, body=b"{}", keys=(f"whsec_{b64encode(bytes(32)).decode()}",))
    outcome = await post(kernel, ready)
    assert (outcome.status, outcome.response, outcome.error) == (None, "", "this address cannot be reached")
    raise ProviderAway("as the others say it")


async def provider_discovery(kernel: Kernel, host: str, port: int) -> None:
    """Ask an issuer for its document, as single sign-on and connected accounts do."""
    await discovery.metadata_of(kernel, msgspec.structs.replace(BARE, issuer=f"http://{host}:{port}"))


async def provider_keys(kernel: Kernel, host: str, port: int) -> None:
    """Ask for the keys that a document names."""
    await id_tokens.keys_of(kernel, Metadata(jwks_uri=f"http://{host}:{port}/jwks"), anew=True)


async def provider_person(kernel: Kernel, host: str, port: int) -> None:
    """Ask who a token belongs to."""
    await discovery.fetched(kernel, f"http://{host}:{port}/userinfo", bearer="token")


async def token_refresh(kernel: Kernel, host: str, port: int) -> None:
    """Refresh the token of a connected account."""
    client = msgspec.structs.replace(
        BARE, authorization_endpoint="https://example.com/auth", token_endpoint=f"http://{host}:{port}/token"
    )
    await exchange.refreshed(kernel, client, "refresh")


async def mail_server(kernel: Kernel, host: str, port: int) -> None:
    """Sign in to a mail server."""
    await connected(kernel, MailSettings(host=host, port=port, security="none", sender_address="crm@example.com"))


async def calendar_feed(kernel: Kernel, host: str, port: int) -> None:
    """Fetch the calendar file of holidays."""
    job: Any = SimpleNamespace(kernel=kernel)
    await worktime._body(job, f"http://{host}:{port}/feed.ics")


SINKS: tuple[Sink, ...] = (
    webhook, provider_discovery, provider_keys, provider_person, token_refresh, mail_server, calendar_feed,
)  # fmt: skip


@pytest.fixture
async def canary() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on this machine, on every address of either family; its port and what it heard."""
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(b"connected")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], heard
    server.close()


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.__name__)
@pytest.mark.counted
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_nothing_inside_is_reached_through(
    kernel: Kernel, canary: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    port, heard = canary
    monkeypatch.setattr(kernel, "config", kernel.config.but(insecure_http=True))  # else http alone is refused at once
    for form in FORMS:
        with pytest.raises((CrmError, ProviderAway, NotNow, FeedNotRead)):
            await sink(kernel, form, port)
    print(f"T10 {sink.__name__}: N = {len(FORMS)} forms, {len(heard)} canary hits")
    assert heard == []


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_every_sink_reaches_what_the_installation_allows(
    kernel: Kernel, canary: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other side of the measure: each of them does connect, so that silence above means refusal."""
    port, heard = canary
    allowing = kernel.config.but(outbound_allow=("127.0.0.0/8",), insecure_http=True)
    monkeypatch.setattr(kernel, "config", allowing)
    for number, sink in enumerate(SINKS, 1):
        with pytest.raises((CrmError, ProviderAway, NotNow, FeedNotRead)):  # it hangs up at once
            await sink(kernel, "127.0.0.1", port)
        assert len(heard) >= number, sink.__name__
