"""Configuration: the only place that reads the environment.

Order: environment (`CRM_…`), then `crm.toml` in the folder, then defaults.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs

from crm_core.errors import StartupError

KEY_FILE = "secret.key"
MINIMUM_KEY = 32
MEANINGS = {
    "database_url": "Address of the database: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`. "
    "Default: `crm.db` in the folder.",
    "redis_url": "Address of Redis. With it jobs go to `crm worker`; without it the web process runs them.",
    "base_url": "Address people reach the CRM by, for links in mails and for cookies: `https://crm.example.com`.",
    "host": "Address to listen on.",
    "port": "Port to listen on.",
    "secret_key": "At least 32 characters; signs sessions and encrypts stored secrets. Embedded, a key file is made.",
    "old_secret_keys": "Keys used before: they still open stored secrets. `crm keys rotate` makes them superfluous.",
    "required": "Plugins the CRM does not start without.",
    "disabled": "Plugins that stay installed and are not loaded.",
    "strict_plugins": "Refuse to start when any plugin cannot load.",
    "insecure_http": "Start although `base_url` is plain http: passwords then cross the network readable.",
    "blobs": "Where uploaded files lie: empty for the folder `files`, or `s3://BUCKET/PREFIX?endpoint=https://…&region=…`.",
    "blobs_access_key": "Access key of the bucket; empty: what the host is given by its cloud.",
    "blobs_secret_key": "Secret key of the bucket.",
    "outbound_allow": "Private networks (CIDR) that outgoing connections may reach.",
    "jobs": "Whether an embedded web process runs jobs.",
    "job_lease": "Seconds the job of a killed process waits until another one takes it.",
    "api_limit": "Requests a minute through one API token; 0 for no limit.",
    "log_format": "`text` or `json`.",
    "log_level": "`debug`, `info`, `warning` or `error`.",
}
"""The keys of `crm.toml`, each also read from `CRM_<KEY>`, and what they mean."""


@dataclass(frozen=True, slots=True)
class Config:
    """How one installation runs.

    folder holds `crm.toml`, the SQLite file, the key and uploaded files. `redis_url` None means
    embedded: jobs, live updates and limits stay in the web process. `outbound_allow` lists networks
    in CIDR form that outgoing connections may reach although they are private. `job_lease` is how many
    seconds the job of a killed process waits until another one takes it.
    """

    folder: Path
    database_url: str
    redis_url: str | None = None
    base_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    strict_plugins: bool = False
    required: tuple[str, ...] = ()
    disabled: frozenset[str] = frozenset()
    insecure_http: bool = False
    outbound_allow: tuple[str, ...] = ()
    blobs: str = ""
    blobs_access_key: str = ""
    blobs_secret_key: str = ""
    secret_key: str = ""
    api_limit: int = 600
    old_secret_keys: tuple[str, ...] = ()
    log_format: str = "text"
    log_level: str = "info"
    jobs: bool = True
    job_lease: float = 15.0
    testing: bool = False

    @property
    def embedded(self) -> bool:
        """Return whether one process does everything."""
        return self.redis_url is None

    @property
    def sqlite(self) -> bool:
        """Return whether the database is a SQLite file."""
        return self.database_url.startswith("sqlite")

    @property
    def database_file(self) -> Path:
        """Return the SQLite file."""
        return Path(self.database_url.partition("///")[2])

    @property
    def files(self) -> Path:
        """Return the folder of uploaded files."""
        return self.folder / "files"

    @property
    def url(self) -> str:
        """Return the address links are made with, without a slash at the end."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def secure(self) -> bool:
        """Return whether browsers reach us by https, so that cookies are marked Secure."""
        return self.url.startswith("https://")

    def but(self, **changes: Any) -> Config:
        """Return a copy with other values."""
        return replace(self, **changes)

    @classmethod
    def load(cls, folder: Path | str | None = None) -> Config:
        """Read the configuration of `folder` (default: CRM_FOLDER, then the user's data folder).

        Raises StartupError for an unreadable file, unknown keys and a short key.
        """
        home = Path(folder or os.environ.get("CRM_FOLDER") or platformdirs.user_data_dir("crm")).expanduser().absolute()
        values = _file(home / "crm.toml")
        if unknown := sorted(set(values) - set(MEANINGS)):
            raise StartupError(f"{home / 'crm.toml'}: unknown setting {', '.join(unknown)}")
        for name in MEANINGS:
            if (text := os.environ.get(f"CRM_{name.upper()}")) is not None:
                values[name] = text
        config = cls(folder=home, **_typed(values, home))
        if config.secret_key and len(config.secret_key) < MINIMUM_KEY:
            raise StartupError(f"secret_key is too short: at least {MINIMUM_KEY} characters")
        return config

    def prepare(self) -> Config:
        """Create the folder and the key file when missing; return the configuration with its key."""
        try:
            self.files.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(f"cannot use the folder {self.folder}: {error.strerror}") from error
        if self.secret_key:
            return self
        path = self.folder / KEY_FILE
        if not path.is_file():
            if not self.embedded:
                raise StartupError("scaled out, every process needs the same key: set secret_key in crm.toml")
            # Another process may make it in this moment; then theirs is read.
            with (
                contextlib.suppress(FileExistsError),
                open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file,
            ):
                file.write(secrets.token_urlsafe(48))
        present, *old = path.read_text().split() or [""]  # the key file holds the present key, then older ones
        return replace(self, secret_key=present, old_secret_keys=(*old, *self.old_secret_keys))


def _file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartupError(f"{path}: {error}") from error


def _typed(values: dict[str, Any], home: Path) -> dict[str, Any]:
    typed = dict(values)
    for name in ("strict_plugins", "insecure_http", "jobs"):
        if isinstance(text := typed.get(name), str):
            typed[name] = text.lower() in ("1", "true", "yes", "on")
    for name in ("required", "outbound_allow", "disabled", "old_secret_keys"):
        value = typed.get(name, ())
        typed[name] = tuple(v for v in value.replace(",", " ").split()) if isinstance(value, str) else tuple(value)
    typed["disabled"] = frozenset(typed["disabled"])
    for name, kind, usual, least in (("port", int, 8000, -1), ("api_limit", int, 600, 0), ("job_lease", float, 15, 1)):
        try:
            typed[name] = max(kind(least), kind(typed.get(name, usual)))
        except (TypeError, ValueError) as error:
            raise StartupError(f"{name} is not a number: {typed[name]!r}") from error
    if not 0 <= typed["port"] <= 65535:
        raise StartupError(f"port must be 0 to 65535, not {typed['port']}")
    typed["database_url"] = database_url(str(typed.get("database_url") or f"sqlite:///{home / 'crm.db'}"))
    typed["redis_url"] = typed.get("redis_url") or None
    return typed


def database_url(text: str) -> str:
    """Return an URL with the async driver we use; StartupError for other databases."""
    for prefix, full in (
        ("sqlite+aiosqlite:", "sqlite+aiosqlite:"), ("sqlite:", "sqlite+aiosqlite:"),
        ("postgresql+asyncpg:", "postgresql+asyncpg:"), ("postgresql:", "postgresql+asyncpg:"),
        ("postgres:", "postgresql+asyncpg:"),
    ):  # fmt: skip
        if text.startswith(prefix):
            return full + text[len(prefix) :]
    raise StartupError(f"database_url must start with sqlite: or postgresql:, not {text.partition(':')[0]!r}")
