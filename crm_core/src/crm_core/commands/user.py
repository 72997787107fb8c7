"""`crm user`: people who sign in."""

from __future__ import annotations

import asyncio
import secrets
import sys

import click

from crm_core.cli import folder
from crm_core.config import Config


@click.group("user")
def command() -> None:
    """Look after users."""


@command.command("add")
@click.argument("email")
@click.option("--name", help="Full name (default: the part before the @).")
@click.option(
    "--role", "roles", multiple=True, default=("sales",), show_default=True, help="Role by key or name; may repeat."
)
@click.option("--generate", is_flag=True, help="Make a password and print it instead of asking for one.")
@click.option("--no-password", is_flag=True, help="Nobody can sign in with a password until one is set.")
@folder
def add(
    config: Config, email: str, name: str | None, roles: tuple[str, ...], generate: bool, no_password: bool
) -> None:
    """Add the user EMAIL. The password is asked for, or read from standard input when that is no terminal."""
    password = None
    if generate:
        password = secrets.token_urlsafe(12)
    elif not no_password:
        asks = sys.stdin.isatty()
        typed = click.prompt("Password", hide_input=True, confirmation_prompt=True) if asks else sys.stdin.readline()
        password = typed.rstrip("\r\n")
    user = asyncio.run(_add(config, email, name or email.partition("@")[0], roles, password))
    click.echo(f"added {user}")
    if generate:
        click.echo(f"password: {password}")


async def _add(config: Config, email: str, name: str, roles: tuple[str, ...], password: str | None) -> str:
    from crm_core.auth import passwords
    from crm_core.auth.actor import system
    from crm_core.features.session.actions import add_user
    from crm_core.kernel import open_kernel

    hashed = None
    if password is not None:
        passwords.check(password, name=name, email=email)
        hashed = await passwords.hashed(password)
    kernel = await open_kernel(config)
    try:
        async with kernel.write(system("cli")) as uow:
            await add_user(uow, name, email, hashed, roles=roles)
    finally:
        await kernel.close()
    return email
