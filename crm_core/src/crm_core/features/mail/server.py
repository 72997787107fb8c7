"""How mail leaves: the server, its sign-in, and who it is from.

Kept in a table of its own, not among the declared settings: the password is sealed and is never shown again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core import secrets
from crm_core.errors import Invalid
from crm_core.features.mail import addresses
from crm_core.features.mail.events import MailSettingsChanged
from crm_core.features.mail.models import MailServer
from crm_core.i18n import Strings
from crm_core.plugin import hookspecs

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

ONLY = UUID(int=1)
PASSWORD = "core.mail.password"  # noqa: S105 - what the seal is bound to
CATCHER, SMTP = "catcher", "smtp"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
KEPT = ("transport", "host", "port", "security", "user", "sender_address", "sender_name")


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """System mail. `password` is sealed. transport: a name from the hook; empty: SMTP when a host is set."""

    transport: str = ""
    host: str = ""
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    sender_address: str = ""
    sender_name: str = ""

    @property
    def chosen(self) -> str:
        """Return the transport mails are given to; the catcher keeps them here and sends nothing."""
        return self.transport or (SMTP if self.host and self.sender_address else CATCHER)


class MailSettingsNotValid(Invalid):
    """A server, port or sender that cannot work."""


async def load(uow: UnitOfWork) -> MailSettings:
    """Return how mail leaves."""
    row = await uow.session.get(MailServer, ONLY)
    return MailSettings(**{n: getattr(row, n) for n in (*KEPT, "password")}) if row else MailSettings()


async def is_set_up(uow: UnitOfWork) -> bool:
    """Return whether mails leave this installation; if not, offer links to copy."""
    return (await load(uow)).chosen != CATCHER


async def save(uow: UnitOfWork, new: MailSettings) -> None:
    """Store how mail leaves. `new.password` is as typed: empty keeps the one there is, unless the user is emptied.

    MailSettingsNotValid and AddressNotValid name the field.
    """
    uow.demand_write()
    checked = _checked(uow, new)
    old = await load(uow)
    kept = old.password if new.user and not new.password else ""
    if kept and (old.host, old.user) != (checked.host, checked.user):
        text = _("Enter the password again: it belongs to another server or user.")
        raise MailSettingsNotValid(text, fields={"password": text})
    sealed = secrets.seal(uow.kernel, PASSWORD, new.password) if new.password else kept
    values = {name: getattr(checked, name) for name in KEPT} | {"password": sealed, "updated_at": uow.now}
    done = await uow.session.execute(sa.update(MailServer).where(MailServer.id == ONLY).values(**values))
    if not done.rowcount:  # type: ignore[attr-defined]  # a cursor result
        uow.session.add(MailServer(id=ONLY, **values))
    changed = tuple(n for n in KEPT if getattr(old, n) != getattr(checked, n))
    await uow.emit(MailSettingsChanged(changed=(*changed, *(("password",) if sealed != old.password else ()))))


def _checked(uow: UnitOfWork, new: MailSettings) -> MailSettings:
    faults = {}
    known = {t.name for t in uow.registry.gather(hookspecs.crm_mail_transports)}
    if new.transport and new.transport not in known:
        faults["transport"] = _("There is no such way to send.")
    if not 0 < new.port < 65536:
        faults["port"] = _("A port is a number from 1 to 65535.")
    if new.host and (not new.host.isprintable() or " " in new.host or len(new.host) > 255):
        faults["host"] = _("This is not the name of a server.")
    if new.chosen == SMTP and not (new.host and new.sender_address):
        faults["host" if not new.host else "sender_address"] = _("Needed for sending by SMTP.")
    if new.user and new.security == "none" and new.host not in LOOPBACK:
        faults["security"] = _("Without TLS the password would cross the network readable.")
    if faults:
        raise MailSettingsNotValid(_("Some values are not acceptable."), fields=faults)
    sender = addresses.address(new.sender_address, "sender_address") if new.sender_address else ""
    name = addresses.header(new.sender_name.strip(), "sender_name", 100)
    return msgspec.structs.replace(new, sender_address=sender, sender_name=name)
