"""What may stand in an address and in a header: nothing that could begin another recipient or another header."""

from __future__ import annotations

import re

from crm_core.errors import Invalid
from crm_core.i18n import Strings

_ = Strings("crm_core")

LONGEST_ADDRESS = 254
LONGEST_SUBJECT = 500
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
# C0 and C1 controls, the line and paragraph separators, direction overrides, and halves of surrogate pairs.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class AddressNotValid(Invalid):
    """Not one plain mail address: local part, "@", domain; no names, comments, groups or quotes."""


class HeaderNotValid(Invalid):
    """A line break, NUL byte or other control character in what becomes a header."""


def address(text: str, field: str = "to") -> str:
    """Return one address with its domain in ASCII; AddressNotValid for everything else.

    Local parts in other scripts are refused: few servers take them. At most 64 and 254 characters.
    """
    local, at, domain = text.strip(" ").rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower() if at else ""
    except UnicodeError:
        ascii_domain = ""
    whole = f"{local}@{ascii_domain}"
    plain = bool(LOCAL.fullmatch(local) and len(local) <= 64 and DOMAIN.fullmatch(ascii_domain))
    if "=?" in local:  # an encoded word, which a library on the way may decode into another address
        plain = False
    if not plain or len(whole) > LONGEST_ADDRESS:
        problem = _("This is not an e-mail address we can send to.")
        raise AddressNotValid(problem, fields={field: problem})
    return whole


def header(text: str, field: str, longest: int = LONGEST_SUBJECT) -> str:
    """Return a text that may become a header; HeaderNotValid for control characters and too many of any."""
    if CONTROLS.search(text):
        problem = _("Line breaks and control characters are not allowed here.")
        raise HeaderNotValid(problem, fields={field: problem})
    if len(text) > longest:
        problem = _("At most {n} characters.", n=longest)
        raise HeaderNotValid(problem, fields={field: problem})
    return text
