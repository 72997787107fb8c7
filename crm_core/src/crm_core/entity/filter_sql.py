"""Filters as SQL: every value a bound parameter, every joined entity under its row rights.

The condition made is never null. Parameters are `p0`, `p1` … in the order of `filters.arguments`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from crm_core.auth.actor import Actor
from crm_core.db.model import metadata
from crm_core.db.types import Id, UTCDateTime
from crm_core.entity import access, columns, custom_sql
from crm_core.entity import fields as f
from crm_core.entity.custom_fields import TEXTS, custom_of
from crm_core.entity.filter_values import BREAKS, PHONE_MARKS
from crm_core.entity.filters import All, Has, Node, Not, Some, Test
from crm_core.entity.paths import Path, Step, Value
from crm_core.entity.statements import parameter
from crm_core.plugin.declare import Child, Entity
from crm_core.plugin.registry import Registry

TEXT = sa.String()
EACH, FIRST = "each", "first"  # row by row in the order of the list; before everything else
Ways = dict[Test, str | tuple[str, ...]]
"""How to ask a test of a custom value; names of parameters: these are all the records that do not meet it."""
_IDS = ("link", "stage", "file", "links")


class position_of(FunctionElement[int]):  # noqa: N801 - an SQL function
    """position_of(text, part): 1 for the first place, 0 for none; case counts."""

    type = sa.Integer()
    inherit_cache = True


class has_word(FunctionElement[bool]):  # noqa: N801 - an SQL function
    """has_word(text, " begin"): whether a word of the text begins so; words are between `BREAKS`."""

    type = sa.Boolean()
    inherit_cache = True


class unmarked(FunctionElement[str]):  # noqa: N801 - an SQL function
    """A phone number without its marks."""

    type = TEXT
    inherit_cache = True


class list_has(FunctionElement[bool]):  # noqa: N801 - an SQL function
    """list_has(json list, text, …): whether one of the texts is in the list."""

    type = sa.Boolean()
    inherit_cache = True


@compiles(position_of)
def _position_of(element: Any, compiler: Any, **kw: Any) -> str:
    name = "strpos" if compiler.dialect.name == "postgresql" else "instr"
    return f"{name}({', '.join(compiler.process(c, **kw) for c in element.clauses)})"


@compiles(has_word)
def _has_word(element: Any, compiler: Any, **kw: Any) -> str:
    text, word = (compiler.process(c, **kw) for c in element.clauses)
    if compiler.dialect.name == "postgresql":
        return f"(strpos(' ' || translate({text}, {_MARKS}, '{' ' * len(BREAKS)}'), {word}) > 0)"
    # A word holds no mark, so nothing in it is special to GLOB. 38 nested replace() overflow SQLite's parser.
    return f"((' ' || {text}) GLOB ('*' || {_CLASS} || substr({word}, 2) || '*'))"


_MARKS = "'" + BREAKS.replace("'", "''") + "'"
_CLASS = "'[]" + "".join(c for c in BREAKS if c not in "]-").replace("'", "''") + "-]'"


@compiles(unmarked)
def _unmarked(element: Any, compiler: Any, **kw: Any) -> str:
    text = compiler.process(element.clauses, **kw)
    if compiler.dialect.name == "postgresql":
        return f"translate({text}, '{PHONE_MARKS}', '')"
    for char in PHONE_MARKS:
        text = f"replace({text}, '{char}', '')"
    return str(text)


@compiles(list_has)
def _list_has(element: Any, compiler: Any, **kw: Any) -> str:
    column, *texts = (compiler.process(c, **kw) for c in element.clauses)
    if compiler.dialect.name == "postgresql":
        return f"jsonb_exists_any({column}, ARRAY[{', '.join(texts)}]::text[])"
    return f"EXISTS (SELECT 1 FROM json_each({column}) WHERE json_each.value IN ({', '.join(texts)}))"  # noqa: S608 - compiled parameters


def compile_filter(
    registry: Registry, actor: Actor, entity: Entity, node: Node, table: sa.FromClause | None = None,
    ways: Ways | None = None,
) -> sa.ColumnElement[bool]:  # fmt: skip
    """Return the condition on rows of `table` (the entity's own by default), with open parameters.

    ways: how tests of custom values are asked, where it is known what that costs.
    """
    at = access.table_of(entity) if table is None else table
    found: sa.ColumnElement[bool] = _Compiler(registry, actor, ways or {}).node(node, at)
    return found


def custom_rows(value: Value, node: Test, number: Callable[[Any], Any], *, of_one: bool = False) -> sa.Select[Any]:
    """Return the rows of `core_field_value` that meet a test; `number` makes a parameter of a type.

    of_one: they are found by their key, field and record, and not by the value.
    """
    custom = custom_of(value)
    assert custom is not None
    table, mine = custom_sql.of_field(custom)
    column = custom_sql.stored(value, table)
    if of_one:
        column = custom_sql.unindexed(column)
    found = sa.select(table.c.record_id).where(mine)
    if node.test == "has_any":
        return found.where(column.in_([number(custom_sql.bound(value)) for _ in node.arguments]))
    if node.test in ("filled", "is_true"):
        if of_one:  # an empty field has no row, an amount without a rate one out of its place
            return found.where(table.c.place >= sa.literal_column("0")) if value.field.kind == "money" else found
        return found.where(column.is_not(None))
    kind = TEXT if value.field.kind in TEXTS else custom_sql.bound(value)
    return found.where(_textual(node, column, [number(kind) for _ in node.arguments]))


class _Compiler:
    def __init__(self, registry: Registry, actor: Actor, ways: Ways) -> None:
        self.registry, self.actor, self.ways = registry, actor, ways
        self.count = self.aliases = 0

    def parameter(self, kind: Any) -> sa.BindParameter[Any]:
        self.count += 1
        return parameter(f"p{self.count - 1}", kind)

    def node(self, node: Node, at: sa.FromClause) -> Any:
        if isinstance(node, All):
            return sa.and_(sa.true(), *(self.node(p, at) for p in node.parts))
        if isinstance(node, Some):
            return sa.or_(sa.false(), *(self.node(p, at) for p in node.parts))
        if isinstance(node, Not):
            if isinstance(node.part, Test) and isinstance(names := self.ways.get(node.part), tuple):
                self.count += len(node.part.arguments)
                return at.c.id.in_([parameter(n, Id()) for n in names]) if names else sa.false()
            return sa.not_(sa.func.coalesce(self.node(node.part, at), sa.false()))
        if isinstance(node, Has):
            return self.steps(node.path.steps, at, lambda end: self.node(node.part, end))
        path = node.path
        if path.counted:
            return self.counted(node, path, at)
        return self.steps(path.steps, at, lambda end: self.test(node, end))

    def steps(self, steps: tuple[Step, ...], at: sa.FromClause, inner: Callable[[sa.FromClause], Any]) -> Any:
        """Return the condition that a visible row at the end of the steps meets `inner`."""
        if not steps:
            return inner(at)
        joined, end = self.joined(steps[0], at)
        return sa.exists().where(joined, self.steps(steps[1:], end, inner)).correlate(at)

    def joined(self, step: Step, at: sa.FromClause) -> tuple[Any, sa.FromClause]:
        """Return (condition that joins a step's rows to `at`, those rows), under row rights."""
        self.aliases += 1
        end = step.target.model.__table__.alias(f"t{self.aliases}")
        if isinstance(step.via, Child):
            return end.c[columns.key_of(step.via.model, step.via.foreign_key)] == at.c.id, end
        custom = custom_of(step.via)
        if step.kind == "links":
            joined = end.c.id.in_(self.linked(step.via, at))
        elif step.kind == "reverse" and custom is not None:
            joined = end.c.id.in_(custom_sql.owners(custom, at.c.id, at))
        elif step.kind == "reverse":
            joined = self.column(step.via, end) == at.c.id
        else:
            joined = end.c.id == self.column(step.via, at)
        if isinstance(step.target, Entity):
            joined = sa.and_(joined, access.rows(self.registry, self.actor, step.target, "read", end))
        return joined, end

    def linked(self, value: Value, at: sa.FromClause) -> Any:
        field = value.field
        if (custom := custom_of(value)) is not None:
            return custom_sql.linked(custom, at)
        assert isinstance(field, f.Links)
        self.aliases += 1
        pairs = value.owner.model.metadata.tables[field.table].alias(f"t{self.aliases}")
        return sa.select(pairs.c[field.item]).where(pairs.c[field.owner] == at.c.id).correlate(at)

    def counted(self, node: Test, path: Path, at: sa.FromClause) -> Any:
        *before, last = path.steps

        def number(row: sa.FromClause) -> Any:
            joined, end = self.joined(last, row)
            counted = sa.select(sa.func.count()).select_from(end).where(joined).correlate(row).scalar_subquery()
            return self.compared(node, counted, sa.BigInteger())

        return self.steps(tuple(before), at, number)

    def column(self, value: Value, at: sa.FromClause, attribute: str = "") -> Any:
        """Return a field's column as far as the actor may read it."""
        found = columns.raw(value, at, attribute)
        field = value.field
        if field.readable is None or not isinstance(value.owner, Entity):
            return found
        return access.readable(self.registry, self.actor, value.owner, field, found, at)

    def test(self, node: Test, at: sa.FromClause) -> Any:
        value = node.path.value
        assert value is not None
        kind = value.field.kind
        if custom_of(value) is not None:
            return self.custom(node, value, at)
        if kind in ("text", "email", "phone", "url", "long_text", "rich_text"):
            return self.text(node, value, at)
        if kind == "tags":
            return self.tags(node, value, at)
        if kind == "links":
            linked = self.linked(value, at)
            item = linked.selected_columns[0]
            return (
                linked.where(item.in_([self.parameter(Id()) for _ in node.arguments])).exists()
                if (node.test == "has_any")
                else linked.exists()
            )
        if kind == "multi_choice":
            return self.several(node, value, at)
        if kind == "any_link":
            return self.reference(node, value, at)
        return self.compared(node, self.column(value, at), bound_type(value))

    def custom(self, node: Test, value: Value, at: sa.FromClause) -> Any:
        """Return that a row of `core_field_value` says so: its index by field and value begins the search.

        As a single value no planner turns it into a join or a list of all: it is asked row by row.
        """
        way = self.ways.get(node)
        found = custom_rows(value, node, self.parameter, of_one=way == EACH)
        if way != EACH:
            return custom_sql.first_of(at.c.id, found) if way == FIRST else at.c.id.in_(found)
        one = found.where(found.selected_columns[0] == at.c.id).correlate(at).with_only_columns(sa.true())
        return sa.func.coalesce(one.limit(sa.literal_column("1")).scalar_subquery(), sa.false())

    def compared(self, node: Test, column: Any, kind: Any) -> Any:
        return _compared(node, column, [self.parameter(kind) for _ in node.arguments])

    def text(self, node: Test, value: Value, at: sa.FromClause) -> Any:
        twin = columns.twin_of(value)
        column = self.column(value, at, twin[0] if twin else "")
        if value.field.kind == "phone" and twin:
            column = unmarked(column)
        if node.test == "filled":
            return sa.and_(column.is_not(None), column != "")
        return _textual(node, column, [self.parameter(TEXT) for _ in node.arguments])

    def tags(self, node: Test, value: Value, at: sa.FromClause) -> Any:
        tagging, tag = metadata.tables["core_tagging"], metadata.tables["core_tag"]
        assert isinstance(value.owner, Entity)
        carried = sa.and_(tagging.c.entity == value.owner.name, tagging.c.record_id == at.c.id)
        if value.field.readable is not None:
            may = value.field.readable(self.actor)
            carried = sa.and_(carried, access.adapted(value.owner, may, at))
        if node.test == "filled":
            return sa.exists().select_from(tagging).where(carried).correlate(at)
        named = tag.c.name_f.in_([self.parameter(TEXT) for _ in node.arguments])
        both = tagging.join(tag, tag.c.id == tagging.c.tag_id)
        return sa.exists().select_from(both).where(carried, named).correlate(at)

    def several(self, node: Test, value: Value, at: sa.FromClause) -> Any:
        column = self.column(value, at)
        if node.test == "filled":
            text = sa.cast(column, sa.Text())
            return sa.and_(text != "[]", text != "null")
        return sa.and_(column.is_not(None), list_has(column, *(self.parameter(TEXT) for _ in node.arguments)))

    def reference(self, node: Test, value: Value, at: sa.FromClause) -> Any:
        kind, key = (self.column(value, at, f"{value.field.name}_{part}") for part in ("entity", "id"))
        if node.test == "filled":
            return key.is_not(None)
        return sa.and_(kind == self.parameter(TEXT), key == self.parameter(Id()))


def bound_type(value: Value) -> Any:
    """Return the type a field's values are bound with: wide enough that no value overflows the driver."""
    field = value.field
    if custom_of(value) is not None:
        return custom_sql.bound(value)
    if isinstance(field, f.Integer):
        return sa.BigInteger()
    if field.kind in _IDS:
        return Id()
    if isinstance(field, f.DateTime | f.Appointment):
        return UTCDateTime()
    if isinstance(field, f.Date):
        return sa.Date()
    if isinstance(field, f.Choice):
        return TEXT
    model = columns.stored_in(value)
    if model is not None:
        return model.__table__.c[columns.key_of(model, value.attribute)].type
    return columns.raw(value, value.owner.model.__table__).type


def _compared(node: Test, column: Any, values: list[Any]) -> Any:
    match node.test:
        case "is":
            return column == values[0]
        case "in":
            return column.in_(values)
        case "gt":
            return column > values[0]
        case "gte":
            return column >= values[0]
        case "lt":
            return column < values[0]
        case "lte":
            return column <= values[0]
        case "between":
            return sa.and_(column >= values[0], column <= values[1])
        case "range":
            return sa.and_(column >= values[0], column < values[1])
        case "is_true":
            return column.is_(sa.true())
        case _:  # "filled"
            return column.is_not(None)


def _textual(node: Test, column: Any, values: list[Any]) -> Any:
    """Return the test of a folded text, or a plain one."""
    if node.test == "has_words":
        return sa.and_(*(has_word(column, v) for v in values))
    if node.test == "contains":
        return position_of(column, values[0]) > sa.literal_column("0")
    if node.test == "starts":
        return sa.and_(column >= values[0], column < values[1])
    found = _compared(node, column, values)
    return sa.and_(found, column != "") if node.test in ("lt", "lte") and isinstance(column.type, sa.String) else found
