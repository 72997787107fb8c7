"""What other features use of files: hanging uploads on a record of theirs, and what hangs there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.entity.clean import BadValue
from crm_core.errors import Invalid
from crm_core.features.files.actions import store, take
from crm_core.features.files.models import File
from crm_core.features.files.rules import ANY
from crm_core.features.files.sweeping import Swept, named, naming_columns, remove
from crm_core.uploads import demand_fits

if TYPE_CHECKING:
    from litestar.datastructures import UploadFile

    from crm_core.blobs import Blob
    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

__all__ = ["checked", "forget", "named_among", "names_on", "take"]


async def checked(uow: UnitOfWork, upload: UploadFile) -> tuple[Blob, str, str]:
    """Store the bytes of an upload and return what `take` needs: bytes, media type, name; Invalid if it may not be.

    Before the transaction writes anything.
    """
    blob, media = await store(uow, upload)
    try:
        demand_fits(ANY, upload.filename, blob.size, media)
    except BadValue as bad:
        raise Invalid(bad.text) from bad
    return blob, media, upload.filename


async def names_on(uow: UnitOfWork, entity: str, ids: Sequence[UUID]) -> dict[UUID, list[tuple[UUID, str]]]:
    """Return id and name of the files on records whose reading the caller has checked."""
    found: dict[UUID, list[tuple[UUID, str]]] = defaultdict(list)
    wanted = sa.select(File.parent_id, File.id, File.name).where(
        File.parent_entity == entity, File.parent_id.in_(ids), File.deleted_at.is_(None)
    )
    if ids:
        for parent, key, name in await uow.session.execute(wanted.order_by(File.id)):
            if parent is not None:
                found[parent].append((key, name))
    return found


async def forget(kernel: Kernel, hashes: Iterable[str]) -> int:
    """Remove stored bytes at once, those that a row or an unfinished job still names aside; return their number."""
    columns, wanted, swept = await naming_columns(kernel), list(dict.fromkeys(hashes)), Swept()
    for sha256 in set(wanted) - await named(kernel, columns, wanted):
        await remove(kernel, columns, sha256, 0.0, swept)
    return swept.files


async def named_among(kernel: Kernel, hashes: Iterable[str]) -> set[str]:
    """Return which of these stored bytes a row or an unfinished job names."""
    return await named(kernel, await naming_columns(kernel), hashes)
