"""`crm mail`: try out sending."""

from __future__ import annotations

import asyncio

import click

from crm_core.auth.actor import system
from crm_core.errors import RetryJob, UserError
from crm_core.features.mail import actions
from crm_core.features.mail.delivery import deliver
from crm_core.features.mail.models import MailRow
from crm_core.features.mail.schemas import State
from crm_core.kernel import open_kernel
from crm_core.plugin.commands import Config, folder

LONGEST = 60
"""Seconds to wait for a running server that sends it."""


@click.group("mail")
def command() -> None:
    """Look after sending mail."""


@command.command("test")
@click.argument("to")
@folder
def test(config: Config, to: str) -> None:
    """Send a test mail to the address TO and say what the server answered; exit code 2 when it was not sent."""
    row = asyncio.run(_test(config, to))
    if row.state not in (State.sent, State.caught):
        raise UserError(f"{row.state}: {row.error or 'see /admin/mails'}")
    click.echo("kept in the ledger: no mail server is set up" if row.state == State.caught else "sent")


async def _test(config: Config, to: str) -> MailRow:
    """Send in this process; a running server may be quicker, and then its result is shown."""
    kernel = await open_kernel(config)
    try:
        async with kernel.write(system("cli")) as uow:
            mail_id = await actions.send_test(uow, to)
        try:
            await deliver(kernel, mail_id)
        except RetryJob:
            click.echo("not yet: it stays in the queue and is tried again")
        waited = 0
        while True:
            async with kernel.read(system("cli")) as uow:
                row = await actions.get(uow, mail_id)
            if row.state != State.sending or waited == LONGEST:
                return row
            waited += 1
            await asyncio.sleep(1)
    finally:
        await kernel.close()
