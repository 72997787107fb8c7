"""Paging: every record once, in order, empty keys last, from signed cursors, on both databases."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from crm_core.auth.actor import Actor
from crm_core.entity import query
from crm_core.entity.cursors import BadCursor
from crm_core.entity.paths import UnknownField
from crm_core.entity.query import ListParams
from crm_core.errors import Invalid
from crm_core.kernel import Kernel
from crm_core_tests_estate import HOUSE, House, Rating

START = datetime(2026, 1, 1, tzinfo=UTC)


async def walk(kernel: Kernel, actor: Actor, limit: int, **kw: Any) -> list[Any]:
    """Return all items of a list, read page by page."""
    found: list[Any] = []
    cursor = None
    for _page in range(100):
        async with kernel.read(actor) as uow:
            page = await query.list_records(uow, HOUSE, ListParams(limit=limit, cursor=cursor, **kw))
        assert len(page.items) <= limit
        assert (page.next_cursor is not None) == page.has_more
        found += page.items
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor
    raise AssertionError("the pages do not end")


@pytest.fixture
async def street(put: Any) -> list[Any]:
    rows = [
        House(
            name=None if i % 5 == 4 else f"Haus {i % 3}",
            floors=None if i % 4 == 0 else i % 3,
            price_base=None if i % 3 == 0 else Decimal(i) / 8,
            built_on=None if i % 4 == 1 else date(2020, 1, 1 + i % 4),
            due_at=None if i % 2 else START + timedelta(microseconds=i // 4),
            share=Decimal(i % 3),
        )
        for i in range(23)
    ]
    await put(*rows)
    await put(*(Rating(record_id=r.__dict__["id"], stars=i % 3, remark=f"r{i % 2}") for i, r in enumerate(rows[:11])))
    return rows


def key(item: Any, field: str) -> Any:
    value = getattr(item, {"price": "price_base"}.get(field, field))
    return value.casefold() if isinstance(value, str) else value


@pytest.mark.parametrize(
    "field",
    ["name", "floors", "price", "built_on", "due_at", "share", "id", "created_at", "stars", "remark", "room_count"],
)
async def test_each_record_comes_once_and_empty_keys_come_last(
    kernel: Kernel, street: list[Any], all_powerful: Actor, field: str
) -> None:
    for sort in (field, f"-{field}"):
        for limit in (4, 23, 500):
            items = await walk(kernel, all_powerful, limit, sort=sort)
            assert len({i.id for i in items}) == len(items) == 23
            full = [i for i in items if key(i, field) is not None]
            empty = items[len(full) :]
            assert all(key(i, field) is None for i in empty)
            down = sort != field
            assert full == sorted(full, key=lambda i: (key(i, field), i.id), reverse=down)
            assert empty == sorted(empty, key=lambda i: i.id, reverse=down)


async def test_rows_made_meanwhile_do_not_shift_the_pages(
    kernel: Kernel, street: list[Any], put: Any, all_powerful: Actor
) -> None:
    async with kernel.read(all_powerful) as uow:
        first = await query.list_records(uow, HOUSE, ListParams(sort="name", limit=5))
    await put(House(name="A"), House(name="Haus 0"))
    async with kernel.read(all_powerful) as uow:
        second = await query.list_records(uow, HOUSE, ListParams(sort="name", limit=500, cursor=first.next_cursor))
    assert not {i.id for i in first.items} & {i.id for i in second.items}


async def test_a_tampered_or_foreign_cursor_is_refused(kernel: Kernel, street: list[Any], all_powerful: Actor) -> None:
    async with kernel.read(all_powerful) as uow:
        page = await query.list_records(uow, HOUSE, ListParams(sort="name", limit=5))
        good = page.next_cursor
        assert good is not None
        raw = base64.urlsafe_b64decode(good + "=" * (-len(good) % 4))
        flipped = [
            base64.urlsafe_b64encode(bytes([*raw[:i], raw[i] ^ 1, *raw[i + 1 :]])).decode() for i in range(len(raw))
        ]
        for bad in [*flipped, "x", "é", "\x00", "a" * 10_000, good[:-3], good + "AAAA", "-1", "' or 1=1 --", "\ud800"]:
            with pytest.raises(BadCursor):
                await query.list_records(uow, HOUSE, ListParams(sort="name", limit=5, cursor=bad))
        for sort in ("-name", "floors", "id"):
            with pytest.raises(BadCursor):
                await query.list_records(uow, HOUSE, ListParams(sort=sort, cursor=good))


async def test_bad_sorts_fields_and_limits_are_refused(kernel: Kernel, all_powerful: Actor) -> None:
    async with kernel.read(all_powerful) as uow:
        for bad in ({"limit": 0}, {"limit": 501}, {"sort": "notes"}, {"sort": "tags"}, {"sort": "kind"}):
            with pytest.raises(Invalid):
                await query.list_records(uow, HOUSE, ListParams(**bad))
        for bad in (
            {"sort": "x"},
            {"sort": "--name"},
            {"sort": "town.name"},
            {"fields": ("x",)},
            {"expand": ("x",)},
            {"fields": ("town.name",)},
            {"expand": ("rooms",)},
            {"sort": "name; drop table x"},
        ):
            with pytest.raises(UnknownField):
                await query.list_records(uow, HOUSE, ListParams(**bad))


async def test_a_money_field_gives_its_three_keys_once(kernel: Kernel, street: list[Any], all_powerful: Actor) -> None:
    async with kernel.read(all_powerful) as uow:
        for fields in [("price",), ("price_currency", "price"), ("price", "price_base"), ("price_base",)]:
            page = await query.list_records(uow, HOUSE, ListParams(fields=fields, limit=1))
            keys = page.items[0].__struct_fields__
            assert len(set(keys)) == len(keys)
            assert set(fields) <= set(keys)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)  # PostgreSQL plans by statistics: see the benchmark
async def test_only_the_range_behind_the_cursor_is_read(kernel: Kernel, street: list[Any], all_powerful: Actor) -> None:
    """A deep page costs what the first costs: the plan is a search in the index, without a sort."""
    seen: list[str] = []
    fetch = kernel.db.fetch

    async def spy(sql: str, args: Any) -> Any:
        plan = "\n".join(str(tuple(r)) for r in await fetch("explain query plan " + sql, args))
        seen.append(plan)
        if "estate_house.id) >" in sql or "estate_house.id) <" in sql:  # behind a cursor
            assert ",id)" in plan
        return await fetch(sql, args)

    kernel.db.fetch = spy  # type: ignore[method-assign]  # to read the plan
    for sort in ("name", "-name", "due_at", "-due_at"):
        await walk(kernel, all_powerful, 4, sort=sort)
    assert seen
    assert not [p for p in seen if "TEMP B-TREE" in p or "USING INDEX" not in p]
