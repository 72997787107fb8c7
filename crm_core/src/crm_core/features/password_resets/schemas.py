"""What is sent about forgotten passwords."""

from __future__ import annotations

import msgspec

from crm_core.plugin import JobCall


class SendReset(JobCall, frozen=True, kw_only=True):
    """Look whether somebody has this address, and mail them a link."""

    email: str
    address: str = ""


class AskReset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose password was forgotten."""

    email: str


class DoReset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of the mailed link after the last slash, and the new password."""

    token: str
    password: str
