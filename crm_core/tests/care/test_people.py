"""People by address: one index, kept in the transactions of the records, asked in one query."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity import records
from crm_core.entity.bulk import bulk_update
from crm_core.features.people.index import differences
from crm_core.features.people.keys import normal_domain, normal_email, normal_phone, sound
from crm_core.features.people.models import MatchKey
from crm_core.features.people.public import find_people
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People


async def names(kernel: Kernel, *addresses: str) -> dict[str, list[tuple[str, str, str]]]:
    """Return who has addresses, seen by the system: (entity, title, by)."""
    async with kernel.read(system("test")) as uow:
        found = await find_people(uow, addresses)
        return {a: [(p.entity, p.title, p.by) for p in people] for a, people in found.items()}


async def differing(kernel: Kernel) -> int:
    """Return how many keys differ from the records."""
    async with kernel.read(system("test")) as uow:
        return await differences(uow)


async def test_contacts_leads_users_and_companies_are_found_by_address(api: Api, kernel: Kernel) -> None:
    company = await api.post("/companies", {"name": "Acme", "domain": "acme.example", "phone": "+49 40 999000"})
    await api.post(
        "/contacts",
        {
            "first_name": "Ada", "last_name": "Byron", "company_id": company["id"],
            "emails": [{"address": "Ada.Byron@Acme.example"}], "phones": [{"number": "+49 (40) 123-456"}],
        },
    )  # fmt: skip
    await api.post("/leads", {"name": "Ada B.", "email": "ada.byron@acme.example", "phone": "0049 40 123456"})
    found = await names(kernel, "Ada <ADA.BYRON@acme.EXAMPLE>", "+4940123456", "www.acme.example", "+49-40-999000")
    both = [("core.contact", "Ada Byron", "email"), ("core.lead", "Ada B.", "email")]
    assert found["Ada <ADA.BYRON@acme.EXAMPLE>"] == [*both, ("core.company", "Acme", "domain")]
    assert found["+4940123456"] == [("core.contact", "Ada Byron", "phone"), ("core.lead", "Ada B.", "phone")]
    assert found["www.acme.example"] == [("core.company", "Acme", "domain")]
    assert found["+49-40-999000"] == [("core.company", "Acme", "phone")]


async def test_what_is_no_address_finds_nobody(kernel: Kernel) -> None:
    strange = [
        "",
        " ",
        "nobody",
        "@",
        "a@",
        "@b",
        "a b@c.de",
        "+",
        "12",
        "http://",
        "\x00",
        "x" * 5000,
        "💥@💥",
        "ÿ@é.…",
    ]
    assert await names(kernel, *strange) == {a: [] for a in strange}
    async with kernel.read(system("test")) as uow:
        with pytest.raises(ValueError, match="1000"):
            await find_people(uow, [f"a{i}@example.org" for i in range(1001)])


async def test_trash_is_left_out_and_comes_back(api: Api, kernel: Kernel) -> None:
    made = await api.post("/leads", {"name": "Grace", "email": "grace@example.org"})
    await api.delete(f"/leads/{made['id']}")
    assert (await names(kernel, "grace@example.org"))["grace@example.org"] == []
    await api.post(f"/leads/{made['id']}/restore", {}, status=200)
    assert len((await names(kernel, "grace@example.org"))["grace@example.org"]) == 1


async def test_only_readable_rows_are_returned(as_user: People, kernel: Kernel) -> None:
    other, mine = (await as_user("sales", "theirs")).api, (await as_user("sales", "mine")).api
    await other.post("/leads", {"name": "Theirs", "email": "one@example.org"})
    await mine.post("/leads", {"name": "Mine", "email": "one@example.org"})
    asked = await mine.post("/people/by-address", {"addresses": ["one@example.org"]}, status=200)
    assert [p["title"] for p in asked["results"][0]["people"]] == ["Mine"]
    assert len((await names(kernel, "one@example.org"))["one@example.org"]) == 2


async def test_a_thousand_addresses_are_one_query(
    api: Api, kernel: Kernel, count_queries: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    await api.post("/leads", {"name": "Grace", "email": "a7@example.org", "phone": "+49 40 1234567"})
    addresses = [f"a{i}@example.org" for i in range(900)] + [f"+49 40 12345{i:02d}" for i in range(100)]
    async with kernel.read(system("test")) as uow:
        with count_queries() as asked:
            found = await find_people(uow, addresses)
    assert len(asked) <= 2
    assert [a for a, people in found.items() if people] == ["a7@example.org", "+49 40 1234567"]


async def test_new_record_and_its_keys_are_written_in_one_go(
    kernel: Kernel, count_queries: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    entity = kernel.registry.entity("core.lead")
    with count_queries() as asked:
        async with kernel.write(system("test")) as uow:
            await records.create(uow, entity, {"name": "Ada", "email": "ada@example.org", "phone": "+49 40 123456"})
    assert not [q for q in asked if "core_match_key" in q and not q.lstrip().lower().startswith(("insert", "with"))]
    assert (await names(kernel, "ada@example.org"))["ada@example.org"]


async def test_index_equals_a_recount_after_random_operations(api: Api, kernel: Kernel) -> None:
    pick = random.Random(7)
    registry = kernel.registry
    ids: dict[str, list[Any]] = {"core.contact": [], "core.lead": [], "core.company": []}
    for _number in range(120):
        name = pick.choice(list(ids))
        entity = registry.entity(name)
        async with kernel.write(system("test")) as uow:
            for _again in range(pick.randint(1, 3)):
                await _operate(uow, entity, ids[name], pick)
    assert await differing(kernel) == 0
    async with kernel.write(system("test")) as uow:  # the count does see what is wrong
        await uow.session.execute(sa.delete(MatchKey).where(MatchKey.kind == "phone"))
    assert await differing(kernel) > 0


async def _operate(uow: Any, entity: Any, ids: list[Any], pick: random.Random) -> None:
    values = _values(entity.name, pick)
    what = pick.choice(("create", "create", "update", "update", "delete", "restore", "bulk"))
    if what == "create" or not ids:
        ids.append((await records.create(uow, entity, values)).id)
        return
    if what == "bulk":
        column = "phone" if entity.name != "core.contact" else "job_title"
        await bulk_update(uow, entity, entity.model.id.in_(ids[-5:]), {column: f"+49 30 {pick.randint(10**5, 10**6)}"})
        return
    record = await uow.session.get(entity.model, pick.choice(ids))
    if record is None:  # made in this transaction, not sent yet
        return
    if what == "update":
        await records.update(uow, entity, record, values)
    elif what == "delete":
        await records.delete(uow, entity, record)
    else:
        await records.restore(uow, entity, record)


def _values(name: str, pick: random.Random) -> dict[str, Any]:
    word, phone = f"w{pick.randint(1, 40)}", f"+49 40 {pick.randint(100000, 999999)}"
    if name == "core.company":
        return {"name": f"{word} GmbH", "domain": f"{word}.example", "phone": pick.choice((phone, None))}
    if name == "core.lead":
        return {"name": f"Ada {word}", "email": f"{word}@example.org", "phone": phone}
    lines = [{"address": f"{word}{i}@example.org"} for i in range(pick.randint(0, 3))]
    return {"first_name": "Ada", "last_name": word, "emails": lines, "phones": [{"number": phone}]}


async def test_bulk_edits_imports_and_merges_keep_the_index(api: Api, kernel: Kernel) -> None:
    made = [await api.post("/leads", {"name": f"L{i}", "phone": "+49 40 111111"}) for i in range(5)]
    await api.post(
        "/leads/bulk", {"ids": [m["id"] for m in made], "action": "update", "values": {"phone": "+49 40 222222"}},
        status=200,
    )  # fmt: skip
    assert len((await names(kernel, "+4940222222"))["+4940222222"]) == 5
    assert await differing(kernel) == 0


async def test_rebuilding_puts_right_what_differs(api: Api, kernel: Kernel, jobs: Callable[..., Any]) -> None:
    from crm_core.features.people.jobs import RebuildPeople

    await api.post("/leads", {"name": "Ada", "email": "ada@example.org"})
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.delete(MatchKey))
        await uow.enqueue(RebuildPeople())
    await jobs()
    assert await differing(kernel) == 0
    assert (await names(kernel, "ada@example.org"))["ada@example.org"]


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("+49 (0)40 123456", "", "+4940123456"), ("040/123456", "DE", "+4940123456"), ("0040 123456", "", "+40123456"),
        ("040 123456", "", "040123456"), ("tel:+1-555-010-9999", "", "+15550109999"), ("1234", "DE", None),
        ("+49 40 123456 x12", "", "+4940123456"), ("call me", "DE", None), ("", "", None), ("٠٤٠١٢٣٤٥٦", "DE", None),
    ],
)  # fmt: skip
def test_phone_numbers_have_one_form(typed: str, country: str, kept: str | None) -> None:
    assert normal_phone(typed, country) == kept


def test_addresses_and_names_have_one_form() -> None:
    assert normal_email("Ünal@MÜLLER.example") == "ünal@xn--mller-kva.example"
    assert normal_domain("https://www.Acme.example:8080/path?x") == "acme.example"
    assert normal_domain("localhost") is None
    assert sound("muller") == sound("mueller") == sound("muler")
    assert sound("meier") == sound("maier")
    assert sound("stefan") == sound("stephan")
