"""What filters find, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from crm_core.auth.actor import Actor
from crm_core.entity import query
from crm_core.entity.filter_values import BadFilter
from crm_core.entity.paths import UnknownField
from crm_core.entity.query import ListParams
from crm_core.kernel import Kernel
from crm_core_tests_estate import HOUSE, TOWN, House, Key, Rating, Room, Town

Put = Callable[..., Any]


async def found(kernel: Kernel, actor: Actor, filter: Any, **kw: Any) -> list[str]:  # noqa: A002 - the API's name
    """Return the names of the houses a filter finds."""
    async with kernel.read(actor) as uow:
        page = await query.list_records(uow, HOUSE, ListParams(filter=filter, **kw))
        return [item.name for item in page.items]


def on(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


@pytest.fixture
async def street(put: Put) -> dict[str, Any]:
    county, town = Town(name="County"), Town(name="Königsberg", secret="gold")
    await put(county)
    town.parent_id = county.__dict__["id"]
    await put(town)
    a = House(
        name="Müller",
        floors=2,
        price=Decimal(5),
        price_base=Decimal("10.5"),
        kind="flat",
        is_sold=True,
        town_id=town.__dict__["id"],
        built_on=date(2020, 5, 31),
        due_at=datetime(2026, 5, 31, 12, tzinfo=UTC),
        extras=["flat", "barn"],
        phone="+49 (30) 123-45",
        share=Decimal("12.5"),
    )
    b = House(name="O'Reilly-Smith", floors=None, kind="villa", extras=[], code="x_1")
    c = House(name="zebra crossing", floors=7, price_base=Decimal("-1.0001"), notes="long")
    await put(a, b, c)
    await put(
        Room(house_id=a.__dict__["id"], name="Küche", area=10),
        Room(house_id=a.__dict__["id"], name="Bath", area=4),
        Room(house_id=b.__dict__["id"], name="Hall", area=50),
        Key(name="front", house_id=a.__dict__["id"]),
        Key(name="back", house_id=a.__dict__["id"]),
        Rating(record_id=c.__dict__["id"], stars=5, remark="Très bien"),
    )
    return {"a": a, "b": b, "c": c, "town": town, "county": county}


CASES = [
    (on("name", "is", "MULLER"), "M"),
    (on("name", "is_not", "muller"), "Oz"),
    (on("name", "in", ["müller", "ZEBRA CROSSING"]), "Mz"),
    (on("name", "not_in", ["müller"]), "Oz"),
    (on("name", "starts_with", "o'r"), "O"),
    (on("name", "has_word", "smi"), "O"),
    (on("name", "has_word", "cro zeb"), "z"),
    (on("name", "has_word", "eilly"), ""),
    (on("name", "contains", "EILLY"), "O"),
    (on("name", "contains", "%"), ""),
    (on("code", "contains", "_"), "O"),
    (on("name", "gt", "n"), "Oz"),
    (on("code", "empty"), "Mz"),
    (on("code", "is", ""), "Mz"),
    (on("code", "is", None), "Mz"),
    (on("code", "lt", "zzz"), "O"),
    ({"none": [on("code", "lt", "zzz")]}, "Mz"),
    (on("phone", "is", "49 30 12345"), "M"),
    (on("phone", "contains", "3012"), "M"),
    (on("notes", "not_empty"), "z"),
    (on("floors", "gt", 2), "z"),
    ({"none": [on("floors", "gt", 2)]}, "MO"),
    (on("floors", "is_not", 2), "Oz"),
    (on("floors", "in", [2, None]), "MO"),
    (on("floors", "between", [2, 6.5]), "M"),
    (on("floors", "between", [None, 6]), "M"),
    (on("floors", "lt", 2.5), "M"),
    (on("price", "gt", "10.49999"), "M"),
    (on("price", "is", 10.5), "M"),
    (on("price", "is", "10.50001"), ""),
    (on("price", "is_not", "10.50001"), "MOz"),
    (on("price", "lt", 0), "z"),
    (on("share", "gte", 12.5), "M"),
    (on("built_on", "is", "2020-05-31"), "M"),
    (on("built_on", "empty"), "Oz"),
    (on("due_at", "is", "2026-05-31"), "M"),
    (on("due_at", "between", ["2026-05-31", "2026-05-31"]), "M"),
    (on("due_at", "gt", "2026-05-31"), ""),
    (on("due_at", "lte", "2026-05-31T12:00:00Z"), "M"),
    (on("is_sold", "is", True), "M"),
    (on("is_sold", "is", False), "Oz"),
    (on("is_sold", "is_not", False), "M"),
    (on("kind", "is", "flat"), "M"),
    (on("kind", "not_in", ["flat"]), "Oz"),
    (on("extras", "has_any", ["barn", "villa"]), "M"),
    (on("extras", "has_all", ["barn", "flat"]), "M"),
    (on("extras", "has_all", ["barn", "villa"]), ""),
    (on("extras", "has_none", ["barn"]), "Oz"),
    (on("extras", "empty"), "Oz"),
    (on("town.name", "is", "konigsberg"), "M"),
    (on("town.name", "is_not", "konigsberg"), "Oz"),
    (on("town.parent.name", "is", "county"), "M"),
    (on("town_id", "empty"), "Oz"),
    (on("rooms.name", "is", "kuche"), "M"),
    (on("rooms.area", "gt", 9), "MO"),
    (on("rooms.count", "gte", 2), "M"),
    (on("rooms.count", "is", 0), "z"),
    (on("rooms", "none"), "z"),
    (on("rooms", "any", {"all": [on("name", "is", "bath"), on("area", "lt", 5)]}), "M"),
    (on("rooms", "any", {"all": [on("name", "is", "bath"), on("area", "gt", 5)]}), ""),
    (on("keys.count", "is", 2), "M"),
    (on("keys.name", "is", "back"), "M"),
    (on("keys", "empty"), "Oz"),
    (on("stars", "gte", 4), "z"),
    (on("stars", "empty"), "MO"),
    (on("remark", "has_word", "BIE"), "z"),
    (on("room_count", "is", 2), "M"),
    ({"any": [on("floors", "is", 2), on("floors", "is", 7)]}, "Mz"),
    ({"all": [on("floors", "is", 2), on("floors", "is", 7)]}, ""),
    ({"all": []}, "MOz"),
    ({"any": []}, ""),
    ({}, "MOz"),
    (None, "MOz"),
]


async def test_each_operator_finds_what_it_says(kernel: Kernel, street: Any, all_powerful: Actor) -> None:
    wrong = []
    for filter_, expected in CASES:
        names = "".join(n[0] for n in await found(kernel, all_powerful, filter_))
        if names != expected:
            wrong.append((filter_, expected, names))
    assert not wrong


async def test_links_tags_and_references_are_found(
    kernel: Kernel, street: Any, put: Put, all_powerful: Actor, models: Any
) -> None:
    import sqlalchemy as sa
    from crm_core.db.types import new_id
    from crm_core.entity.tags import Tag, Tagging

    a, town = street["a"].id, street["town"].id
    tag = Tag(id=new_id(), name="Très cher", name_f="tres cher", version=1, colour="grey", custom={})
    await put(tag, Tagging(entity="estate.house", record_id=a, tag_id=tag.id))
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.insert(models.NEAR).values(house_id=a, town_id=town))
        house = House.__table__
        await connection.execute(
            sa.update(house).where(house.c.id == a).values(about_entity="estate.town", about_id=town)
        )
    for filter_, expected in [
        (on("tags", "has_any", ["TRES CHER", "other"]), ["Müller"]),
        (on("tags", "has_all", ["TRES CHER", "other"]), []),
        (on("tags", "has_none", ["tres cher"]), ["O'Reilly-Smith", "zebra crossing"]),
        (on("tags", "empty"), ["O'Reilly-Smith", "zebra crossing"]),
        (on("near", "has_any", [str(town)]), ["Müller"]),
        (on("near", "empty"), ["O'Reilly-Smith", "zebra crossing"]),
        (on("near.name", "is", "konigsberg"), ["Müller"]),
        (on("about", "is", f"estate.town:{town}"), ["Müller"]),
        (on("about", "in", [f"estate.town:{town}", f"estate.house:{a}"]), ["Müller"]),
        (on("about", "not_empty"), ["Müller"]),
    ]:
        assert await found(kernel, all_powerful, filter_) == expected, filter_
    async with kernel.read(all_powerful) as uow:
        fields = ("name", "tags", "near", "about", "rooms", "price", "stars", "town_id")
        page = await query.list_records(uow, HOUSE, ListParams(fields=fields, expand=("town",), limit=1))
        item = page.items[0]
        assert (item.tags, item.near, item.about) == (["Très cher"], [town], f"estate.town:{town}")
        assert [r["name"] for r in item.rooms] == ["Küche", "Bath"]
        assert (item.price, item.price_base, item.stars) == (Decimal(5), Decimal("10.5"), None)
        assert item.town.name == "Königsberg"
        record = await __import__("crm_core.entity.access", fromlist=["get"]).get(uow, HOUSE, a)
        [values] = await query.values_of(uow, HOUSE, [record])
        assert values["tags"] == ["Très cher"]
        assert values["near"] == [town]
        assert values["room_count"] == 2


async def test_relative_days_are_taken_in_the_actors_zone(kernel: Kernel, put: Put, user: Any) -> None:
    from dataclasses import replace
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Pacific/Auckland")
    midnight = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    await put(
        House(name="first moment of today", due_at=midnight.astimezone(UTC)),
        House(name="last moment of yesterday", due_at=(midnight - timedelta(microseconds=1)).astimezone(UTC)),
    )
    actor = replace(user(), zone="Pacific/Auckland")
    today = on("due_at", "within", {"unit": "day", "from": 0, "to": 0})
    assert await found(kernel, actor, today) == ["first moment of today"]
    yesterday = on("due_at", "within", {"unit": "day", "from": -1, "to": -1})
    assert await found(kernel, actor, yesterday) == ["last moment of yesterday"]


async def test_mine_is_who_asks(kernel: Kernel, put: Put, user: Any) -> None:
    me = user()
    await put(House(name="mine", owner_id=me.user_id), House(name="theirs", owner_id=user().user_id))
    async with kernel.read(me) as uow:
        page = await query.list_records(uow, TOWN, ListParams())
        assert page.items == []
    # core.user is not in this registry, so the link has no step, but its ids can be compared
    assert await found(kernel, me, on("owner_id", "is", "@me")) == ["mine"]


BAD = [
    "not json",
    "[1]",
    '{"all": 5}',
    '{"all": [], "any": []}',
    "5",
    '"x"',
    '{"bogus": []}',
    on("name", "bogus", 1),
    on("name", None),
    on("name", "is", 5),
    on("name", "is", "a\x00b"),
    on("name", "is", "\ud800"),
    on("name", "is", "x" * 1001),
    on("name", "in", ["x"] * 501),
    on("name", "in", "x"),
    on("floors", "is", "abc"),
    on("floors", "is", True),
    on("floors", "is", "NaN"),
    on("floors", "is", 1e400),
    on("floors", "gt", None),
    on("floors", "between", [1]),
    on("floors", "between", [None, None]),
    on("floors", "is", 10**30),
    on("price", "is", "1e999999999"),
    on("built_on", "is", "2020-13-01"),
    on("built_on", "within", {"unit": "hour"}),
    on("due_at", "within", {"unit": "day", "from": 1, "to": 0}),
    on("due_at", "within", {"unit": "day", "from": 1e9}),
    on("due_at", "is", "9999-12-31"),
    on("due_at", "is", "soon"),
    on("kind", "is", "vila"),
    on("town_id", "is", "1"),
    on("about", "is", "nonsense"),
    on("tags", "has_any", [5]),
    on("notes", "contains", "x"),
    on("room_count", "has_word", "x"),
    on("rooms", "is", 1),
    on("version", "is", 1),
    on("name", "has_word", "..."),
    on("name", "contains", ""),
    {"field": "name", "op": "is", "value": 1, "x": 2},
    {"all": [on("floors", "is", 1)] * 101},
    on("is_sold", "is", "yes"),
    on("stars", "is", {}),
    on("name", "is", []),
]
UNKNOWN = [
    on("nam", "is", "x"),
    on("", "is", "x"),
    on(5, "is", 5),
    on(None, "is", 5),
    on("name.x", "is", "x"),
    on("town", "is", "x"),
    on("town.nothing", "is", 1),
    on("town.parent.parent.parent.name", "is", 1),
    on("a" * 300, "is", 1),
    on("name\x00", "is", 1),
    on("\ud800", "is", 1),
    on("1=1; drop table x", "is", 1),
    on("rooms.house_id", "is", 1),
    on("__class__", "is", 1),
    on("count", "is", 1),
    on("town.count", "is", 1),
]


async def test_nonsense_is_answered_not_run(kernel: Kernel, all_powerful: Actor) -> None:
    nested: Any = on("name", "is", "x")
    for _depth in range(9):
        nested = {"all": [nested]}
    for bad in [*BAD, nested, "[" * 100_000]:
        with pytest.raises(BadFilter):
            await found(kernel, all_powerful, bad)
    for bad in UNKNOWN:
        with pytest.raises(UnknownField):
            await found(kernel, all_powerful, bad)


async def test_a_misspelt_field_gets_near_names(kernel: Kernel, all_powerful: Actor) -> None:
    with pytest.raises(UnknownField, match="Did you mean floors"):
        await found(kernel, all_powerful, on("flors", "is", 1))
    with pytest.raises(BadFilter, match="starts_with"):
        await found(kernel, all_powerful, on("name", "startswith", 1))
