"""`crm token`: access for programs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import click

from crm_core.cli import folder
from crm_core.config import Config


@click.group("token")
def command() -> None:
    """Look after API tokens."""


@command.command("create")
@click.argument("email")
@click.option("--name", default="crm token create", show_default=True, help="What the token is for.")
@click.option(
    "--scope", "scopes", multiple=True, help='Narrow it: "read", "write", an entity ("core.deal"), a right; may repeat.'
)
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires (default: never).")
@folder
def create(config: Config, email: str, name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make an API token for the user EMAIL and print it, this once."""
    click.echo(asyncio.run(_create(config, email, name, scopes, days)))


async def _create(config: Config, email: str, name: str, scopes: tuple[str, ...], days: int | None) -> str:
    from crm_core.auth.actor import system
    from crm_core.auth.rights import actor_by_email
    from crm_core.features.session.access import make_token
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        person = await actor_by_email(kernel, email)
        async with kernel.write(system("cli")) as uow:
            expires_at = uow.now + timedelta(days=days) if days else None
            _row, secret = await make_token(uow, name, scopes=scopes, expires_at=expires_at, user_id=person.user_id)
    finally:
        await kernel.close()
    return secret
