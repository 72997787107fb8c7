"""Properties: memory, SQL on both databases and an oracle agree; no filter makes SQL outside an allow-list."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
import sqlglot
from crm_core.auth.actor import Actor, system
from crm_core.db.types import new_id
from crm_core.entity import custom_values, filter_memory, filters, query
from crm_core.entity.custom_fields import CustomField, CustomOn, CustomOption
from crm_core.entity.filter_values import BREAKS, PHONE_MARKS, Moment
from crm_core.entity.folding import fold
from crm_core.entity.query import ListParams
from crm_core.entity.statements import Query
from crm_core.errors import Invalid
from crm_core.kernel import Kernel
from crm_core_tests_estate import HOUSE, House
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlglot import exp

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # the night of a change of clocks in Europe
ZONE = "Europe/Berlin"
ACTOR = system("test")

# Letters that fold, sort, look or break in ways of their own, and all that means something to SQL.
ALPHABET = "aAbBzZ019 äÄéßŁøﬁ℡Kİıσς.,-_'\"%*?[]^\\/()+@#\t\n\u00a0\u0301\u200d漢\U0001f600\ud7ff\ue000\U0010ffff"
texts = st.text(alphabet=ALPHABET, max_size=6)
numbers = st.decimals(-20, 20, places=4) | st.decimals(-3, 3, places=6) | st.integers(-3, 8)
days = st.dates(date(2026, 3, 25), date(2026, 4, 3))
moments = st.datetimes(datetime(2026, 3, 26), datetime(2026, 4, 2)).map(lambda d: d.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware here
options = st.sampled_from(["flat", "villa", "barn"])
ids = st.sampled_from([new_id() for _ in range(3)])


def optional(strategy: Any) -> Any:
    return st.none() | strategy


rows = st.fixed_dictionaries(
    {
        "name": optional(texts),
        "code": optional(texts),
        "phone": optional(st.text("0123 +-(/)", max_size=6)),
        "notes": optional(texts),
        "floors": optional(st.integers(-3, 8)),
        "price_base": optional(st.decimals(-20, 20, places=4)),
        "share": optional(st.decimals(-3, 3, places=6)),
        "built_on": optional(days),
        "due_at": optional(moments),
        "is_sold": st.booleans(),
        "kind": optional(options),
        "extras": st.lists(options, max_size=3),
        "town_id": st.none(),
        "about": optional(ids),
    }
)

KINDS: dict[str, tuple[str, Any]] = {
    "name": ("text", texts),
    "code": ("text", texts),
    "phone": ("phone", st.text("0123 +-(/)", max_size=4)),
    "floors": ("number", numbers),
    "price": ("number", numbers),
    "share": ("number", numbers),
    "built_on": ("date", days.map(str)),
    "due_at": ("moment", moments.map(datetime.isoformat) | days.map(str)),
    "kind": ("choice", options),
}
RANGES = ("is", "is_not", "gt", "gte", "lt", "lte")


@st.composite
def conditions(draw: Any) -> dict[str, Any]:
    field = draw(st.sampled_from([*KINDS, "is_sold", "extras", "notes", "about"]))
    if field == "is_sold":
        return {"field": field, "op": draw(st.sampled_from(["is", "is_not"])), "value": draw(st.booleans())}
    if field == "notes" or draw(st.integers(0, 5)) == 0:
        return {"field": field, "op": draw(st.sampled_from(["empty", "not_empty"]))}
    if field == "extras":
        return {
            "field": field,
            "op": draw(st.sampled_from(["has_any", "has_all", "has_none"])),
            "value": draw(st.lists(options, max_size=3)),
        }
    if field == "about":
        refs = ids.map(lambda i: f"estate.town:{i}")
        op = draw(st.sampled_from(["is", "is_not", "in"]))
        return {"field": field, "op": op, "value": draw(st.lists(refs, max_size=2) if op == "in" else refs)}
    kind, values = KINDS[field]
    values = values.map(lambda v: str(v) if isinstance(v, Decimal) else v)
    ops = {
        "choice": ("is", "is_not"),
        "text": (*RANGES, "starts_with", "has_word", "contains"),
        "phone": ("is", "is_not", "starts_with", "contains"),
    }.get(kind, RANGES)
    op = draw(
        st.sampled_from(
            [
                *ops,
                "in",
                "not_in",
                *(["between", "within"] if kind in ("date", "moment") else []),
                *(["between"] if kind == "number" else []),
            ]
        )
    )
    if op in ("in", "not_in"):
        return {"field": field, "op": op, "value": draw(st.lists(optional(values), max_size=4))}
    if op == "between":
        return {"field": field, "op": op, "value": draw(st.tuples(optional(values), optional(values)).map(list))}
    if op == "within":
        low, high = sorted([draw(st.integers(-3, 3)), draw(st.integers(-3, 3))])
        units = ["day", "week", "month", "quarter", "year"] + (["hour", "minute"] if kind == "moment" else [])
        return {"field": field, "op": op, "value": {"unit": draw(st.sampled_from(units)), "from": low, "to": high}}
    return {"field": field, "op": op, "value": draw(values)}


trees = st.recursive(
    conditions(),
    lambda inner: st.builds(
        lambda word, parts: {word: parts}, st.sampled_from(["all", "any", "none"]), st.lists(inner, max_size=3)
    ),
    max_leaves=5,
)


# --- the oracle: the language's meaning, written again from its description and from nothing of ours but `fold`


def oracle(tree: dict[str, Any], row: dict[str, Any]) -> bool:  # noqa: C901 - one case per operator
    if "all" in tree:
        return all(oracle(t, row) for t in tree["all"])
    if "any" in tree:
        return any(oracle(t, row) for t in tree["any"])
    if "none" in tree:
        return not any(oracle(t, row) for t in tree["none"])
    field, op, value = tree["field"], tree["op"], tree.get("value")
    stored = row["price_base" if field == "price" else field]
    for negative, plain in (("is_not", "is"), ("not_in", "in"), ("has_none", "has_any")):
        if op == negative:
            return not oracle({"field": field, "op": plain, "value": value}, row)
    if op in ("empty", "not_empty"):
        return bare(field, stored) == (op == "empty")
    if op == "in":
        return any(bare(field, stored) if v is None else oracle({**tree, "op": "is", "value": v}, row) for v in value)
    if field == "is_sold":
        return bool(stored is value)
    if field == "extras":
        return (all if op == "has_all" else any)(v in stored for v in value)
    if field == "about":
        return stored is not None and f"estate.town:{stored}" == value
    if bare(field, stored):
        return bool(op == "is" and field in ("name", "code", "phone") and bare(field, value))
    if field in ("name", "code", "phone"):
        return text_oracle(op, field, stored, value)
    return plain_oracle(op, field, stored, value)


def bare(field: str, stored: Any) -> bool:
    if field == "phone":
        return not stored or not fold(stored).strip(PHONE_MARKS)
    if field in ("name", "code"):
        return not stored or not fold(stored)
    return stored is None or stored in ("", [])


def text_oracle(op: str, field: str, stored: str, value: str) -> bool:
    have, want = fold(stored)[: {"name": 255, "code": 20, "phone": 60}[field]], fold(value)
    if field == "phone":
        have, want = ("".join(c for c in t if c not in PHONE_MARKS) for t in (have, want))
    if op == "has_word":
        splitter = re.compile("[" + re.escape(BREAKS) + "]")
        return all(any(w.startswith(x) for w in splitter.split(have)) for x in splitter.split(want) if x)
    if op in ("lt", "lte") and not have:
        return False
    return bool(
        {
            "is": have == want,
            "gt": have > want,
            "gte": have >= want,
            "lt": have < want,
            "lte": have <= want,
            "starts_with": have.startswith(want),
            "contains": want in have,
        }[op]
    )


def first_and_after(field: str, value: str) -> tuple[Any, Any]:
    from zoneinfo import ZoneInfo

    if field == "built_on":
        return date.fromisoformat(value), date.fromisoformat(value) + timedelta(days=1)
    if len(value) == 10:
        day = datetime.fromisoformat(value)
        ends = (day, day + timedelta(days=1))
        return tuple(d.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC) for d in ends)  # type: ignore[return-value]
    moment = datetime.fromisoformat(value)
    return moment, moment + timedelta(microseconds=1)


def plain_oracle(op: str, field: str, stored: Any, value: Any) -> bool:
    if op == "within":
        return within_oracle(field, stored, value)
    if field in ("built_on", "due_at"):
        if op == "between":
            low, high = value
            return (low is None or stored >= first_and_after(field, low)[0]) and (
                high is None or stored < first_and_after(field, high)[1]
            )
        first, after = first_and_after(field, value)
        return bool(
            {
                "is": first <= stored < after,
                "gt": stored >= after,
                "gte": stored >= first,
                "lt": stored < first,
                "lte": stored < after,
            }[op]
        )
    if field == "kind":
        return bool(stored == value)
    if op == "between":
        low, high = (None if v is None else Decimal(v) for v in value)
        return (low is None or stored >= low) and (high is None or stored <= high)
    number = Decimal(value)
    return bool(
        {
            "is": stored == number,
            "gt": stored > number,
            "gte": stored >= number,
            "lt": stored < number,
            "lte": stored <= number,
        }[op]
    )


def within_oracle(field: str, stored: Any, value: dict[str, Any]) -> bool:
    from zoneinfo import ZoneInfo

    unit, low, high = value["unit"], value["from"], value["to"]
    if unit in ("hour", "minute"):
        size = timedelta(**{f"{unit}s": 1})
        return NOW + low * size <= stored < NOW + high * size
    day = stored if field == "built_on" else stored.astimezone(ZoneInfo(ZONE)).date()
    today = NOW.astimezone(ZoneInfo(ZONE)).date()
    number = {
        "day": lambda d: d.toordinal(),
        "week": lambda d: (d.toordinal() - 1) // 7,
        "month": lambda d: d.year * 12 + d.month,
        "quarter": lambda d: d.year * 4 + (d.month - 1) // 3,
        "year": lambda d: d.year,
    }[unit]
    return bool(low <= number(day) - number(today) <= high)


def attributes(row: dict[str, Any]) -> dict[str, Any]:
    """Return the model's attributes for a drawn row."""
    values = {k: v for k, v in row.items() if k != "about"}
    about = row["about"]
    return {**values, "about_entity": "estate.town" if about else None, "about_id": about}


def understood(registry: Any, tree: Any) -> Any:
    """Return the parsed filter; skip drawn texts that no filter takes (no words, nothing to look for)."""
    try:
        return filters.parse(registry, ACTOR, HOUSE, tree)
    except Invalid:
        assume(False)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(row=rows, tree=trees)
def test_memory_agrees_with_the_language_as_described(row: dict[str, Any], tree: Any) -> None:
    from crm_core_tests_estate import estate_registry

    node = understood(REGISTRY.setdefault("it", estate_registry()), tree)
    assert filter_memory.matches(node, attributes(row), Moment(NOW, ZONE)) == oracle(tree, row)


REGISTRY: dict[str, Any] = {}


def test_sql_agrees_with_memory_and_the_oracle(event_loop_runner: Any) -> None:
    """300 rows at once: each drawn filter finds just those that memory and the oracle say."""
    run, kernel = event_loop_runner.run, event_loop_runner.kernel
    drawn: list[dict[str, Any]] = []

    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(row=rows)
    def collect(row: dict[str, Any]) -> None:
        drawn.append(row)

    collect()
    drawn.append({**drawn[0], "name": "kalt ℡", "code": "o'a [b]"})
    keys = run(store(kernel, drawn))
    table = House.__table__
    moment = Moment(NOW, ZONE)

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(tree=trees)
    def agree(tree: Any) -> None:
        node = understood(kernel.registry, tree)
        from crm_core.entity.filter_sql import compile_filter

        statement = sa.select(table.c.id).where(compile_filter(kernel.registry, ACTOR, HOUSE, node))
        made = Query(statement, kernel.db.read.dialect)
        values = {f"p{i}": v for i, v in enumerate(filters.arguments(node, moment))}
        raw = run(kernel.db.fetch(made.sql, made.arguments(values)))
        found = {bytes(r[0].bytes) if hasattr(r[0], "bytes") else r[0] for r in raw}
        for key, row in zip(keys, drawn, strict=True):
            expected = oracle(tree, row)
            assert (key.bytes in found) == expected, (tree, row, made.sql)
            assert filter_memory.matches(node, attributes(row), moment) == expected

    agree()


async def store(kernel: Kernel, drawn: list[dict[str, Any]]) -> list[Any]:
    values = [
        {"id": new_id(), **{c.key: None for c in House.__table__.c if c.nullable}, **attributes(r)} for r in drawn
    ]
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.insert(House.__table__), values)
    return [v["id"] for v in values]


# --- the same language on custom fields: shown from JSON, found in rows of their own

CUSTOM: dict[str, dict[str, Any]] = {
    "name": {"kind": "text"}, "code": {"kind": "text"}, "phone": {"kind": "phone"}, "notes": {"kind": "long_text"},
    "floors": {"kind": "integer"}, "price": {"kind": "money"}, "share": {"kind": "decimal", "digits": 4},
    "built_on": {"kind": "date"}, "due_at": {"kind": "datetime"}, "is_sold": {"kind": "boolean"},
    "kind": {"kind": "choice"}, "extras": {"kind": "multi_choice"},
}  # fmt: skip


async def define_custom(kernel: Kernel) -> tuple[CustomOn, ...]:
    """Define a custom field on houses for each own one, and return them as the registry has them."""
    async with kernel.write(ACTOR) as uow:
        for position, (name, values) in enumerate(CUSTOM.items()):
            field = CustomField(id=new_id(), entity=HOUSE.name, name=name, label=name, position=position, **values)
            uow.session.add(field)
            for place, value in enumerate(("flat", "villa", "barn") if "choice" in values["kind"] else ()):
                uow.session.add(CustomOption(field_id=field.id, value=value, label=value, position=place))
        await uow.raise_epoch("fields")
    async with kernel.read(ACTOR) as uow:
        found: tuple[CustomOn, ...] = uow.registry.custom[HOUSE.name]
        return found


def customised(tree: Any) -> Any:
    """Return the filter on the custom fields of the same names."""
    if "field" in tree:
        assume(tree["field"] in CUSTOM)
        return {**tree, "field": f"custom.{tree['field']}"}
    return {word: [customised(t) for t in parts] for word, parts in tree.items()}


def as_custom(row: dict[str, Any], ons: tuple[CustomOn, ...]) -> dict[str, Any]:
    """Return the JSON of a drawn row."""
    values = {**row, "price": row["price_base"]}
    made = {one.key: custom_values.plain(one.field, values[one.key]) for one in ons}
    made |= {"price_base": made["price"], "price_currency": "EUR" if made["price"] else None}
    return {k: v for k, v in made.items() if v is not None}


async def store_custom(kernel: Kernel, drawn: list[dict[str, Any]], ons: tuple[CustomOn, ...]) -> list[Any]:
    """Store houses that have nothing but custom values, with their rows."""
    keys = [new_id() for _row in drawn]
    bare_row = {c.key: None for c in House.__table__.c if c.nullable}
    houses = [{**bare_row, "id": k, "custom": as_custom(r, ons)} for k, r in zip(keys, drawn, strict=True)]
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.insert(House.__table__), houses)
        made = [v for h in houses for one in ons for v in custom_values.rows(one, h["id"], h["custom"])]
        found = [dict(zip(custom_values.COLUMNS, row, strict=True)) for row in made]
        await connection.execute(sa.insert(custom_values.TABLE), found)
    return keys


def test_custom_fields_in_sql_agree_with_memory_and_the_oracle(event_loop_runner: Any) -> None:
    """200 houses: each drawn filter on their custom fields finds just those that memory and the oracle say."""
    run, kernel = event_loop_runner.run, event_loop_runner.kernel
    drawn: list[dict[str, Any]] = []

    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(row=rows)
    def collect(row: dict[str, Any]) -> None:
        share = row["share"]
        drawn.append({**row, "share": None if share is None else share.quantize(Decimal("0.0001"))})

    collect()
    ons = run(define_custom(kernel))
    keys = run(store_custom(kernel, drawn, ons))
    table, moment, registry = House.__table__, Moment(NOW, ZONE), kernel.registry
    filtered = 0

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(tree=trees)
    def agree(tree: Any) -> None:
        nonlocal filtered
        node = understood(registry, customised(tree))
        from crm_core.entity.filter_sql import compile_filter

        statement = sa.select(table.c.id).where(compile_filter(registry, ACTOR, HOUSE, node))
        made = Query(statement, kernel.db.read.dialect)
        values = {f"p{i}": v for i, v in enumerate(filters.arguments(node, moment))}
        raw = run(kernel.db.fetch(made.sql, made.arguments(values)))
        found = {bytes(r[0].bytes) if hasattr(r[0], "bytes") else r[0] for r in raw}
        filtered += 0 < len(found) < len(drawn)
        for key, row in zip(keys, drawn, strict=True):
            expected = oracle(tree, row)
            custom = as_custom(row, ons)
            assert (key.bytes in found) == expected, (tree, row, made.sql)
            assert filter_memory.matches(node, {"custom": custom}, moment) == expected, (tree, custom)
            told = {f"custom.{k}": v for k, v in custom.items()}  # as an event has them
            assert filter_memory.matches(node, told, moment) == expected, (tree, told)

    agree()
    assert filtered > 20  # not all of them let everything or nothing through


# --- fuzz: whatever comes in, the SQL has only what the language can say

names_ = st.sampled_from(
    [
        "name",
        "floors",
        "town.name",
        "rooms.count",
        "rooms",
        "stars",
        "tags",
        "near",
        "price",
        "due_at",
        "town.parent.name",
        "keys.name",
        "extras",
        "about",
        "salary",
        "remark",
        "houses",
    ]
)
evil = st.sampled_from(
    [
        "'; drop table estate_house; --",
        '"',
        "1 or 1=1",
        "x') union select 1 --",
        "$1",
        "?",
        ":p0",
        "%s",
        "\\'",
        "/*",
        "NULL",
        "\u0000",
        "\ud800",
        "{{1}}",
        "pg_sleep(9)",
        'name"',
        "a.b.c.d.e",
    ]
)
ops = st.sampled_from(
    [
        "is",
        "is_not",
        "in",
        "not_in",
        "gt",
        "lt",
        "between",
        "within",
        "contains",
        "has_word",
        "starts_with",
        "has_any",
        "has_all",
        "has_none",
        "empty",
        "not_empty",
        "any",
        "none",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | evil | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(evil | st.sampled_from(["unit", "from", "to"]), inner, max_size=3)
    ),
    max_leaves=5,
)
fuzzed = st.recursive(
    st.fixed_dictionaries({"field": names_ | evil, "op": ops | evil, "value": anything})
    | st.fixed_dictionaries(
        {"field": names_, "op": ops, "value": texts | st.integers(0, 9) | st.lists(texts, max_size=3)}
    ),
    lambda inner: (
        st.dictionaries(st.sampled_from(["all", "any", "none"]), st.lists(inner, max_size=3), min_size=1, max_size=1)
        | st.fixed_dictionaries({"field": names_, "op": st.just("any"), "value": inner})
    ),
    max_leaves=6,
)

TABLES = {
    "estate_house",
    "estate_town",
    "estate_room",
    "estate_key",
    "estate_near",
    "rating_house",
    "core_tag",
    "core_tagging",
    "core_share",
    "core_search",
    "core_search_fts",
    "json_each",
}
FUNCTIONS = {
    "count",
    "coalesce",
    "instr",
    "strpos",
    "strposition",
    "translate",
    "replace",
    "substr",
    "substring",
    "glob",
    "jsonb_exists_any",
    "exists",
    "cast",
    "array",
    "case",
    "if",
    "hex",
    "lower",
    "and",
    "or",
    "concat",
    "anonymous",
    "matchagainst",
    "trycast",
    "jsonbexistsanykeys",
    "json_each",
}
# The only literals: what the operators themselves are made of.
LITERALS = {
    "0",
    "1",
    "",
    "-",
    "4",
    "8",
    "9",
    "12",
    "13",
    "17",
    "19",  # digits of an amount's type
    "21",
    " ",
    "*",
    "[]",
    "null",
    "2",
    ":",
    "estate.house",
    "estate.town",
    "edit",
    BREAKS,
    PHONE_MARKS,
    " " * len(BREAKS),
    *PHONE_MARKS,
}


def check_tree(sql: str, dialect: str) -> None:
    """Raise unless a statement is one select of known tables, functions and literals."""
    plain = re.sub(r"\$(\d+)", r"CAST(NULL AS int)", sql) if dialect == "postgresql" else sql
    [tree] = sqlglot.parse(plain, read="postgres" if dialect == "postgresql" else "sqlite")
    assert isinstance(tree, exp.Select)
    assert not list(tree.find_all(exp.Union, exp.Command, exp.DDL, exp.DML, exp.Into)), sql
    for node in tree.walk():
        if isinstance(node, exp.Table):
            assert node.name in TABLES or isinstance(node.this, exp.Func), (node.sql(), sql)
        elif isinstance(node, exp.Func):
            name = (node.name if isinstance(node, exp.Anonymous) else node.key).lower()
            assert name in FUNCTIONS, (name, sql)
        elif isinstance(node, exp.Literal):
            known = node.this in LITERALS or node.this.startswith("[]")
            assert known, (node.this, sql)


def test_no_filter_makes_sql_outside_the_language(event_loop_runner: Any) -> None:
    run, kernel = event_loop_runner.run, event_loop_runner.kernel
    statements: set[str] = set()
    fetch = kernel.db.fetch

    async def spy(sql: str, args: Any) -> Any:
        statements.add(sql)
        return await fetch(sql, args)

    kernel.db.fetch = spy  # type: ignore[method-assign]  # to read the SQL
    actor = Actor(system("x").kind, name="x", user_id=new_id(), rights=system("x").rights)
    asked = [0, 0]

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(tree=fuzzed | anything, sort=st.sampled_from(["", "name", "-price", "stars"]) | evil | texts, q=texts | evil)
    def ask(tree: Any, sort: str, q: str) -> None:
        async def go() -> None:
            async with kernel.read(actor) as uow:
                await query.list_records(uow, HOUSE, ListParams(filter=tree, sort=sort, q=q, limit=2))

        try:
            run(go())
            asked[0] += 1
        except Invalid:
            asked[1] += 1

    ask()

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(tree=fuzzed)
    def ask_sorted(tree: Any) -> None:
        ask.hypothesis.inner_test(tree, "name", "")  # type: ignore[attr-defined]

    ask_sorted()
    assert len(statements) >= 20
    assert min(asked) > 20
    for sql in statements:
        check_tree(sql, kernel.db.dialect)


def test_the_check_of_statements_finds_what_it_looks_for() -> None:
    for bad in [
        "select 1; drop table x",
        "select a from estate_house union select b from core_password",
        "select pg_sleep(1)",
        "select 1 from core_password",
        "select 'x' from estate_house",
        "select 1 from estate_house where name = 'a' or 1=3",
    ]:
        with pytest.raises((AssertionError, ValueError)):
            check_tree(bad, "sqlite")


def test_folding_leaves_no_letter_with_a_mark() -> None:
    for text in ("é", "İ", "ﬁ", "Ǆ"):
        assert not any(unicodedata.combining(c) for c in fold(text))


async def test_the_deepest_and_widest_filter_runs(kernel: Kernel) -> None:
    deep: Any = {"field": "keys.house.town.name", "op": "is", "value": "x"}
    for level in range(7):
        deep = {"none": [deep]} if level % 2 else {"all": [deep, {"field": "floors", "op": "is", "value": level}]}
    wide = {"any": [{"field": "town.parent.name", "op": "has_word", "value": "a b c d e f g h"}] * 100}
    related: Any = {"field": "name", "op": "has_word", "value": "x"}
    for level in range(6):
        related = {"field": "houses" if level % 2 else "town.houses", "op": "none", "value": related}
    async with kernel.read(ACTOR) as uow:
        for tree in (deep, wide):
            await query.list_records(uow, HOUSE, ListParams(filter=tree))
        await query.list_records(
            uow, HOUSE, ListParams(filter={"field": "name", "op": "in", "value": [f"n{i}" for i in range(500)]})
        )
