"""Argon2id, off the event loop and never inside a transaction."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.uow import outside_transaction

_ = Strings("crm_core")

SHORTEST, LONGEST = 10, 200
# OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
# Two at a time: a storm of log-ins costs at most 40 MB.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")
_nobody = ""

# Passwords that are long enough and still guessed first.
_COMMON = frozenset({
    "1234567890", "12345678910", "123456789a", "0123456789", "qwertyuiop", "qwertzuiop", "password123", "password1234",
    "passwort123", "administrator", "iloveyou123", "welcome123", "changeme123", "letmein1234", "1q2w3e4r5t",
})  # fmt: skip


class PasswordUnfit(Invalid):
    """The password is too short, too long or one of those guessed first."""


def check(password: str, *, name: str = "", email: str = "") -> None:
    """Raise PasswordUnfit for a password that must not be taken."""
    plain = password.casefold()
    if len(password) < SHORTEST:
        text = _("Use at least {n} characters.", n=SHORTEST)
    elif len(password) > LONGEST:
        text = _("Use at most {n} characters.", n=LONGEST)
    elif plain in _COMMON or len(set(plain)) < 4 or plain in {name.casefold(), email.casefold()}:
        text = _("This password is easy to guess.")
    else:
        return
    raise PasswordUnfit(text, fields={"password": text})


async def hashed(password: str) -> str:
    """Return the Argon2id hash; RuntimeError inside a transaction that has written."""
    outside_transaction("hashing a password")
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def matches(stored: str | None, password: str) -> bool:
    """Return whether the password fits. Without a stored hash the same work is done and the answer is no."""
    outside_transaction("checking a password")
    if len(password) > LONGEST:
        password = password[:LONGEST] + "-"  # cannot match, takes the same time
    return await asyncio.get_running_loop().run_in_executor(_threads, _verify, stored, password)


def _verify(stored: str | None, password: str) -> bool:
    global _nobody
    if stored is None and not _nobody:
        _nobody = _hasher.hash("nobody has this password")
    try:
        _hasher.verify(stored or _nobody, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def outdated(stored: str) -> bool:
    """Return whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)
