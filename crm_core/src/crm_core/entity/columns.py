"""Where a field's value is in SQL: the column, its folded twin, an extension's side table or expression."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crm_core.db.types import _Fixed
from crm_core.entity import custom_sql
from crm_core.entity import fields as f
from crm_core.entity.changes import folds
from crm_core.entity.custom_fields import TEXTS, custom_of
from crm_core.entity.paths import Value


def key_of(model: Any, attribute: str) -> str:
    """Return the name in the table of a model's attribute."""
    return str(sa.inspect(model).columns[attribute].key)


def stored_in(value: Value) -> type[Any] | None:
    """Return the model that has the value's column; None when it is computed."""
    if value.extension is None:
        return value.owner.model
    return value.extension.model


def twin_of(value: Value) -> tuple[str, int] | None:
    """Return the attribute and length of the folded twin of a text; None when there is none."""
    if custom_of(value) is not None:
        return ("folded", 255) if value.field.kind in TEXTS else None
    model = stored_in(value)
    if model is None:
        return None
    return next(((twin, length) for twin, source, length in folds(model) if source == value.attribute), None)


def digits_of(value: Value) -> int | None:
    """Return how many fraction digits the column keeps; 0 for whole numbers, None when unknown."""
    if isinstance(value.field, f.Integer):
        return 0
    model = stored_in(value)
    if model is None:
        return 4 if isinstance(value.field, f.Money) else getattr(value.field, "digits", None)
    kind = model.__table__.c[key_of(model, value.attribute)].type
    return kind.digits if isinstance(kind, _Fixed) else None


def raw(value: Value, table: sa.FromClause, attribute: str = "") -> sa.ColumnElement[Any]:
    """Return the SQL of a field's column on a row of `table`, without asking who may read it."""
    attribute = attribute or value.attribute
    extension = value.extension
    if (custom := custom_of(value)) is not None:
        return custom_sql.single(custom, value, table)  # type: ignore[no-any-return]  # a subquery
    if extension is None:
        return table.c[key_of(value.owner.model, attribute)]
    if extension.sql is not None:
        found: sa.ColumnElement[Any] = extension.sql(table)
        return found
    side = extension.model.__table__.alias()  # type: ignore[union-attr]  # either sql or a model
    column = side.c[key_of(extension.model, attribute)]
    return sa.select(column).where(side.c.record_id == table.c.id).correlate(table).scalar_subquery()


def nullable(value: Value) -> bool:
    """Return whether the stored value can be missing, so that a sort needs the empty ones last."""
    if value.extension is not None or value.field.readable is not None:
        return True
    if isinstance(value.field, f.Text):
        return True  # empty is '' in the folded twin
    model = value.owner.model
    return bool(model.__table__.c[key_of(model, value.attribute)].nullable)
