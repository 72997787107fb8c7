"""Companies: several domains, and the tree they stand in."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from crm_core.auth.actor import system
from crm_core.entity import access, records
from crm_core.features.companies.models import Company
from crm_core.features.companies.public import companies_by_domain, domain_of, is_free_mail
from crm_core.features.companies.rules import LEVELS, CompanyCircle
from crm_core.kernel import Kernel

SYSTEM = system("test")


async def company(api: Any, name: str, **values: Any) -> dict[str, Any]:
    found: dict[str, Any] = await api.post("/companies", {"name": name, **values})
    return found


def domains(one: dict[str, Any]) -> list[str]:
    return [d["domain"] for d in one["domains"]]


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Acme.COM", "acme.com"), ("https://www.acme.com:8443/a?b=c#d", "acme.com"),
        (" jo@Mail.Acme.com ", "mail.acme.com"),
        ("http://user:secret@acme.com/", "acme.com"), ("www.acme.co.uk", "acme.co.uk"), ("acme.com.", "acme.com"),
        ("müller.de", "xn--mller-kva.de"), ("xn--mller-kva.de", "xn--mller-kva.de"),
        ("_dmarc.acme.com", "_dmarc.acme.com"),
        ("localhost", None), ("192.168.0.1", None), ("https://[::1]/", None), ("", None), ("a b.com", None),
        ("-a.com", None), ("acme..com", None), ("x" * 64 + ".com", None), ("http://[", None), ("a.com,b.com", None),
        (".".join(["x" * 60] * 5), None),
    ],
)  # fmt: skip
def test_domain_is_what_remains_of_an_address(text: str, domain: str | None) -> None:
    assert domain_of(text) == domain


async def test_domain_and_domains_are_kept_in_step_both_ways(api: Any) -> None:
    one = await company(api, "Acme", domain="https://www.Acme.example/about")
    path = f"/companies/{one['id']}"
    assert (one["domain"], domains(one)) == ("acme.example", ["acme.example"])
    one = await api.patch(path, {"domains": [*one["domains"], {"domain": "jo@acme.test"}, {"domain": "ACME.example"}]})
    assert (one["domain"], domains(one)) == ("acme.example", ["acme.example", "acme.test"])
    one = await api.patch(path, {"domain": "acme.test"})
    assert (one["domain"], domains(one)) == ("acme.test", ["acme.test", "acme.example"])
    one = await api.patch(path, {"domains": one["domains"][1:]})
    assert (one["domain"], domains(one)) == ("acme.example", ["acme.example"])
    one = await api.patch(path, {"domain": None})
    assert (one["domain"], domains(one)) == (None, [])
    for bad in ("no domain", "localhost", "192.168.0.1"):
        assert "domain" in (await api.patch(path, {"domain": bad}, status=422))["fields"]
        assert "domains" in (await api.patch(path, {"domains": [{"domain": bad}]}, status=422))["fields"]


async def test_shared_domain_is_shown_and_not_refused_and_free_mail_matches_nobody(
    api: Any, as_user: Any, kernel: Kernel
) -> None:
    one = await company(api, "Acme", domain="acme.example", domains=[{"domain": "gmail.com"}])
    two = await company(api, "Beta", domains=[{"domain": "beta.example"}, {"domain": "acme.example"}])
    await company(api, "Gamma", domain="gmail.com")
    gone = await company(api, "Gone", domain="acme.example")
    await api.delete(f"/companies/{gone['id']}")
    shared = (await api.get(f"/companies/{one['id']}/shared-domains"))["items"]
    assert [(s["domain"], s["name"]) for s in shared] == [("acme.example", "Beta")]
    panel = (await (await as_user("admin")).client.get(f"/company-tree?company={one['id']}")).text
    assert "acme.example" in panel
    assert "Beta" in panel
    async with kernel.read(SYSTEM) as uow:
        found = await companies_by_domain(uow, ["jo@ACME.example", "http://beta.example", "x@gmail.com", "?"])
    assert found == {"acme.example": [UUID(one["id"]), UUID(two["id"])], "beta.example": [UUID(two["id"])]}
    assert is_free_mail("gmail.com")
    assert not is_free_mail("acme.example")


async def test_circle_is_refused_however_long_and_also_through_the_trash(api: Any) -> None:
    top = await company(api, "Top")
    middle = await company(api, "Middle", parent_id=top["id"])
    low = await company(api, "Low", parent_id=middle["id"])
    for parent in (top, middle, low):
        answer = await api.patch(f"/companies/{top['id']}", {"parent_id": parent["id"]}, status=422)
        assert "parent_id" in answer["fields"]
    await api.delete(f"/companies/{middle['id']}")
    await api.patch(f"/companies/{top['id']}", {"parent_id": low["id"]}, status=422)
    await api.post(f"/companies/{middle['id']}/restore", status=200)
    assert len((await api.get(f"/companies/{low['id']}/tree"))["above"]) == 2


async def test_line_of_companies_has_a_greatest_length_from_both_ends(api: Any) -> None:
    line = [await company(api, "C0")]
    for number in range(1, LEVELS):
        line.append(await company(api, f"C{number}", parent_id=line[-1]["id"]))
    answer = await api.post("/companies", {"name": "Too deep", "parent_id": line[-1]["id"]}, status=422)
    assert "parent_id" in answer["fields"]
    above = await company(api, "Above")
    await api.patch(f"/companies/{line[0]['id']}", {"parent_id": above["id"]}, status=422)
    await api.patch(f"/companies/{line[1]['id']}", {"parent_id": above["id"]}, status=200)


async def test_two_edits_at_once_do_not_close_a_circle(kernel: Kernel) -> None:
    entity = kernel.registry.entity("core.company")
    for _round in range(5):
        async with kernel.write(SYSTEM) as uow:
            one, two = [await records.create(uow, entity, {"name": n}) for n in ("One", "Two")]
        ready = asyncio.Barrier(2)

        async def under(child: UUID, parent: UUID, ready: asyncio.Barrier = ready) -> None:
            async with kernel.write(SYSTEM) as uow:
                record = await access.get(uow, entity, child, "edit")
                await ready.wait()
                await records.update(uow, entity, record, {"parent_id": parent})

        done = await asyncio.gather(under(one.id, two.id), under(two.id, one.id), return_exceptions=True)
        assert [type(d) for d in done if d is not None] == [CompanyCircle]
        async with kernel.read(SYSTEM) as uow:
            parents = [(await uow.session.get(Company, key)).parent_id for key in (one.id, two.id)]  # type: ignore[union-attr]
        assert sum(p is not None for p in parents) == 1


async def test_circle_within_one_transaction_is_refused(kernel: Kernel) -> None:
    entity = kernel.registry.entity("core.company")
    async with kernel.write(SYSTEM) as uow:
        made = [(await records.create(uow, entity, {"name": n})).id for n in ("One", "Two")]
    with pytest.raises(CompanyCircle):
        async with kernel.write(SYSTEM) as uow:
            one, two = [await access.get(uow, entity, key, "edit") for key in made]
            await records.update(uow, entity, one, {"parent_id": two.id})
            await records.update(uow, entity, two, {"parent_id": one.id})


async def test_tree_has_exact_sums_of_open_deals_as_far_as_the_reader_sees(api: Any, as_user: Any) -> None:
    top = await company(api, "Top")
    left = await company(api, "Left", parent_id=top["id"])
    right = await company(api, "Right", parent_id=top["id"])
    leaf = await company(api, "Leaf", parent_id=left["id"])
    for one, amount in ((top, "0.1"), (left, "0.2"), (leaf, "0.3"), (leaf, "1000000.01"), (right, None)):
        await api.post("/deals", {"name": "D", "company_id": one["id"], "amount": amount})
    won = await api.post("/deals", {"name": "W", "company_id": leaf["id"], "amount": "77"})
    await api.post(f"/deals/{won['id']}/win", status=200)
    tree = await api.get(f"/companies/{left['id']}/tree")
    assert [(n["name"], n["level"]) for n in tree["above"] + tree["below"]] == [("Top", -1), ("Left", 0), ("Leaf", 1)]
    found = {n["name"]: (n["all_deals"], Decimal(n["all_amount"])) for n in tree["below"]}
    assert found == {"Left": (3, Decimal("1000000.51")), "Leaf": (2, Decimal("1000000.31"))}
    whole = await api.get(f"/companies/{top['id']}/tree")
    assert [n["name"] for n in whole["below"]] == ["Top", "Left", "Leaf", "Right"]
    assert (whole["below"][0]["all_deals"], Decimal(whole["below"][0]["all_amount"])) == (5, Decimal("1000000.61"))
    sales = await as_user("sales")
    await sales.api.get(f"/companies/{top['id']}/tree", status=404)
    mine = await sales.api.post("/companies", {"name": "Mine"})
    await api.patch(f"/companies/{mine['id']}", {"parent_id": top["id"]})
    seen = await sales.api.get(f"/companies/{mine['id']}/tree")
    assert (seen["above"], [n["name"] for n in seen["below"]]) == ([], ["Mine"])
