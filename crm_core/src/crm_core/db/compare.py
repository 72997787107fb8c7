"""How models and database are compared, and how a difference is written so that it runs on both databases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext

from crm_core.db.model import metadata

BY_HAND = "by_hand"
"""Key in a table's `info`: names of columns and indexes that migrations write by hand for one database only."""


def owner(table: str, prefixes: Iterable[str]) -> str:
    """Return the longest prefix that `table` starts with: "quotes_pro_x" is not of "quotes_"; "" for nobody's."""
    return max((p for p in prefixes if table.startswith(p)), key=len, default="")


def options(prefix: str, prefixes: Iterable[str]) -> dict[str, Any]:
    """Return alembic's options to look at one package's tables only."""
    known = (prefix, *prefixes)

    def own(table: str | None) -> bool:
        return table is not None and owner(table, known) == prefix and "_fts" not in table

    def include_name(name: str | None, kind: str, parents: Any) -> bool:
        return kind != "table" or own(name)

    def include_object(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        if kind == "table":
            return own(name)
        declared = metadata.tables.get(item.table.name) if getattr(item, "table", None) is not None else None
        return declared is None or name not in declared.info.get(BY_HAND, ())

    return {
        "include_name": include_name,
        "include_object": include_object,
        "compare_type": compare_type,
        "compare_server_default": True,
        "render_as_batch": True,
        "render_item": render_item,
        "user_module_prefix": None,
    }


def compare_type(
    context: MigrationContext, _found: sa.Column[Any], declared: sa.Column[Any], found: Any, wanted: Any
) -> bool | None:
    """Return whether a column's type differs, by the words the database itself would use for it."""
    dialect = context.dialect

    def says(kind: sa.types.TypeEngine[Any]) -> str:
        return kind.compile(dialect=dialect).upper().partition(" COLLATE ")[0]

    try:
        return says(found) != says(wanted)
    except sa.exc.CompileError:
        return None


def render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Write our own types by name, so that each database gets its own form of them."""
    if kind == "type" and type(item).__module__ == "crm_core.db.types":
        context.imports.add("from crm_core.db import types")
        return f"types.{type(item).__name__}()"
    return False


def differences(context: MigrationContext) -> list[str]:
    """Return one line per difference between models and database."""
    found: list[Any] = compare_metadata(context, metadata)
    return [_line(d) for entry in found for d in (entry if isinstance(entry, list) else [entry])]


def _line(difference: tuple[Any, ...]) -> str:
    """Say what would have to be done, such as `add_column core_contact.nick`."""
    what, *rest = difference
    if what.startswith("modify_"):
        _schema, table, column, _kw, before, after = rest
        return f"{what} {table}.{column}: {before!r} -> {after!r}"
    item = rest[-1]
    if isinstance(item, sa.Column):
        return f"{what} {rest[-2]}.{item.name}"
    table = getattr(item, "table", None)
    name = getattr(item, "name", None) or repr(item)
    return f"{what} {table.name}.{name}" if table is not None and table is not item else f"{what} {name}"
