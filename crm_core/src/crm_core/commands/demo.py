"""`crm demo`: a running CRM with sample data."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from crm_core.cli import folder
from crm_core.config import Config

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

PASSWORD = "crm-demo-2026"  # noqa: S105 - printed, for sample data on this machine
LOGINS = ("admin", "manager", "sales", "support", "readonly")


@click.command("demo")
@folder
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (default: 8000; 0: any free one).")
@click.option("--empty", is_flag=True, help="Without sample data: you make the first administrator yourself.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day the sample data is made for (default: today).")
def command(config: Config, port: int | None, empty: bool, as_of: datetime | None) -> None:
    """Run a CRM with sample data in this folder, and print where it is and how to sign in.

    The database is made at the first call; later calls keep what is there.
    """
    day = as_of.date() if as_of else datetime.now(UTC).date()
    asyncio.run(prepare(config, None if empty else day))
    click.echo(f"data    {config.folder}")
    if not empty:
        for name in LOGINS:
            click.echo(f"sign in {name + '@example.com':<22} password {PASSWORD}")
    sys.stdout.flush()
    # The web server's parent takes this process over, so that it starts small.
    start = "from crm_core.cli import main; main()"
    os.execv(  # noqa: S606 - our own interpreter
        sys.executable,
        [
            sys.executable,
            "-c",
            start,
            "serve",
            "--folder",
            str(config.folder),
            "--port",
            str(config.port if port is None else port),
        ],
    )


async def prepare(config: Config, as_of: date | None) -> None:
    """Make or upgrade the database; load defaults and, with a day, sample data and log-ins."""
    from crm_core.commands.serve import bring_up
    from crm_core.defaults import load_defaults, load_demo
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    logging.getLogger("crm_core.db.session").setLevel(logging.ERROR)
    try:
        kernel.db.write_limit = None  # nobody else is waiting for the writer
        await bring_up(kernel, upgrade=True)
        await load_defaults(kernel)
        if as_of is not None:
            await load_demo(kernel, as_of)
            await set_passwords(kernel)
    finally:
        await kernel.close()


async def set_passwords(kernel: Kernel) -> None:
    """Give the log-ins their password, if they have none."""
    import sqlalchemy as sa

    from crm_core.auth.actor import system
    from crm_core.auth.passwords import hashed
    from crm_core.auth.people import Password, User

    secret = await hashed(PASSWORD)
    emails = [f"{name}@example.com" for name in LOGINS]
    async with kernel.write(system("demo")) as uow:
        query = (
            sa.select(User.id)
            .outerjoin(Password, Password.user_id == User.id)
            .where(User.email_f.in_(emails), Password.user_id.is_(None), User.deleted_at.is_(None))
        )
        for user_id in list(await uow.session.scalars(query)):
            uow.session.add(Password(user_id=user_id, hash=secret))
