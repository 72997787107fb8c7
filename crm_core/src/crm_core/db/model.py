"""The shared metadata, a declarative base per package, and the mixins every entity uses."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column, registry

from crm_core.db.types import Id, Json, UTCDateTime, new_id, utcnow
from crm_core.entity.folding import fold

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMING)

TYPES: dict[Any, Any] = {UUID: Id(), datetime: UTCDateTime(), dict[str, Any]: Json(), list[Any]: Json()}


class Model(DeclarativeBase):
    """Core's own base. A plugin makes its own with `package_registry()`."""

    metadata = metadata
    registry = registry(metadata=metadata, type_annotation_map=TYPES)
    __abstract__ = True


def package_registry() -> registry:
    """Return the mapper registry of one plugin: `class Base(DeclarativeBase): registry = package_registry()`.

    Own classes, shared metadata: one plugin's broken model can be disposed of without breaking
    everybody's mappers.
    """
    return registry(metadata=metadata, type_annotation_map=TYPES)


def folded(source: str, length: int = 255) -> Mapped[str]:
    """Return the stored folded twin of the text column `source`.

    Name it `<source>_f`. Filters, ranges and sorts on the text use the twin, so that both databases
    answer alike. Filled on insert by this default and on update before the flush; never set it.
    """

    def value(context: Any) -> str:
        return fold(context.get_current_parameters().get(source) or "")[:length]

    column: Mapped[str] = mapped_column(
        sa.String(length, collation=None).with_variant(sa.String(length, collation="C"), "postgresql"),
        default=value,
        nullable=False,
        info={"folds": source, "length": length},
    )
    return column


def foreign(target: str, *, on_delete: str = "SET NULL", index: bool = True, nullable: bool = True, **kw: Any) -> Any:
    """Return a foreign key column to `target` ("core_company.id"); CASCADE only for non-entities."""
    return mapped_column(Id(), sa.ForeignKey(target, ondelete=on_delete), index=index, nullable=nullable, **kw)


class Record:
    """Columns of every entity: id, version (optimistic lock), times, owner and team, trash and merge.

    `owner_id` and `team_id` carry no foreign key from plugins' point of view; they are set by the
    kernel: `team_id` follows the owner's primary team at each change of owner.
    """

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    version: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=1)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime(), nullable=False, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime(), nullable=False, default=utcnow)
    owner_id: Mapped[UUID | None] = mapped_column(Id(), index=True, default=None)
    team_id: Mapped[UUID | None] = mapped_column(Id(), index=True, default=None)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime(), default=None)
    deleted_by: Mapped[UUID | None] = mapped_column(Id(), default=None)
    merged_into: Mapped[UUID | None] = mapped_column(Id(), default=None)
    custom: Mapped[dict[str, Any]] = mapped_column(Json(), nullable=False, default=dict)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy passes the class
        # The kernel raises the version (parts and tags count too); the mapper only checks it.
        return {"version_id_col": cls.__table__.c.version, "version_id_generator": False, "eager_defaults": False}  # type: ignore[attr-defined]


class Stamp:
    """Key and creation time for rows that are not entities."""

    id: Mapped[UUID] = mapped_column(Id(), primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime(), nullable=False, default=utcnow)
