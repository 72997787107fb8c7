"""Secrets at rest: AES-GCM under a key derived from the installation's, with the key's id in front.

A sealed text is `v1.<key id>.<nonce and ciphertext in base64>`. It is bound to its purpose: sealed for one
column it does not open as another's. Several keys may open, the present one seals.

`cryptography` is loaded at the first seal: it is 6 MB, and many installations keep no secret.

A column with sealed text says so with `info={"sealed": "<purpose>"}`, a settings field with
`Meta(extra={"sealed": "<purpose>"})`; `crm keys rotate` walks both. With `info={…, "bound": ("id", "provider")}`
the seal holds for the values of these columns only: its purpose is `bound("<purpose>", row.id, row.provider)`.
"""

from __future__ import annotations

import base64
import binascii
import os
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm_core.kernel import Kernel

VERSION = "v1"
NONCE = 12


class SecretNotReadable(RuntimeError):
    """A sealed text that no key of this installation opens: a lost key, another purpose, or a changed text."""


def seal(kernel: Kernel, purpose: str, plain: str) -> str:
    """Return `plain` sealed under the present key."""
    return seal_with(kernel.config.secret_key, purpose, plain)


def unseal(kernel: Kernel, purpose: str, sealed: str) -> str:
    """Return what was sealed for this purpose; SecretNotReadable when no present or old key opens it."""
    wanted = key_id_of(sealed)
    for key in (kernel.config.secret_key, *kernel.config.old_secret_keys):
        if key_id(key) == wanted:
            return _unseal_with(key, purpose, sealed)
    raise SecretNotReadable(f"the secret key {wanted!r} is not known here: put it into old_secret_keys")


def bound(purpose: str, *values: object) -> str:
    """Return a purpose that holds for one row only, by values that name it; without values the purpose itself."""
    return "|".join([purpose, *(str(value) for value in values)])


def is_current(kernel: Kernel, sealed: str) -> bool:
    """Return whether a sealed text is under the present key."""
    return key_id_of(sealed) == key_id(kernel.config.secret_key)


@lru_cache(maxsize=64)
def _derived(key: str) -> tuple[str, bytes]:
    """Return the id and the AES-256 key made from a secret key, each for nothing else."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    made = [
        HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(key.encode())
        for size, info in ((4, b"crm seal: key id"), (32, b"crm seal: aes-gcm"))
    ]
    return made[0].hex(), made[1]


def key_id(key: str) -> str:
    """Return the short public name of a secret key."""
    return _derived(key)[0]


def key_id_of(sealed: str) -> str:
    """Return the id of the key that sealed a text; SecretNotReadable for anything else."""
    parts = sealed.split(".")
    if len(parts) != 3 or parts[0] != VERSION:
        raise SecretNotReadable("this is not a sealed text")
    return parts[1]


def seal_with(key: str, purpose: str, plain: str) -> str:
    """Return `plain` sealed under a key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    name, aes = _derived(key)
    nonce = os.urandom(NONCE)
    box = nonce + AESGCM(aes).encrypt(nonce, plain.encode(), _bound(name, purpose))
    return f"{VERSION}.{name}.{base64.urlsafe_b64encode(box).decode()}"


def _unseal_with(key: str, purpose: str, sealed: str) -> str:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    name, aes = _derived(key)
    try:
        box = base64.urlsafe_b64decode(sealed.rpartition(".")[2])
        return AESGCM(aes).decrypt(box[:NONCE], box[NONCE:], _bound(name, purpose)).decode()
    except (InvalidTag, ValueError, binascii.Error) as error:
        raise SecretNotReadable(f"a sealed text for {purpose} does not open") from error


def _bound(name: str, purpose: str) -> bytes:
    return f"{VERSION}.{name}.{purpose}".encode()
