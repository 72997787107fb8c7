"""Search: words as people type them, under row rights, the same on both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import Actor
from crm_core.db.types import new_id
from crm_core.entity import query, search
from crm_core.entity.query import ListParams
from crm_core.kernel import Kernel
from crm_core_tests_estate import HOUSE, TOWN, House, Room, Town

Index = Callable[..., Any]


@pytest.fixture
def index(kernel: Kernel, put: Any, all_powerful: Actor) -> Index:
    """Store records with their search rows, as a transaction does."""

    async def store(*records: Any, parts: Any = None) -> None:
        await put(*records)
        async with kernel.db.write.begin() as connection:
            for record in records:
                entity = HOUSE if isinstance(record, House) else TOWN
                row = search.document(kernel.registry, entity, record, parts)
                await connection.execute(search.upsert(kernel.db.dialect), [row])

    return store


async def hits(kernel: Kernel, actor: Actor, text: str, **kw: Any) -> list[str]:
    """Return the titles a search finds."""
    async with kernel.read(actor) as uow:
        return [h.title for h in await search.search(uow, text, **kw)]


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("Müller", "muller"),
        ("Straße", "strasse"),
        ("Œuvre", "oeuvre"),
        ("Łukasz", "lukasz"),
        ("O'Reilly", "o'reilly"),
        ("O'Reilly", "reilly"),
        ("Иванов", "иван"),
        ("a_b", "b"),
        ("c-d1", "d1"),
        ("foo@bar.org", "foo@bar"),
        ("foo@bar.org", "bar.org"),
        ("foo@bar.org", "org"),
        ("12.5 Inc", "12"),
        ("1e5", "1e5"),
        ("ﬁx", "fix"),
        ("https://x.example.com/path", "example path"),
        ("v2.10.3-rc1", "rc1"),
        ("Ivan the Terrible", "ter iv"),
    ],
)
async def test_words_are_found_as_people_type_them(
    kernel: Kernel, index: Index, all_powerful: Actor, stored: str, asked: str
) -> None:
    await index(Town(name=stored), Town(name="quite other"))
    if len(asked) > 1:
        assert await hits(kernel, all_powerful, asked) == [stored]
    async with kernel.read(all_powerful) as uow:
        page = await query.list_records(uow, TOWN, ListParams(q=asked))
        assert [i.name for i in page.items] == [stored]


async def test_hostile_text_is_only_text(kernel: Kernel, index: Index, all_powerful: Actor) -> None:
    await index(Town(name="a b near not and or"))
    for text in [
        'a" OR (b* NEAR :& !',
        "' | !x & ",
        "\x00",
        "*",
        '"',
        "'",
        "a:*",
        "((",
        "\\",
        "near(a b)",
        "a' or '1",
        "  ",
    ]:
        await hits(kernel, all_powerful, text)
        async with kernel.read(all_powerful) as uow:
            await query.list_records(uow, TOWN, ListParams(q=text))
    assert await hits(kernel, all_powerful, "NOT AND") == ["a b near not and or"]


async def test_titles_that_match_come_before_bodies(kernel: Kernel, index: Index, all_powerful: Actor) -> None:
    await index(
        House(name="x", code="needle"),
        House(name="needlework"),
        House(name="a needle"),
        House(name="needle"),
        House(name="y"),
    )
    assert await hits(kernel, all_powerful, "needle") == ["needle", "a needle", "needlework", "x"]
    assert await hits(kernel, all_powerful, "needle", limit=2) == ["needle", "a needle"]
    assert await hits(kernel, all_powerful, "needle", entities=["estate.town"]) == []


async def test_only_what_the_actor_may_read_is_found(kernel: Kernel, index: Index, user: Any, put: Any) -> None:
    from crm_core.auth.people import Share, User

    team = new_id()
    me = user("team", team_ids=frozenset({team}))
    shared = House(name="needle shared")
    await index(
        House(name="needle mine", owner_id=me.user_id),
        House(name="needle team", team_id=team),
        House(name="needle other", owner_id=new_id()),
        shared,
    )
    await put(
        User(id=me.user_id, name="me", name_f="me", email="a@b.c", email_f="a@b.c"),
    )
    await put(Share(entity="estate.house", record_id=shared.__dict__["id"], user_id=me.user_id, level="read"))
    assert sorted(await hits(kernel, me, "needle")) == ["needle mine", "needle shared", "needle team"]
    assert await hits(kernel, user("own", user_id=me.user_id), "need") == ["needle mine", "needle shared"]
    assert await hits(kernel, user("none"), "needle") == []
    assert len(await hits(kernel, user("all"), "needle")) == 4


async def test_who_is_barred_from_an_indexed_field_searches_titles_only(
    kernel: Kernel, index: Index, user: Any
) -> None:
    await index(House(name="by name needle"), House(name="by code", code="needle"))
    barred = user(hidden={"estate.house.code"})
    assert await hits(kernel, barred, "needle") == ["by name needle"]
    async with kernel.read(barred) as uow:
        assert [i.name for i in (await query.list_records(uow, HOUSE, ListParams(q="nee"))).items] == ["by name needle"]
    blind = user(hidden={"estate.house.name"})
    assert await hits(kernel, blind, "needle") == []
    async with kernel.read(blind) as uow:
        assert (await query.list_records(uow, HOUSE, ListParams(q="needle", sort="id"))).items == []


async def test_the_index_follows_changes_and_deletions(
    kernel: Kernel, index: Index, put: Any, all_powerful: Actor
) -> None:
    house = House(name="before")
    await index(house)
    await put(Room(house_id=house.__dict__["id"], name="Kitchen"))
    key = house.__dict__["id"]
    from crm_core.entity import access

    async with kernel.write(all_powerful) as uow:
        (await access.get(uow, HOUSE, key, "edit")).name = "after"
    assert await hits(kernel, all_powerful, "before") == []
    assert await hits(kernel, all_powerful, "after") == ["after"]
    assert await hits(kernel, all_powerful, "kitch") == ["after"]
    async with kernel.write(all_powerful) as uow:
        record = await access.get(uow, HOUSE, key, "edit")
        [row] = (await access.load_children(uow, HOUSE, [record]))["rooms"][key]
        row.name = "Cellar"
    assert await hits(kernel, all_powerful, "kitch") == []
    assert await hits(kernel, all_powerful, "cellar after") == ["after"]
    async with kernel.write(all_powerful) as uow:
        record = await access.get(uow, HOUSE, key, "delete")
        record.deleted_at = uow.now
    assert await hits(kernel, all_powerful, "after") == []
    async with kernel.db.write.begin() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(search.TABLE)) == 0


async def test_the_index_can_be_dropped_and_made_again(kernel: Kernel, index: Index, all_powerful: Actor) -> None:
    async with kernel.db.write.begin() as connection:
        await connection.run_sync(search.drop_search)
        await connection.run_sync(search.create_search)
    await index(Town(name="again"))
    assert await hits(kernel, all_powerful, "again") == ["again"]
