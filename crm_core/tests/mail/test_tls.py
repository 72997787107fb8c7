"""Mail servers with TLS from the first byte and with STARTTLS: signed in safely, or refused with a plain reason."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from crm_core.auth.actor import system
from crm_core.db.types import utcnow
from crm_core.features.mail import server
from crm_core.features.mail.models import MailRow
from crm_core.features.mail.server import MailSettings
from crm_core.kernel import Kernel
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "the right password"
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CRM tests")])
PEM = serialization.Encoding.PEM
Start = Callable[..., Awaitable[int]]


def certificate(folder: Path, *, host: str = "127.0.0.1", days: int = 30) -> Path:
    """Return a file with a key and its self-signed certificate, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    ends = utcnow() + timedelta(days=days)
    name = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    made = (
        x509.CertificateBuilder().subject_name(NAME).issuer_name(NAME).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(ends - timedelta(days=60)).not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / f"{host}.pem"
    bare = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, bare) + made.public_bytes(PEM)
    )  # fmt: skip
    return file


def checks(_server: Any, _session: Any, _envelope: Any, _way: str, data: Any) -> AuthResult:
    """Let one password in."""
    return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@pytest.fixture
async def start(kernel: Kernel, sink: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Start]:
    """`await start("starttls", password=…, …)`: run a server and make it the configured one."""
    running: list[asyncio.Server] = []

    async def go(
        security: str, *, password: str = PASSWORD, trusted: bool = True, plain: bool = False, **of_certificate: Any
    ) -> int:
        file = certificate(tmp_path, **of_certificate)
        if trusted:  # the way an installer trusts an authority of their own
            monkeypatch.setenv("SSL_CERT_FILE", str(file))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        how = {"authenticator": checks, "auth_required": True, "hostname": "sink.test"}
        if security == "starttls" and not plain:
            how |= {"tls_context": context, "require_starttls": True}
        at_once = context if security == "tls" else None
        if at_once:  # aiosmtpd knows STARTTLS only as TLS
            how |= {"auth_require_tls": False, "auth_required": False}
        loop = asyncio.get_running_loop()
        made = await loop.create_server(lambda: SMTP(sink, **how), "127.0.0.1", 0, ssl=at_once)
        running.append(made)
        port = int(made.sockets[0].getsockname()[1])
        async with kernel.write(system("test")) as uow:
            await server.save(uow, MailSettings(
                host="127.0.0.1", port=port, security=security, user="crm", password=password,  # type: ignore[arg-type]
                sender_address="crm@example.test",
            ))  # fmt: skip
        return port

    yield go
    for one in running:
        one.close()


async def tried(kernel: Kernel, ledger: Any, jobs: Any) -> MailRow:
    """Send one mail and return its row."""
    key = await ledger.send()
    await jobs()
    row: MailRow = await ledger.row(key)
    return row


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_goes_out_signed_in_over_tls(
    kernel: Kernel, start: Start, ledger: Any, jobs: Any, sink: Any, security: str
) -> None:
    await start(security)
    row = await tried(kernel, ledger, jobs)
    assert (row.state, row.error) == ("sent", "")
    assert len(sink.taken) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"trusted": False}, "self-signed certificate"),
        ({"host": "mail.elsewhere.example"}, "not valid for '127.0.0.1'"),
        ({"days": -1}, "expired"),
    ],
    ids=["unknown authority", "other name", "expired"],
)
async def test_server_with_a_wrong_certificate_gets_neither_password_nor_mail_and_the_reason_is_told(
    kernel: Kernel, start: Start, ledger: Any, jobs: Any, sink: Any, security: str, fault: dict[str, Any], words: str
) -> None:
    await start(security, **fault)
    row = await tried(kernel, ledger, jobs)
    assert row.state == "queued", "it is tried again, and the administrator sees why"
    assert row.error.startswith("the certificate of 127.0.0.1 is not accepted:")
    assert words in row.error
    assert sink.taken == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_wrong_password_is_told_as_such_and_shown_nowhere(
    kernel: Kernel, start: Start, ledger: Any, jobs: Any, sink: Any, security: str
) -> None:
    await start(security, password="MARKER-wrong-password")
    row = await tried(kernel, ledger, jobs)
    assert row.state == "queued"
    assert row.error.startswith("the server does not accept user and password: 535")
    assert "MARKER" not in row.error
    assert sink.taken == []


async def test_server_without_starttls_is_not_given_the_password_in_the_clear(
    kernel: Kernel, start: Start, ledger: Any, jobs: Any, sink: Any
) -> None:
    await start("starttls", plain=True)
    row = await tried(kernel, ledger, jobs)
    assert row.error.startswith("the server offers no STARTTLS")
    assert sink.taken == []


async def test_server_that_speaks_no_tls_is_told_as_such(
    kernel: Kernel, start: Start, ledger: Any, jobs: Any, sink: Any
) -> None:
    port = await start("starttls")
    async with kernel.write(system("test")) as uow:
        await server.save(uow, MailSettings(
            host="127.0.0.1", port=port, security="tls", user="crm", password=PASSWORD,
            sender_address="crm@example.test",
        ))  # fmt: skip
    row = await tried(kernel, ledger, jobs)
    assert row.error.startswith("the server does not speak TLS on this port")
    assert sink.taken == []
