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


@command.command("reset-link")
@click.argument("email")
@folder
def reset_link(config: Config, email: str) -> None:
    """Print a link with which EMAIL sets a new password: for an hour, once. Earlier links die."""
    click.echo(asyncio.run(_reset_link(config, email)))


async def _reset_link(config: Config, email: str) -> str:
    from crm_core.auth.actor import system
    from crm_core.auth.rights import actor_by_email
    from crm_core.features.password_resets.public import make_link_for
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        person = await actor_by_email(kernel, email)
        assert person.user_id is not None  # actor_by_email finds users only
        async with kernel.write(system("cli")) as uow:
            return kernel.config.url + await make_link_for(uow, person.user_id)
    finally:
        await kernel.close()


@command.command("reset-second-factor")
@click.argument("email")
@folder
def reset_second_factor(config: Config, email: str) -> None:
    """Take the second factor of EMAIL away, after a lost telephone; the sessions end."""
    asyncio.run(_reset_second_factor(config, email))
    click.echo(f"the second factor of {email} is reset")


async def _reset_second_factor(config: Config, email: str) -> None:
    from crm_core.auth.actor import system
    from crm_core.auth.rights import actor_by_email
    from crm_core.features.session.access import reset_second_factor as reset
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        person = await actor_by_email(kernel, email)
        assert person.user_id is not None  # actor_by_email finds users only
        async with kernel.write(system("cli")) as uow:
            await reset(uow, person.user_id)
    finally:
        await kernel.close()


@command.command("invite")
@click.argument("email")
@click.option("--name", default="", help="Name to begin with; the person can change it.")
@click.option("--role", "roles", multiple=True, default=("sales",), show_default=True, help="Role by key or name.")
@click.option("--team", default="", help="Team by name.")
@folder
def invite(config: Config, email: str, name: str, roles: tuple[str, ...], team: str) -> None:
    """Invite EMAIL. The running server sends the mail; without mail set up the link is printed."""
    link = asyncio.run(_invite(config, email, name, roles, team))
    click.echo(link or f"an invitation to {email} goes out by mail")


async def _invite(config: Config, email: str, name: str, roles: tuple[str, ...], team: str) -> str:
    from crm_core.auth.actor import system
    from crm_core.features.invitations.public import invite_by_names
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        async with kernel.write(system("cli")) as uow:
            path = await invite_by_names(uow, email, name=name, roles=roles, team=team)
            return kernel.config.url + path if path else ""
    finally:
        await kernel.close()
