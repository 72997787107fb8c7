"""Who sees a file, what its name may be, and what its bytes say it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.auth.actor import Actor
from crm_core.entity import about
from crm_core.features.files.models import File
from crm_core.plugin import Listener, Ref

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

# What a browser may be told it is. Everything else, HTML and SVG included, is only ever a download.
KNOWN = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
)
UNKNOWN = "application/octet-stream"
LONGEST = 200


def media_type(start: bytes) -> str:
    """Return the media type that the first bytes of a file show."""
    return next((kind for sign, kind in KNOWN if start.startswith(sign)), UNKNOWN)


def safe_name(name: str) -> str:
    """Return a file name without folders, control characters and direction marks; never empty."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(" .")
    return kept[-LONGEST:] or "file"


def also_visible(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on files of the actor's own or their team's records."""
    return about.through_parent(File, actor, "core.file")


async def validate(uow: UnitOfWork, file: File, changed: frozenset[str]) -> None:
    """Copy owner and team of the record it hangs on; Invalid when the actor sees no such record."""
    if file.parent_entity and file.parent_id and {"parent", "parent_id"} & changed:
        ref = Ref(file.parent_entity, file.parent_id)
        found = await about.demand_parents(uow, [ref], "parent")
        file.parent_owner_id, file.parent_team_id = found[ref]


async def copy_owner(uow: UnitOfWork, event: Happened) -> None:
    """Give files of a record its new owner and team."""
    await about.copy_owner(uow, event, File)


LISTENERS = (Listener(event="*", run=copy_owner, name="core.file_owner", wants=about.changes_owner),)
