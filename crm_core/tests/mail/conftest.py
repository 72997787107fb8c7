"""A real SMTP server that keeps what it gets, and an installation that may reach it."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope, Session
from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.features.mail import public as mail
from crm_core.features.mail import server
from crm_core.features.mail.models import MailRow
from crm_core.features.mail.server import MailSettings
from crm_core.kernel import Kernel


@dataclass
class Taken:
    """A message as the server got it."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)  # type: ignore[return-value]


@dataclass
class Sink:
    """Takes everything, unless `rcpt` or `data` answer otherwise; `drop` ends the line after the message came."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    rcpt: dict[str, str] = field(default_factory=dict)
    data: str = "250 2.0.0 taken"
    drop: bool = False
    on_data: Callable[[], Awaitable[None]] | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.rcpt.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.on_data is not None:
            await self.on_data()
        content = envelope.original_content
        assert content is not None
        if self.data.startswith("250"):
            self.taken.append(Taken(envelope.mail_from or "", list(envelope.rcpt_tos), content))
        if self.drop:
            assert server.transport is not None
            server.transport.abort()
        return self.data


@pytest_asyncio.fixture
async def sink() -> AsyncIterator[Sink]:
    made = Sink()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(made, hostname="sink.test", enable_SMTPUTF8=False), "127.0.0.1", 0
    )
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
def config(base_config: Config, database_url: str) -> Config:
    """An installation that may reach the sink on this machine."""
    return base_config.but(database_url=database_url, outbound_allow=("127.0.0.1/32",))


@pytest_asyncio.fixture
async def smtp(kernel: Kernel, sink: Sink) -> Sink:
    """The sink as the configured server."""
    async with kernel.write(system("test")) as uow:
        await server.save(
            uow, MailSettings(host="127.0.0.1", port=sink.port, security="none", sender_address="crm@example.test",
                         sender_name="The CRM")
        )  # fmt: skip
    return sink


@dataclass
class Ledger:
    """Writes mails and reads their rows."""

    kernel: Kernel

    async def send(self, to: str = "anna@example.test", **values: Any) -> Any:
        given = {"subject": "Hello", "text": "Good morning", "kind": "transactional", "purpose": "core.test", **values}
        async with self.kernel.write(system("test")) as uow:
            return await mail.send(uow, mail.Mail(to=to, **given))

    async def row(self, mail_id: Any) -> MailRow:
        async with self.kernel.read(system("test")) as uow:
            found = await uow.session.get(MailRow, mail_id)
        assert found is not None
        return found


@pytest.fixture
def ledger(kernel: Kernel) -> Ledger:
    return Ledger(kernel)
