"""What others use of system mail: `await mail.send(uow, mail.Mail(...))`.

from crm_core.features.mail import public as mail

await mail.send_template(uow, "core/mail/password_reset", to=user.email, kind="security",
                         purpose="core.password_reset", locale=user.locale, link=path)
"""

from __future__ import annotations

from crm_core.features.mail.actions import delete_bodies, pause, resume, send, send_template
from crm_core.features.mail.addresses import AddressNotValid, HeaderNotValid
from crm_core.features.mail.entities import suppress
from crm_core.features.mail.queries import Pause, paused
from crm_core.features.mail.schemas import Attachment, Mail, Reason, State
from crm_core.features.mail.server import is_set_up
from crm_core.features.mail.transports import NotNow, Outgoing, Refused

__all__ = [
    "AddressNotValid", "Attachment", "HeaderNotValid", "Mail", "NotNow", "Outgoing", "Pause", "Reason", "Refused",
    "State", "delete_bodies", "is_set_up", "pause", "paused", "resume", "send", "send_template",
    "suppress",
]  # fmt: skip
