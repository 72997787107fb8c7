"""One archive with the database as it was at one moment and every file its rows name.

A tar file: `manifest.json`, `database` (a SQLite file, or pg_dump's custom format), `files/<sha256>`. Plain functions;
callers run them in a thread. The secret key stays out: whoever finds a backup finds no passwords of mail servers in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import sqlalchemy as sa

from crm_core.config import Config
from crm_core.errors import UserError
from crm_core.features.backups.schemas import FORMAT, Manifest
from crm_core.secrets import key_id

log = logging.getLogger(__name__)
PREFIX, SUFFIX = "backup-", ".tar"
MANIFEST, DATABASE, FILES = "manifest.json", "database", "files/"
BLOCK = 1024 * 1024


class ArchiveNotReadable(UserError):
    """Not a backup of ours, cut off, or changed since it was made."""


def make(config: Config, target: Path, version: str, revisions: dict[str, str]) -> Manifest:
    """Write a backup to `target`; complete and on disk before the name exists.

    The database is copied in one read transaction while others go on writing. Files are named by their content and
    written before their rows, so those there before the copy and those after it hold all that the copy's rows name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with TemporaryDirectory(dir=target.parent, prefix="making-") as name:
        folder = Path(name)
        held = folder / "files"
        held.mkdir()
        _hold(config.files, held)
        copy = folder / DATABASE
        (_copy_sqlite if config.sqlite else _dump)(config, copy)
        _hold(config.files, held)
        _leave_out_damaged(held)
        sizes = {p.name: p.stat().st_size for p in held.iterdir()}
        manifest = Manifest(
            format=FORMAT, made_at=datetime.now(UTC), version=version,
            dialect="sqlite" if config.sqlite else "postgresql", sha256=_digest(copy), key=key_id_of(config),
            files=len(sizes), file_bytes=sum(sizes.values()), revisions=revisions,
        )  # fmt: skip
        try:
            _write(part, manifest, copy, held)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    return manifest


def _hold(source: Path, held: Path) -> None:
    """Link every stored file, so that one removed meanwhile is still there for us."""
    for path in source.glob("[0-9a-f][0-9a-f]/*"):
        if len(path.name) == 64 and not (held / path.name).exists():
            with contextlib.suppress(FileNotFoundError):  # removed at this moment: no row names it any more
                _link(path, held / path.name)


def _leave_out_damaged(held: Path) -> None:
    """Drop files whose bytes are not those of their name: an archive with one of them could not be put back."""
    for path in held.iterdir():
        if _digest(path) != path.name:
            log.error("%s is damaged and left out of the backup", path.name)
            path.unlink()


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        shutil.copyfile(source, target)  # another disk, or a file system without links


def _copy_sqlite(config: Config, copy: Path) -> None:
    with closing(sqlite3.connect(config.database_file)) as source, closing(sqlite3.connect(copy)) as made:
        source.backup(made)
        made.execute("pragma journal_mode=delete")


def _dump(config: Config, copy: Path) -> None:
    run_tool("pg_dump", config, "--format=custom", "--no-owner", "--file", str(copy))


def run_tool(name: str, config: Config, *arguments: str) -> str:
    """Run a tool of PostgreSQL against the configured database; UserError when it is missing or fails.

    The password travels in the environment: on the command line everybody on the machine could read it.
    """
    program = shutil.which(name)
    if program is None:
        raise UserError(f"{name} is not installed: it comes with PostgreSQL's client programs")
    url = sa.make_url(config.database_url)
    given = {
        "PGHOST": url.query.get("host") or url.host, "PGPORT": str(url.port or 5432), "PGUSER": url.username,
        "PGPASSWORD": url.password, "PGDATABASE": url.database,
    }  # fmt: skip
    environment = {"PATH": os.defpath, **{k: str(v) for k, v in given.items() if v}}
    done = subprocess.run(
        [program, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(f"{name} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def _write(part: Path, manifest: Manifest, copy: Path, held: Path) -> None:
    with part.open("wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
        text = msgspec.json.format(msgspec.json.encode(manifest))
        head = tarfile.TarInfo(MANIFEST)
        head.size, head.mode = len(text), 0o600
        tar.addfile(head, io.BytesIO(text))
        tar.add(copy, DATABASE)
        for path in sorted(held.iterdir()):
            tar.add(path, FILES + path.name)
        tar.close()
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def key_id_of(config: Config) -> str:
    """Return the id of the present secret key."""
    return key_id(config.secret_key)


def manifest_of(archive: Path) -> Manifest:
    """Return what an archive says about itself; ArchiveNotReadable."""
    with opened(archive) as tar:
        return _manifest(tar, archive)


@contextlib.contextmanager
def opened(archive: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive; whatever tar says about it becomes ArchiveNotReadable."""
    try:
        with tarfile.open(archive) as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise ArchiveNotReadable(f"{archive} cannot be read: {error}") from error
    except FileNotFoundError as error:
        raise UserError(f"{archive} does not exist") from error


def _manifest(tar: tarfile.TarFile, archive: Path) -> Manifest:
    member = tar.next()
    text = tar.extractfile(member) if member is not None and member.name == MANIFEST else None
    if text is None:
        raise ArchiveNotReadable(f"{archive} is not a backup made by crm backup")
    try:
        found = msgspec.json.decode(text.read(), type=Manifest)
    except msgspec.MsgspecError as error:
        raise ArchiveNotReadable(f"{archive} is not a backup made by crm backup: {error}") from error
    if found.format != FORMAT:
        raise ArchiveNotReadable(f"{archive} was made by a newer version ({found.version})")
    return found


def unpack(archive: Path, folder: Path) -> tuple[Manifest, Path, list[Path]]:
    """Put an archive's members into an empty folder; return manifest, the database's copy and the files.

    Every member is checked against its hash, so that a cut or changed archive is refused before anything is replaced.
    """
    with opened(archive) as tar:
        manifest = _manifest(tar, archive)
        files = []
        for member in tar:
            if member.name == MANIFEST:
                continue
            name = member.name.removeprefix(FILES)
            if not member.isfile() or not (member.name == DATABASE or (len(name) == 64 and name.isalnum())):
                raise ArchiveNotReadable(f"{archive} holds {member.name!r}, which no backup has")
            source = tar.extractfile(member)
            assert source is not None
            with (folder / name).open("wb") as file:
                shutil.copyfileobj(source, file, BLOCK)
            if _digest(folder / name) != (manifest.sha256 if member.name == DATABASE else name):
                raise ArchiveNotReadable(f"{member.name} in {archive} is not what was put there")
            if member.name != DATABASE:
                files.append(folder / name)
    if not (folder / DATABASE).is_file() or len(files) != manifest.files:
        raise ArchiveNotReadable(f"{archive} is cut off")
    return manifest, folder / DATABASE, files
