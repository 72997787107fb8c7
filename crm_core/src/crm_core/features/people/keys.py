"""The one form in which e-mail addresses, phone numbers, domains and names are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from email.utils import parseaddr
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from crm_core.entity.folding import words
from crm_core.features.people.models import LENGTH
from crm_core.plugin import hookspecs

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

LEAST_DIGITS = 5  # fewer are an extension, which says nothing about whose it is
NAMED = 3  # words of a name that make its blocks
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_NUMBER = re.compile(r"[\s\d+()./*#-]*\d[\s\d+()./*#-]*(?:(?:ext\.?|x)\s*\d+)?", re.IGNORECASE)
_SOUNDS = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("ph", "f"), ("th", "t"), ("dt", "t"), ("ck", "k"), ("tz", "z"),
           ("sch", "s"), ("c", "k"), ("y", "i"), ("v", "f"), ("w", "f"), ("q", "k"), ("d", "t"),
           ("b", "p"))  # fmt: skip
# Forms of companies and little words; they tell no company from another.
FORMS = frozenset(
    [
        "ab",
        "ag",
        "and",
        "as",
        "bv",
        "co",
        "company",
        "corp",
        "corporation",
        "cv",
        "ek",
        "ev",
        "gbr",
        "ggmbh",
        "gmbh",
        "group",
        "gruppe",
        "holding",
        "inc",
        "incorporated",
        "kg",
        "kgaa",
        "limited",
        "llc",
        "llp",
        "ltd",
        "nv",
        "ohg",
        "oy",
        "plc",
        "pty",
        "sa",
        "sarl",
        "sas",
        "se",
        "spa",
        "srl",
        "the",
        "ug",
        "und",
    ]
)


class Key(NamedTuple):
    """One thing by which a record is recognised: its kind and the folded value."""

    kind: str
    folded: str


def normal_email(text: str) -> str | None:
    """Return an address as it is compared: without name, case and spelling of its domain; None if it is none."""
    plain = text.strip().removeprefix("mailto:")
    address = parseaddr(plain)[1] if "<" in plain else plain
    local, at, host = address.rpartition("@")
    domain = normal_domain(host) if at and not any(c.isspace() for c in address) else None
    if not local or domain is None:
        return None
    return f"{unicodedata.normalize('NFKC', local).casefold()}@{domain}"[:LENGTH]


def normal_domain(text: str) -> str | None:
    """Return a host name in lower case, in its ASCII form, without scheme, path, port and "www."; None if none."""
    host = text.strip().casefold().partition("://")[2] or text.strip().casefold()
    host = re.split(r"[/?#:]", host, maxsplit=1)[0].rstrip(".").removeprefix("www.")
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return None
    return host if len(host) <= LENGTH and _HOST.fullmatch(host) else None


def normal_phone(text: str, country: str = "") -> str | None:
    """Return a number as "+4940123456", or its bare digits where the country is not known; None if it is none.

    country: ISO code of two letters for numbers without a country's prefix.
    """
    return _phone(text.strip(), country.upper())


@lru_cache(maxsize=4096)
def _phone(text: str, country: str) -> str | None:
    text = re.sub(r"^(?:tel:|callto:)", "", text, flags=re.IGNORECASE).strip()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    digits = "".join(c for c in text if c.isdecimal() and c.isascii())
    if len(digits) < LEAST_DIGITS or not _NUMBER.fullmatch(text):
        return None
    if text.startswith("00") and not country:
        text = f"+{text[2:]}"
    try:
        number = phonenumbers.parse(text, country or None)
    except NumberParseException:
        return digits[:LENGTH]
    number.extension = None
    if not phonenumbers.is_possible_number(number):
        return digits[:LENGTH]
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def key_of(address: str, country: str) -> Iterator[Key]:
    """Yield what an address of any kind is looked up by; nothing for what is none."""
    if "@" in address:
        email = normal_email(address)
        if email is not None:
            yield Key("email", email)
            yield Key("domain", email.rpartition("@")[2])
        return
    phone = normal_phone(address, country)
    if phone is not None:
        yield Key("phone", phone)
    elif (domain := normal_domain(address)) is not None:
        yield Key("domain", domain)


@lru_cache(maxsize=16_384)
def significant(name: str) -> tuple[str, ...]:
    """Return the folded words of a name that tell it from others: legal forms and little words are left out."""
    found = words(name)
    return tuple([w for w in found if w not in FORMS and len(w) > 1] or found)


def sound(word: str) -> str:
    """Return the skeleton of a folded word: alike for Müller, Mueller and Muler, for Meier and Mayr."""
    for old, new in _SOUNDS:
        word = word.replace(old, new)
    first, rest = word[:1], re.sub(r"[aeioujh]", "", word[1:])
    plain = re.sub(r"(.)\1+", r"\1", first + rest)
    return plain[:8]


def name_keys(name: str) -> Iterator[Key]:
    """Yield the blocks of similar names a name is in: the sound of one word with the initial of another."""
    parts = list(dict.fromkeys(significant(name)))[:NAMED]
    if len(parts) == 1:
        yield Key("name", f"{sound(parts[0])}|")
    for one in parts:
        for other in parts:
            if one is not other:
                yield Key("name", f"{sound(one)}|{other[0]}")


async def region(uow: UnitOfWork) -> str:
    """Return the organisation's country, for phone numbers without a prefix; "" when it is not known."""
    for group in uow.registry.gather(hookspecs.crm_settings):
        if group.name == "core.organisation":
            found: msgspec.Struct = await uow.settings(group.struct)
            return str(getattr(found, "country", "") or "")
    return ""
