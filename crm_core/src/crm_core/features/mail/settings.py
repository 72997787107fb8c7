"""How mail leaves: the server, its sign-in, and who it is from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from crm_core.plugin import SettingsGroup, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

SEALED = "core.mail.password"
CATCHER, SMTP = "catcher", "smtp"


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """System mail. `password` is sealed. transport: a name from the hook; empty: SMTP when a host is set."""

    transport: str = ""
    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: Annotated[str, Meta(extra={"sealed": SEALED})] = ""
    sender_address: str = ""
    sender_name: str = ""

    @property
    def chosen(self) -> str:
        """Return the transport mails are given to; the catcher keeps them here and sends nothing."""
        return self.transport or (SMTP if self.host and self.sender_address else CATCHER)


GROUP = SettingsGroup(name="core.mail", struct=MailSettings, label=_("E-mail"), permission="core.mail.manage", order=30)


async def is_set_up(uow: UnitOfWork) -> bool:
    """Return whether mails leave this installation; if not, offer links to copy."""
    return (await uow.settings(MailSettings)).chosen != CATCHER
