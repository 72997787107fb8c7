"""Tags: one shared list of names, and which record carries which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db.model import Model, Record, folded
from crm_core.db.types import ENTITY_NAME, Id, new_id
from crm_core.entity.folding import fold
from crm_core.entity.inserts import insert, insert_rows
from crm_core.errors import Forbidden
from crm_core.i18n import Strings
from crm_core.plugin.declare import Entity

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
COLOURS = ("blue", "teal", "green", "amber", "pink", "violet", "grey")


class Tag(Record, Model):
    """A name that records can carry; `colour` is a palette class."""

    __tablename__ = "core_tag"
    __table_args__ = (
        sa.Index(
            "uq_core_tag_name_f",
            "name_f",
            unique=True,
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        ),
    )

    name: Mapped[str] = mapped_column(sa.String(64))
    name_f: Mapped[str] = folded("name", 64)
    colour: Mapped[str] = mapped_column(sa.String(20), default="grey")


class Tagging(Model):
    """One tag on one record."""

    __tablename__ = "core_tagging"
    __table_args__ = (sa.Index("ix_core_tagging_tag_id_entity", "tag_id", "entity"),)

    entity: Mapped[str] = mapped_column(ENTITY_NAME, primary_key=True)
    record_id: Mapped[UUID] = mapped_column(Id(), primary_key=True)
    tag_id: Mapped[UUID] = mapped_column(Id(), sa.ForeignKey("core_tag.id", ondelete="CASCADE"), primary_key=True)


async def tags_of(uow: UnitOfWork, entity: str, ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return the names of the tags of records, sorted; records without tags are absent."""
    if not ids:
        return {}
    found: dict[UUID, list[str]] = {}
    query = (
        sa.select(Tagging.record_id, Tag.name)
        .join(Tag, Tag.id == Tagging.tag_id)
        .where(Tagging.entity == entity, Tagging.record_id.in_(ids), Tag.deleted_at.is_(None))
        .order_by(Tag.name_f)
    )
    for record_id, name in await uow.session.execute(query):
        found.setdefault(record_id, []).append(name)
    return found


async def names(uow: UnitOfWork, entity: Entity, record_id: UUID) -> list[str]:
    """Return the names of one record's tags, sorted."""
    return (await tags_of(uow, entity.name, [record_id])).get(record_id, [])


async def put(uow: UnitOfWork, entity: Entity, record_id: UUID, wanted_names: Sequence[str]) -> None:
    """Give a record exactly these tags, making missing ones. The caller reports the change."""
    wanted = await ensure_tags(uow, wanted_names)
    had = {fold(n) for n in await names(uow, entity, record_id)}
    if gone := had - wanted.keys():
        ids = sa.select(Tag.id).where(Tag.name_f.in_(gone))
        await uow.session.execute(
            sa.delete(Tagging).where(
                Tagging.entity == entity.name, Tagging.record_id == record_id, Tagging.tag_id.in_(ids)
            )
        )
    if new := [tag for key, (tag, _name) in wanted.items() if key not in had]:
        insert_rows(uow, Tagging, [{"entity": entity.name, "record_id": record_id, "tag_id": tag} for tag in new])


async def ensure_tags(uow: UnitOfWork, names: Iterable[str]) -> dict[str, tuple[UUID, str]]:
    """Return folded name -> (id, stored name), making the tags that do not exist.

    Forbidden when one is missing and the actor may not create tags.
    """
    wanted = {fold(n): n.strip() for n in names if fold(n)}
    found = await _known(uow, wanted)
    missing = [name for key, name in wanted.items() if key not in found]
    if missing and not uow.actor.may("core.tag.create"):
        raise Forbidden(_("You may not make new tags: {names}.", names=", ".join(missing[:5])))
    declared = uow.registry.entities.get("core.tag")
    for name in missing:
        tag = insert(uow, Tag(id=new_id(), name=name[:64], colour=_colour(name)), declared)
        found[fold(name)] = (tag.id, tag.name)
    return found


async def _known(uow: UnitOfWork, wanted: Mapping[str, str]) -> dict[str, tuple[UUID, str]]:
    if not wanted:
        return {}
    query = sa.select(Tag.name_f, Tag.id, Tag.name).where(Tag.name_f.in_(wanted), Tag.deleted_at.is_(None))
    found = {key: (tag, name) for key, tag, name in await uow.session.execute(query)}
    waiting = [row for model, row in uow.inserts if model is Tag]  # made in this unit of work, not sent yet
    return found | {t.name_f: (t.id, t.name) for t in waiting if t.name_f in wanted}


def _colour(name: str) -> str:
    """Return a palette class that stays the same for a name."""
    return COLOURS[sum(name.encode("utf-8", "replace")) % len(COLOURS)]
