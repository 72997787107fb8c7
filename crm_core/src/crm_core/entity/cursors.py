"""Where a page ended: signed, so that nobody pages from a value they were not shown."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from crm_core.errors import Invalid
from crm_core.i18n import Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

SIGNATURE = 12  # bytes
LONGEST = 4000  # characters

# The first letter of a stored key says what it is; the order matters: a bool is an int, a datetime a date.
_KINDS: tuple[tuple[str, type, Callable[[Any], str], Callable[[str], Any]], ...] = (
    ("b", bool, lambda v: "1" if v else "", bool),
    ("i", int, str, int),
    ("d", Decimal, str, Decimal),
    ("t", datetime, datetime.isoformat, datetime.fromisoformat),
    ("y", date, date.isoformat, date.fromisoformat),
    ("u", UUID, str, UUID),
    ("s", str, str, str),
)


class BadCursor(Invalid):
    """The cursor is not one we gave for this list and sort."""


class Cursor(msgspec.Struct, frozen=True):
    """The sort key and id of a page's last row; `missing` when that row had no key."""

    id: UUID
    value: Any
    missing: bool


def write(uow: UnitOfWork, entity: str, sort: str, key: Any, id: UUID) -> str:  # noqa: A002 - what it is
    """Return the cursor that continues after a row."""
    text = "n"
    for kind, python, shown, _read in _KINDS:
        if isinstance(key, python):
            text = kind + shown(key)
            break
    body = msgspec.json.encode((id.hex, text))
    return base64.urlsafe_b64encode(_sign(uow, entity, sort, body) + body).decode().rstrip("=")


def read(uow: UnitOfWork, entity: str, sort: str, text: str) -> Cursor:
    """Return what a cursor says; BadCursor if it was not made here for this entity and sort."""
    try:
        if len(text) > LONGEST:
            raise ValueError("too long")
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        signature, body = raw[:SIGNATURE], raw[SIGNATURE:]
        if not hmac.compare_digest(signature, _sign(uow, entity, sort, body)):
            raise ValueError("not ours")
        id_, stored = msgspec.json.decode(body, type=tuple[str, str])
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise BadCursor(_("The cursor is not valid for this list; start again without it.")) from error
    readers = {kind: made for kind, _python, _shown, made in _KINDS}
    value = None if stored == "n" else readers[stored[0]](stored[1:])
    return Cursor(UUID(id_), value, stored == "n")


def _sign(uow: UnitOfWork, entity: str, sort: str, body: bytes) -> bytes:
    text = b"|".join((b"cursor", entity.encode(), sort.encode(), body))
    return blake2b(text, key=uow.kernel.key[:64], digest_size=SIGNATURE).digest()
