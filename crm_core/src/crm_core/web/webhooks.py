"""Signed webhooks by the Standard Webhooks specification: signing what we send, checking what plugins receive.

    message_id = verify(secret, request.headers, body)
    if await once(uow, "payments", message_id):
        ...

The signed text is `id.timestamp.body` under HMAC-SHA256; see https://www.standardwebhooks.com.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from crm_core.db.tables import InboundEvent
from crm_core.errors import CrmError
from crm_core.i18n import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

PREFIX = "whsec_"
TOLERANCE = 300
"""Seconds a stamp may be old, or ahead."""
MOST_SIGNATURES = 10
_ID = re.compile(r"[!-\-/-~]{1,255}")  # printable and without a dot: that is what parts the signed text
_STAMP = re.compile(r"[0-9]{1,12}")


class NotVerified(CrmError):
    """A webhook without a valid signature of ours; the caller learns no more than that."""

    status = 401


def new_secret() -> str:
    """Return a new secret of 32 random bytes, `whsec_…`."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message, `v1,…`; NotVerified for what is no secret."""
    text = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), text, hashlib.sha256)).decode()


def headers(keys: Sequence[str], message_id: str, body: bytes, *, now: float | None = None) -> dict[str, str]:
    """Return the headers of a message, signed with each of the secrets."""
    stamp = int(time.time() if now is None else now)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": " ".join(sign(key, message_id, stamp, body) for key in keys),
    }


def verify(secret: str | Sequence[str], given: Mapping[str, str], body: bytes, *, now: float | None = None) -> str:
    """Return the id of a message that was signed with the secret (or one of several, while they are changed).

    body: the bytes as received, not decoded and encoded again. Raises NotVerified without a secret, for a stamp
    older or newer than five minutes, and for everything that is not signed. Takes the same time for every wrong
    signature. A message that is sent again passes again: take it in with `once`.
    """
    keys = [_key(one) for one in ([secret] if isinstance(secret, str) else secret)]
    found = {name.lower(): value for name, value in given.items()}
    message_id, stamp = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    if not keys or not _ID.fullmatch(message_id) or not _STAMP.fullmatch(stamp):
        raise _not_verified()
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE:
        raise _not_verified()
    text = f"{message_id}.{stamp}.".encode() + body
    # Compared as text: several texts decode to the same bytes, and only one of them was signed.
    expected = [b"v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256)) for key in keys]
    signatures = found.get("webhook-signature", "").split(" ")[:MOST_SIGNATURES]
    matches = [
        hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), one)
        for signature in signatures
        for one in expected
    ]
    if not any(matches):
        raise _not_verified()
    return message_id


async def once(uow: UnitOfWork, source: str, event_id: str) -> bool:
    """Return whether this event of `source` is new: True once, in the transaction that does its work.

    Inserted first, so that of two copies at the same moment the second waits and then does nothing. It says nothing
    about order: where that matters, compare the event's own version or time with what is stored.
    """
    uow.demand_write()
    insert: Any = sqlite.insert if uow.db.dialect == "sqlite" else postgresql.insert
    row = insert(InboundEvent).values(source=source, event_id=event_id, at=uow.now)
    done = await uow.session.execute(row.on_conflict_do_nothing().returning(InboundEvent.event_id))
    return done.first() is not None


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error) as error:
        raise _not_verified() from error
    if len(key) < 16:
        raise _not_verified()
    return key


def _not_verified() -> NotVerified:
    return NotVerified(_("The signature is missing or not valid."))
