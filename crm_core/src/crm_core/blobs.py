"""Uploaded files in a folder, named by their hash; a row that names a blob is written after it is on disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from crm_core.errors import NotFound, TooLarge
from crm_core.i18n import Strings

_ = Strings("crm_core")
LIMIT = 50 * 2**20


@dataclass(frozen=True, slots=True)
class Blob:
    """sha256 in hex, size in bytes."""

    sha256: str
    size: int


class BlobStore:
    """Content-addressed: the same bytes are stored once. Names are ours, so no path of a user reaches the disk."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder = folder
        self.limit = limit

    def path(self, sha256: str) -> Path:
        """Return where a blob lies; ValueError for anything that is not a hash."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError("not a SHA-256 in hex")
        return self.folder / sha256[:2] / sha256

    async def put(self, chunks: AsyncIterator[bytes]) -> Blob:
        """Store a stream; TooLarge past the limit. Complete and synced before the name exists."""
        self.folder.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with NamedTemporaryFile(dir=self.folder, prefix="new-", delete=False) as file:
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self.limit:
                        raise TooLarge(_("The file is larger than {limit} MB.", limit=self.limit // 2**20))
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
            except BaseException:
                os.unlink(file.name)
                raise
        target = self.path(digest.hexdigest())
        target.parent.mkdir(exist_ok=True)
        os.replace(file.name, target)
        return Blob(digest.hexdigest(), size)

    def open(self, sha256: str) -> Path:
        """Return the file of a blob; NotFound when it is missing on disk."""
        path = self.path(sha256)
        if not path.is_file():
            raise NotFound(_("The file is missing in the store."))
        return path
