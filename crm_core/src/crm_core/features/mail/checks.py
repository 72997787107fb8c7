"""What `crm doctor` and `/ready` ask of mail: nothing that needs the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_core import secrets
from crm_core.features.mail import server

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


async def password_opens(uow: UnitOfWork) -> None:
    """Raise SecretNotReadable when the key that sealed the mail server's password is gone."""
    if stored := (await server.load(uow)).password:
        secrets.unseal(uow.kernel, server.PASSWORD, stored)
