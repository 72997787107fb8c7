"""Uploaded files in an S3-compatible bucket, with a local copy of what was used; `blobs = "s3://…"` in crm.toml.

An object's name is its hash below the prefix: `ab/ab12…`. The bucket is the truth; the folder `files` of each
host holds copies that may be deleted at any time. Functions without `async` wait for the network: call them in
a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qs, urlsplit

from crm_core.blobs import DAMAGED, LIMIT, NEW, Blob, BlobStore
from crm_core.errors import NotFound, StartupError, Unavailable
from crm_core.i18n import Strings

_ = Strings("crm_core")
DELETING = "deleting"
SETTLE_SECONDS = 60.0
"""How long an upload waits for a sweep that is removing the same bytes; then it writes them once more."""
COPY_SECONDS = 7 * 24 * 3600.0
"""How long a local copy is kept after it was made."""
YOUNG_SECONDS = 3600.0


class StoreUnavailable(Unavailable):
    """The bucket does not answer, or refuses us."""


class S3BlobStore(BlobStore):
    """Content-addressed like the folder. `folder` is the place of local copies."""

    def __init__(self, folder: Path, address: str, access_key: str, secret_key: str, limit: int = LIMIT) -> None:
        super().__init__(folder, limit)
        try:
            import obstore
        except ModuleNotFoundError as error:
            raise StartupError("files in S3 need one more package: pip install 'crm-core[s3]'") from error
        self.obstore: Any = obstore
        self.store = _store(obstore, address, access_key, secret_key)

    async def put(self, chunks: AsyncIterator[bytes]) -> Blob:
        """Store a stream in the bucket; TooLarge past the limit, StoreUnavailable. Complete before it returns."""
        blob = await super().put(chunks)
        await asyncio.to_thread(self._upload, blob.sha256)
        return blob

    async def fetch(self, sha256: str) -> Path:
        """Return a local copy, fetched when there is none; NotFound when the bucket has no such object."""
        path = self.path(sha256)
        return path if path.is_file() else await asyncio.to_thread(self.open, sha256)

    def open(self, sha256: str) -> Path:
        """Return a local copy; waits for the network when there is none."""
        path = self.path(sha256)
        if path.is_file():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with NamedTemporaryFile(dir=self.folder, prefix=NEW, delete=False) as file:
            try:
                with self._asked():
                    for chunk in self.obstore.get(self.store, _name(sha256)).stream():
                        digest.update(chunk)
                        file.write(chunk)
                if digest.hexdigest() != sha256:
                    raise StoreUnavailable(_("The stored file is damaged."))
            except BaseException:
                os.unlink(file.name)
                raise
        os.replace(file.name, path)
        return path

    def _upload(self, sha256: str) -> None:
        with self._asked(), self.path(sha256).open("rb") as file:
            self.obstore.put(self.store, _name(sha256), file)
            # A sweep may have looked before and may delete after this. It has said so by then: wait, look again.
            until = time.monotonic() + SETTLE_SECONDS
            while self._head(f"{DELETING}/{sha256}") and time.monotonic() < until:
                time.sleep(0.2)
            if self._head(_name(sha256)) is None:
                file.seek(0)
                self.obstore.put(self.store, _name(sha256), file)

    def _head(self, name: str) -> Any:
        with contextlib.suppress(self.obstore.exceptions.NotFoundError, FileNotFoundError):
            return self.obstore.head(self.store, name)
        return None

    @contextlib.contextmanager
    def _asked(self) -> Any:
        try:
            yield
        except (self.obstore.exceptions.NotFoundError, FileNotFoundError) as error:
            raise NotFound(_("The file is missing in the store.")) from error
        except (self.obstore.exceptions.BaseError, TimeoutError) as error:
            raise StoreUnavailable(_("The file store does not answer.")) from error

    def demand_usable(self) -> None:
        """Raise StoreUnavailable unless the bucket answers us."""
        with self._asked():
            self._head("crm")

    # What the sweep of files without a row needs.

    def candidates(self, before: float) -> list[str]:
        """Return the hashes of objects last written before a time; marks of killed sweeps are removed first."""
        with self._asked():
            marks = [m["path"] for m in self._listed(DELETING) if m["last_modified"].timestamp() < before]
            if marks:
                self.obstore.delete(self.store, marks)
            return [_hash(m["path"]) for m in self._listed() if m["last_modified"].timestamp() < before]

    def set_aside(self, sha256: str, before: float) -> bool:
        """Say that an object is about to be deleted; undone, and False, when it was written again since `before`."""
        with self._asked():
            self.obstore.put(self.store, f"{DELETING}/{sha256}", b"1")
            found = self._head(_name(sha256))
            if found is not None and found["last_modified"].timestamp() < before:
                return True
        self.put_back(sha256)
        return False

    def put_back(self, sha256: str) -> None:
        """Take back what `set_aside` said."""
        with contextlib.suppress(NotFound), self._asked():
            self.obstore.delete(self.store, f"{DELETING}/{sha256}")

    def discard(self, sha256: str) -> int:
        """Delete an object set aside, and the local copy unless it is young: an upload may be reading it."""
        with self._asked():
            found = self._head(_name(sha256))
            self.obstore.delete(self.store, _name(sha256))
        _unlink_older(self.path(sha256), time.time() - YOUNG_SECONDS)
        self.put_back(sha256)
        return int(found["size"]) if found else 0

    def drop_unnamed(self, before: float) -> list[int]:
        """Remove what cut-off uploads left on this host, and local copies older than a week."""
        old = time.time() - COPY_SECONDS
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            _unlink_older(path, old)
        return super().drop_unnamed(before)

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Return which of these blobs are not in the bucket."""
        wanted = [h for h in hashes if h]
        if not wanted:
            return []
        with self._asked():
            there = {_hash(m["path"]) for m in self._listed()}
        return [h for h in wanted if h not in there]

    def known_missing(self, hashes: Iterable[str]) -> list[str]:
        """Return nothing: only the bucket knows, and a page does not wait for it."""
        return []

    def take_out_damaged(self, sha256: str) -> int | None:
        """Read a local copy; a damaged one is removed and counts as whole: the bucket has the bytes."""
        size = self.path(sha256).stat().st_size
        if super().take_out_damaged(sha256) is None:
            (self.folder / f"{DAMAGED}{sha256}").unlink(missing_ok=True)
        return size

    def _listed(self, prefix: str = "") -> list[Any]:
        pages = self.obstore.list(self.store, prefix=prefix or None)
        found = [meta for page in pages for meta in page]
        return [m for m in found if m["path"].startswith(f"{DELETING}/") == bool(prefix)]


def _unlink_older(path: Path, than: float) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_mtime < than:
            path.unlink()


def _name(sha256: str) -> str:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("not a SHA-256 in hex")
    return f"{sha256[:2]}/{sha256}"


def _hash(path: str) -> str:
    return path.rpartition("/")[2]


def _store(obstore: Any, address: str, access_key: str, secret_key: str) -> Any:
    """Return the store of `s3://bucket/prefix?endpoint=https://…&region=…`; StartupError for anything else.

    With an endpoint the bucket is part of the path, as most servers but Amazon's want it.
    """
    url = urlsplit(address)
    options = {k: v[0] for k, v in parse_qs(url.query, strict_parsing=bool(url.query)).items()}
    if unknown := sorted(set(options) - {"endpoint", "region"}):
        raise StartupError(f"blobs: unknown option {', '.join(unknown)}; known are endpoint and region")
    if url.scheme != "s3" or not url.netloc:
        raise StartupError('blobs is empty for a folder, or "s3://bucket/prefix?endpoint=https://…&region=…"')
    config: dict[str, Any] = {"region": options.get("region", "us-east-1")}
    if access_key:
        config |= {"access_key_id": access_key, "secret_access_key": secret_key}
    endpoint = options.get("endpoint", "")
    if endpoint:
        config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
    return obstore.store.S3Store(
        url.netloc,
        prefix=url.path.strip("/") or None,
        config=config,
        client_options={"allow_http": endpoint.startswith("http://"), "timeout": timedelta(seconds=60)},
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
    )
