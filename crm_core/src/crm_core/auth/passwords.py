"""Which passwords are taken, and Argon2id: off the event loop and never inside a transaction."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from crm_core.errors import Invalid
from crm_core.i18n import Strings, Text
from crm_core.transactions import outside_transaction

_ = Strings("crm_core")

SHORTEST, LONGEST = 12, 200
ENOUGH = 8.0
"""Guesses a password must be good for, as a power of ten; zxcvbn's "safely unguessable" without an online limit."""
JUDGED = 20
"""Characters judged at each end: with more, a crafted password keeps the estimate busy for seconds."""
# OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
# Two at a time: a storm of log-ins costs at most 40 MB.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")
_nobody = ""

HINT = _(
    "At least {n} characters. A few words that have nothing to do with each other are easy to remember and hard to "
    "guess; digits and symbols are not needed.",
    n=SHORTEST,
)
"""Shown where a password is chosen."""
_GUESSED = _("This password is easy to guess.")
_COMMON = _("This password, or one very like it, is known from data leaks and is tried first.")
_OWN = _("This password is easy to guess: it is little more than your own name or address.")
_REASONS = {
    "a straight row of keys": _("This password is easy to guess: keys side by side on the keyboard."),
    "sequences": _("This password is easy to guess: letters or digits in a row."),
    "repeats": _("This password is easy to guess: the same again and again."),
    "dates": _("This password is easy to guess: dates and years are tried first."),
    "names": _("This password is easy to guess: names are tried first."),
}
_PATTERNS = {
    "spatial": "a straight row of keys", "sequence": "sequences", "repeat": "repeats", "date": "dates",
    "regex": "dates",
}  # fmt: skip


class PasswordUnfit(Invalid):
    """The password is too short, too long, known from leaks or easy to guess."""


def check(password: str, *, name: str = "", email: str = "") -> None:
    """Raise PasswordUnfit for a password that must not be taken. `name` and `email` are the person's own."""
    plain = password.casefold()
    if len(password) < SHORTEST:
        text = _("Use at least {n} characters.", n=SHORTEST)
    elif len(password) > LONGEST:
        text = _("Use at most {n} characters.", n=LONGEST)
    elif len(set(plain)) < 4 or plain in {name.casefold(), email.casefold()}:
        text = _GUESSED
    elif (found := _weakness(password, name, email)) is not None:
        text = found
    else:
        return
    raise PasswordUnfit(text, fields={"password": text})


def _weakness(password: str, name: str, email: str) -> Text | None:
    """Return why a password is easy to guess, None for one that is not. Takes some milliseconds."""
    from zxcvbn import zxcvbn  # 30,000 leaked passwords and the dictionaries: read when the first one is judged

    own = sorted({w for w in re.split(r"[\W_]+", f"{name} {email}".casefold()) if len(w) > 2}, key=len, reverse=True)
    rest = password.casefold()
    for word in own:
        rest = rest.replace(word, "")
    if len(rest) < SHORTEST // 2 < len(password) - len(rest):
        return _OWN
    ends = {password[:JUDGED], password[-JUDGED:]}
    judged = [zxcvbn(end, user_inputs=[*own, "crm"]) for end in ends]
    best = max(judged, key=lambda one: float(one["guesses_log10"]))
    if float(best["guesses_log10"]) >= ENOUGH:
        return None
    weakest = max(best["sequence"], key=lambda match: len(match["token"]))
    if weakest["pattern"] == "dictionary":
        if weakest["dictionary_name"] == "passwords":
            return _COMMON
        return _REASONS["names"] if "name" in weakest["dictionary_name"] else _GUESSED
    return _REASONS.get(_PATTERNS.get(weakest["pattern"], ""), _GUESSED)


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
