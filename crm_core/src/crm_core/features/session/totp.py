"""Codes of authenticator apps (RFC 6238: SHA-1, six digits, 30 seconds) and recovery codes; no database here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import secrets
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

STEP = 30
"""Seconds a code is shown."""
DIGITS = 6
SECRET_BYTES = 20
DRIFT = (0, -1, 1)
"""Steps by which a telephone's clock may differ."""
RECOVERY_CODES = 10
# Crockford's alphabet: no letter that looks like a digit. 16 characters are 80 bits.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKS_LIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})


def new_secret() -> str:
    """Return a fresh secret in base32, as apps take it when it is typed."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def step_at(moment: datetime) -> int:
    """Return the number of the 30-second step."""
    return int(moment.timestamp()) // STEP


def code_at(secret: str, step: int) -> str:
    """Return the code that an app shows during a step."""
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.hotp import HOTP  # 6 MB for those who use codes

    # SHA-1 is what every app knows; HMAC does not need its collision resistance.
    maker = HOTP(base64.b32decode(secret), DIGITS, SHA1())  # noqa: S303
    return maker.generate(step).decode()


def step_of(secret: str, code: str, moment: datetime) -> int | None:
    """Return the step whose code this is, within half a minute of now; None for a wrong one."""
    typed = "".join(code.split())
    found = None
    for drift in DRIFT:  # all of them, so that the time tells nothing
        step = step_at(moment) + drift
        if hmac.compare_digest(code_at(secret, step).encode(), typed.encode()):
            found = step
    return found


def uri(secret: str, account: str, issuer: str) -> str:
    """Return the address that apps read from a QR code."""
    label = f"{quote(issuer)}:{quote(account)}"
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer)}&algorithm=SHA1&digits={DIGITS}&period={STEP}"


def qr_svg(text: str, title: str) -> str:
    """Return a QR code as an SVG element without styles or ids, black on white in any theme."""
    import segno  # here, so that a web process does not carry it for a page that is rarely opened

    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False, svgns=False, nl=False,
        svgclass="qr", lineclass=None, title=title, omitsize=False,
    )  # fmt: skip
    return out.getvalue().decode()


def new_recovery_codes() -> list[str]:
    """Return ten fresh codes such as "7K3M-9QRT-0XWV-5HNB"."""
    found = ["".join(secrets.choice(_ALPHABET) for _ in range(16)) for _n in range(RECOVERY_CODES)]
    return ["-".join(one[i : i + 4] for i in range(0, 16, 4)) for one in found]


def recovery_hash(user_id: UUID, code: str) -> bytes:
    """Return what the database keeps of a recovery code; dashes, spaces, case and lookalikes do not matter.

    80 random bits need no slow hash; the user's id keeps equal codes of two people apart.
    """
    plain = "".join(c for c in code.upper() if c.isalnum()).translate(_LOOKS_LIKE)
    return hashlib.sha256(user_id.bytes + plain.encode()).digest()


def looks_like_app_code(code: str) -> bool:
    """Return whether this has the shape of an app's code; everything else is tried as a recovery code."""
    typed = "".join(code.split())
    return len(typed) == DIGITS and typed.isdigit() and typed.isascii()
