"""Uploaded files in a folder, named by their hash; a row that names a blob is written after it is on disk."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from crm_core.errors import NotFound, TooLarge
from crm_core.i18n import Strings

_ = Strings("crm_core")
LIMIT = 50 * 2**20
NEW, ASIDE, DAMAGED = "new-", "aside-", "damaged-"


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
        with NamedTemporaryFile(dir=self.folder, prefix=NEW, delete=False) as file:
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

    async def fetch(self, sha256: str) -> Path:
        """Return the file of a blob, brought here first where files lie elsewhere; NotFound when it is missing."""
        return self.open(sha256)

    def demand_usable(self) -> None:
        """Raise OSError unless files can be written here and there is room left; waits for the disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self.folder, prefix=NEW) as file:
            file.write(b"1")
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(self.folder).free
        if free < self.limit:
            raise OSError(f"{self.folder}: only {free // 2**20} MB left")

    # What the sweep of files without a row needs; plain functions, to be called in a thread.

    def candidates(self, before: float) -> list[str]:
        """Return the hashes of blobs last written before a time; those a killed sweep set aside are put back first."""
        for path in self.folder.glob(f"{ASIDE}*"):
            self.put_back(path.name.removeprefix(ASIDE))
        return [p.name for p in self.folder.glob("[0-9a-f][0-9a-f]/*") if len(p.name) == 64 and _written(p) < before]

    def set_aside(self, sha256: str, before: float) -> bool:
        """Take a blob's name away; undone, and False, when the same bytes were written again since `before`."""
        aside = self.folder / f"{ASIDE}{sha256}"
        with contextlib.suppress(FileNotFoundError):
            os.rename(self.path(sha256), aside)
            if _written(aside) < before:
                return True
            self.put_back(sha256)
        return False

    def put_back(self, sha256: str) -> None:
        """Give a blob set aside its name again."""
        with contextlib.suppress(FileNotFoundError):
            os.rename(self.folder / f"{ASIDE}{sha256}", self.path(sha256))

    def discard(self, sha256: str) -> int:
        """Remove a blob set aside; return its bytes."""
        return _unlink(self.folder / f"{ASIDE}{sha256}")

    def drop_unnamed(self, before: float) -> list[int]:
        """Remove what uploads that were cut off left before a time; return the bytes of each."""
        return [_unlink(path) for path in self.folder.glob(f"{NEW}*") if _written(path) < before]

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Return which of these blobs are not on disk."""
        return [h for h in hashes if h and not self.path(h).is_file()]

    def known_missing(self, hashes: Iterable[str]) -> list[str]:
        """Return which of these blobs are missing as far as a look at this disk tells."""
        return self.missing(hashes)

    # What the scrub needs.

    def here(self) -> list[str]:
        """Return the hashes of all blobs on this disk."""
        return sorted(p.name for p in self.folder.glob("[0-9a-f][0-9a-f]/*") if len(p.name) == 64)

    def take_out_damaged(self, sha256: str) -> int | None:
        """Read a blob; keep it aside as `damaged-<hash>` when its bytes are others, so that nobody gets them.

        Returns its size, None when it was damaged. FileNotFoundError when it was removed meanwhile.
        """
        path, aside = self.path(sha256), self.folder / f"{DAMAGED}{sha256}"
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            try:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == sha256
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                whole = False  # the disk cannot read it
            if not whole and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                os.replace(path, aside)  # not an upload of the right bytes that came meanwhile
        if whole:
            aside.unlink(missing_ok=True)  # somebody uploaded it again
        return size if whole else None


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")  # gone meanwhile: nothing to do with it


def _unlink(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        size = path.stat().st_size
        path.unlink()
        return size
    return 0
