"""Ways a mail can leave: SMTP, or nowhere (the catcher). Plugins add theirs by `crm_mail_transports`."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiosmtplib

from crm_core import net, secrets
from crm_core.features.mail.server import CATCHER, PASSWORD, SMTP, MailSettings
from crm_core.plugin import MailTransport

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

COMMAND_SECONDS = 30.0
ANSWER_SECONDS = 120.0
"""How long the server may take to answer after the last byte; then nobody knows whether it has the mail."""
QUIT_SECONDS = 3.0
LONGEST_ANSWER = 500


class NotNow(Exception):
    """Nothing was handed over; it may work later."""


class Refused(Exception):
    """The server will not take this mail. `bounced`: because this recipient does not exist."""

    def __init__(self, text: str, *, bounced: bool = False) -> None:
        super().__init__(text)
        self.bounced = bounced


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail on its way. A transport raises NotNow or Refused, or returns when the mail was taken.

    message: whole, with CRLF. key: stable over attempts, for systems that can drop repeats. reserve: awaited
    once, right before the step after which the mail may be gone; any error after it leaves the outcome
    unknown. For a transport that is not declared with `reserves=True` it was awaited already.
    """

    kernel: Kernel
    settings: MailSettings
    recipient: str
    message: bytes
    key: str
    reserve: Callable[[], Awaitable[None]]


async def send_by_smtp(mail: Outgoing) -> None:
    """Hand a mail to the configured server; the reservation comes right before DATA."""
    client = await connected(mail.kernel, mail.settings)
    try:
        try:
            await client.mail(mail.settings.sender_address)
            await client.rcpt(mail.recipient)
        except aiosmtplib.SMTPResponseException as error:
            raise answer(error, recipient=isinstance(error, aiosmtplib.SMTPRecipientRefused)) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotNow(_short(error)) from error
        await mail.reserve()
        try:
            await client.data(mail.message, timeout=ANSWER_SECONDS)
        except aiosmtplib.SMTPDataError as error:
            if 400 <= error.code < 600:  # answered: it does not have the mail
                raise answer(error) from error
            if not 200 <= error.code < 300:
                raise
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):  # it has the mail, whatever comes now
            await client.quit(timeout=QUIT_SECONDS)
    finally:
        client.close()


async def connected(kernel: Kernel, settings: MailSettings) -> aiosmtplib.SMTP:
    """Return a client that is signed in; NotNow or Refused, with a text for the one who looks after mail."""
    context = ssl.create_default_context()
    try:
        sock = await net.connect_checked(kernel.config, settings.host, settings.port)
    except net.Unreachable as error:
        raise NotNow(str(error)) from error
    client = aiosmtplib.SMTP(
        hostname=settings.host, sock=sock, use_tls=settings.security == "tls", start_tls=False, tls_context=context,
        timeout=COMMAND_SECONDS, local_hostname=_greeting(kernel),
    )  # fmt: skip
    try:
        await client.connect()
        if settings.security == "starttls":
            await client.starttls(tls_context=context, server_hostname=settings.host)
        if settings.user:
            await client.login(settings.user, secrets.unseal(kernel, PASSWORD, settings.password))
    except (aiosmtplib.SMTPException, OSError, secrets.SecretNotReadable) as error:
        client.close()
        raise NotNow(why(error, settings.host)) from error
    except BaseException:
        client.close()
        raise
    return client


def why(error: BaseException, host: str) -> str:
    """Return why a server could not be signed in to, for the one who looks after mail."""
    causes = [error]
    while (below := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(below)
    refused = next((e for e in causes if isinstance(e, ssl.SSLCertVerificationError)), None)
    if refused is not None:
        return f"the certificate of {host} is not accepted: {refused.verify_message}"[:LONGEST_ANSWER]
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"the server does not accept user and password: {error.code} {error.message}"[:LONGEST_ANSWER]
    if any(isinstance(e, ssl.SSLError) for e in causes):
        return f"the server does not speak TLS on this port: {_short(error)}"[:LONGEST_ANSWER]
    if isinstance(error, aiosmtplib.SMTPException) and "STARTTLS" in str(error):
        return f"the server offers no STARTTLS: {_short(error)}"[:LONGEST_ANSWER]
    return _short(error)


def answer(error: aiosmtplib.SMTPResponseException, *, recipient: bool = False) -> NotNow | Refused:
    """Return what a server's refusal means. Only a recipient that does not exist counts as bounced.

    5.7.x is policy (no relaying, blocked sender): the address may be fine.
    """
    text = f"{error.code} {error.message}"[:LONGEST_ANSWER]
    if not 500 <= error.code < 600:
        return NotNow(text)
    status = re.match(r"5\.(\d{1,3})\.(\d{1,3})", error.message)
    gone = status[1] == "1" or status[0] == "5.2.1" if status else error.code in (550, 551, 553)
    return Refused(text, bounced=recipient and gone)


async def keep(mail: Outgoing) -> None:
    """Keep a mail in the ledger and nowhere else."""
    await mail.reserve()


def _greeting(kernel: Kernel) -> str:
    return urlsplit(kernel.config.url).hostname or "localhost"


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:LONGEST_ANSWER]


TRANSPORTS = (MailTransport(SMTP, send_by_smtp, reserves=True), MailTransport(CATCHER, keep, reserves=True))
