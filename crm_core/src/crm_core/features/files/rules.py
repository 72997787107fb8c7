"""Who sees a file, what its name may be, and what its bytes say it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crm_core.auth.actor import Actor
from crm_core.entity import about
from crm_core.entity import fields as f
from crm_core.errors import Invalid
from crm_core.features.files.models import File
from crm_core.plugin import Listener, Ref, Strings

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
ANY = f.File("file", _("File"), limit=50 * 2**20)
"""What may hang on any record."""


def also_visible(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on files of the actor's own or their team's records."""
    return about.through_parent(File, actor, "core.file")


async def validate(uow: UnitOfWork, file: File, changed: frozenset[str]) -> None:
    """Copy owner and team of the record it hangs on; Invalid when the actor sees no such record.

    A row without bytes is Invalid too: only an upload makes a file.
    """
    if not file.sha256:
        raise Invalid(_("Upload the file: there is no other way to make one."))
    if file.parent_entity and file.parent_id and {"parent", "parent_id"} & changed:
        ref = Ref(file.parent_entity, file.parent_id)
        found = await about.demand_parents(uow, [ref], "parent")
        file.parent_owner_id, file.parent_team_id = found[ref]


async def copy_owner(uow: UnitOfWork, event: Happened) -> None:
    """Give files of a record its new owner and team."""
    await about.copy_owner(uow, event, File)


LISTENERS = (Listener(event="*", run=copy_owner, name="core.file_owner", wants=about.changes_owner),)
