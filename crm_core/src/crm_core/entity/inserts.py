"""Own insert of new rows: in one statement a table instead of through the ORM's flush, half its cost.

New objects become persistent at once, so that later edits in the same unit of work are ordinary ones.
Their rows are sent by `UnitOfWork.settle()`, so that SQLite's write lock opens late.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import make_transient_to_detached

from crm_core.db.writes import Batch, write
from crm_core.entity.changes import by_field, folds, told_columns
from crm_core.entity.folding import fold

if TYPE_CHECKING:
    from crm_core.plugin.declare import Entity
    from crm_core.uow import UnitOfWork


class _Context:
    """What a context-sensitive column default asks for."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def get_current_parameters(self) -> dict[str, Any]:
        return self.values


@dataclass(frozen=True, slots=True)
class _Form:
    """How rows of a model are made.

    fixed: values of columns without a function; made: (attribute, function of the context), folded twins last.
    names: columns in the order in which `values` takes them out of a row's dict.
    """

    fixed: dict[str, Any]
    made: tuple[tuple[str, Callable[[_Context], Any]], ...]
    names: tuple[str, ...]
    values: Callable[[dict[str, Any]], tuple[Any, ...]]


@lru_cache(maxsize=512)
def _form(model: Any) -> _Form:
    fixed: dict[str, Any] = {}
    made: list[tuple[str, Callable[[_Context], Any]]] = []
    names: dict[str, str] = {}
    attributes: Any = sa.inspect(model).column_attrs
    for attribute in attributes:
        column = attribute.columns[0]
        default = column.default
        if default is None and (column.autoincrement is True or column.server_default is not None):
            continue
        names[attribute.key] = column.name
        if default is not None and default.is_callable:
            made.append((attribute.key, default.arg))
        else:
            fixed[attribute.key] = None if default is None else default.arg
    made.sort(key=lambda pair: pair[0].endswith("_f"))
    keys = tuple(names)
    # itemgetter gives a bare value for one name
    values = itemgetter(*keys) if len(keys) > 1 else lambda row: (row[keys[0]],)
    return _Form(fixed, tuple(made), tuple(names.values()), values)


def fill(model: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return values for every column of `model`: those given, defaults and folded twins."""
    form = _form(model)
    filled = {**form.fixed, **values}
    context = _Context(filled)
    for name, default in form.made:
        if name not in filled:
            filled[name] = default(context)
    return filled


def insert(uow: UnitOfWork, record: Any, entity: Entity | None = None) -> Any:
    """Insert a new object with this unit of work; an entity's record also becomes a created event."""
    changes = uow.demand_write()
    model: Any = type(record)
    state = record.__dict__
    values = fill(model, state)
    state.update(values)
    make_transient_to_detached(record)
    uow.session.add(record)
    uow.inserts.append((model, record))
    if entity is not None:
        told = {n: values[n] for n in told_columns(model) if values.get(n) is not None}
        changes.note(entity, record.id, "created", {}, by_field(told), record)
    return record


def insert_part(uow: UnitOfWork, model: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Insert a part of a new record, for whose event the caller answers; return all its values.

    It becomes no object of the session, which would cost more than its row. A model that checks its own
    values when they are set is made all the same.
    """
    if sa.inspect(model).validators:
        record: dict[str, Any] = insert(uow, model(**values)).__dict__
        return record
    filled = fill(model, values)
    uow.inserts.append((model, filled))
    return filled


def insert_rows(uow: UnitOfWork, model: Any, rows: list[dict[str, Any]]) -> None:
    """Insert plain rows (associations, tags) with this unit of work, after its new records."""
    uow.demand_write()
    uow.inserts += [(model, fill(model, row)) for row in rows]


def batches(uow: UnitOfWork) -> list[Batch]:
    """Return the waiting rows, a batch a table in order of first appearance; they wait no longer."""
    waiting, uow.inserts = uow.inserts, []
    tables: dict[Any, list[Sequence[Any]]] = {}
    for model, row in waiting:
        if not isinstance(row, dict) and sa.inspect(row).modified:
            _changed_meanwhile(uow, model, row)
        tables.setdefault(model, []).append(_form(model).values(row if isinstance(row, dict) else row.__dict__))
    return [Batch(model.__table__, _form(model).names, rows) for model, rows in tables.items()]


async def send(uow: UnitOfWork) -> None:
    """Send waiting rows now, for code that queries them or hangs rows on them."""
    if uow.inserts:
        await write(uow.db, uow.session, batches(uow))


def _changed_meanwhile(uow: UnitOfWork, model: Any, record: Any) -> None:
    """Take what was set on a new record before its row is sent as part of the creation: no update follows."""
    state = sa.inspect(record)
    for twin, source, length in folds(model):
        record.__dict__[twin] = fold(getattr(record, source) or "")[:length]
    entity = uow.registry.by_model.get(model)
    if entity is not None:
        record.__dict__["version"] = 1
        told = {n: v for n in told_columns(model) if (v := record.__dict__.get(n)) is not None}
        uow.demand_write().note(entity, record.id, "created", {}, by_field(told), record)
    state._commit_all(state.dict, uow.session.sync_session.identity_map)  # noqa: SLF001 - as a flush does
