"""Files that visitors send: looked at first, then stored, then hung on what was made of the form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from litestar.datastructures import UploadFile

from crm_core.auth.actor import system
from crm_core.blobs import Blob
from crm_core.entity import records
from crm_core.entity.clean import BadValue
from crm_core.entity.fields import File as FileField
from crm_core.features.files import public as files
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref
from crm_core.uploads import demand_fits, media_type
from crm_core.web.forms import Form
from crm_core.web.inputs import Input

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
Stored = tuple[Blob, str, str]
LARGEST_BODY = 32 * 2**20
"""Bytes of a post with files."""


def split(form: Form) -> list[Input]:
    """Return the controls for files."""
    return [one for one in form.inputs if one.kind == "file"]


def check(inputs: Sequence[Input], posted: Any) -> list[UploadFile]:
    """Return what was sent in these controls; what cannot be taken leaves an error at its control."""
    found = []
    for one in inputs:
        upload = posted.get(one.name)
        if not isinstance(upload, UploadFile) or not upload.filename:
            if one.field.required:
                one.error = _("This is required.")
            continue
        try:
            assert isinstance(one.field, FileField)  # by `split`
            demand_fits(one.field, upload.filename, *_look(upload))
        except BadValue as bad:
            one.error = bad.text
            continue
        found.append(upload)
    return found


def _look(upload: UploadFile) -> tuple[int, str]:
    """Return size and media type of an upload, which lies in memory or in a temporary file."""
    size = upload.file.seek(0, 2)
    upload.file.seek(0)
    start = upload.file.read(16)
    upload.file.seek(0)
    return size, media_type(start)


async def store(uow: UnitOfWork, uploads: Sequence[UploadFile]) -> list[Stored]:
    """Store the bytes; before the transaction writes anything. Visitors have no rights: the form says what it takes."""
    before, uow.actor = uow.actor, system("web_form")
    try:
        return [await files.checked(uow, upload) for upload in uploads]
    finally:
        uow.actor = before


async def hang(uow: UnitOfWork, stored: Sequence[Stored], about: Ref) -> None:
    """Hang stored bytes on a record as its files."""
    for blob, media, name in stored:
        await files.take(uow, blob, media, name, str(about))


async def move(uow: UnitOfWork, old: Ref, new: Ref) -> None:
    """Hang the files of one record on another."""
    entity = uow.registry.entity("core.file")
    there = sa.select(entity.model).where(
        entity.model.parent_entity == old.entity, entity.model.parent_id == old.id, entity.model.deleted_at.is_(None)
    )
    for row in (await uow.session.scalars(there)).all():
        await records.update(uow, entity, row, {"parent": str(new)}, trusted=True)
