"""Own insert of new rows: in one statement a table instead of through the ORM's flush, half its cost.

New objects become persistent at once, so that later edits in the same unit of work are ordinary ones.
Their rows are sent by `UnitOfWork.settle()`, so that SQLite's write lock opens late.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import make_transient_to_detached

from crm_core.db.writes import Batch, write
from crm_core.entity.changes import folds, told_columns
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


@lru_cache(maxsize=512)
def _defaults(model: Any) -> tuple[tuple[str, Callable[[_Context], Any]], ...]:
    """Return (attribute, function of the context) for every column; None where there is no default."""
    found: list[tuple[str, Callable[[_Context], Any]]] = []
    attributes: Any = sa.inspect(model).column_attrs
    for attribute in attributes:
        column = attribute.columns[0]
        default = column.default
        if default is None:
            if column.autoincrement is True or column.server_default is not None:
                continue
            found.append((attribute.key, lambda context: None))
        elif default.is_callable:
            found.append((attribute.key, default.arg))
        else:
            found.append((attribute.key, _constant(default.arg)))
    return tuple(sorted(found, key=lambda pair: pair[0].endswith("_f")))


def _constant(value: Any) -> Callable[[_Context], Any]:
    return lambda context: value


def fill(model: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return values for every column of `model`, defaults and folded twins included."""
    context = _Context(values)
    for name, default in _defaults(model):
        if name not in values:
            values[name] = default(context)
    return values


def insert(uow: UnitOfWork, record: Any, entity: Entity | None = None) -> Any:
    """Insert a new object with this unit of work; an entity's record also becomes a created event."""
    changes = uow.demand_write()
    model: Any = type(record)
    state = record.__dict__
    values = fill(model, {k: v for k, v in state.items() if k != "_sa_instance_state"})
    for name, value in values.items():
        state[name] = value
    make_transient_to_detached(record)
    uow.session.add(record)
    uow.inserts.append((model, record))
    if entity is not None:
        told = {n: values[n] for n in told_columns(model) if values.get(n) is not None}
        changes.note(entity, record.id, "created", {}, told, record)
    return record


def insert_part(uow: UnitOfWork, model: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Insert a part of a new record, for whose event the caller answers; return all its values.

    It becomes no object of the session, which would cost more than its row. A model that checks its own
    values when they are set is made all the same.
    """
    if sa.inspect(model).validators:
        record: dict[str, Any] = insert(uow, model(**values)).__dict__
        return record
    uow.inserts.append((model, fill(model, values)))
    return values


def insert_rows(uow: UnitOfWork, model: Any, rows: list[dict[str, Any]]) -> None:
    """Insert plain rows (associations, tags) with this unit of work, after its new records."""
    uow.demand_write()
    uow.inserts += [(model, row) for row in rows]


def batches(uow: UnitOfWork) -> list[Batch]:
    """Return the waiting rows, a batch a table in order of first appearance; they wait no longer."""
    waiting, uow.inserts = uow.inserts, []
    tables: dict[Any, list[Sequence[Any]]] = {}
    for model, row in waiting:
        if not isinstance(row, dict) and sa.inspect(row).modified:
            _changed_meanwhile(uow, model, row)
        values = fill(model, row) if isinstance(row, dict) else row.__dict__
        tables.setdefault(model, []).append([values[n] for n in _names(model)])
    return [Batch(model.__table__, tuple(_names(model).values()), rows) for model, rows in tables.items()]


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
        uow.demand_write().note(entity, record.id, "created", {}, told, record)
    state._commit_all(state.dict, uow.session.sync_session.identity_map)  # noqa: SLF001 - as a flush does


@lru_cache(maxsize=512)
def _names(model: Any) -> dict[str, str]:
    """Return attribute -> column of everything that is inserted."""
    attributes: Any = sa.inspect(model).column_attrs
    sent = {name for name, _default in _defaults(model)}
    return {a.key: a.columns[0].name for a in attributes if a.key in sent}
