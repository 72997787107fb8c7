"""Amounts: exact on both databases, valued at dated rates, fixed when a deal closes."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.types import Amount
from crm_core.entity import query, records
from crm_core.entity.filter_times import CalendarSettings, began
from crm_core.features.money import jobs as valuing
from crm_core.jobs import context
from crm_core.jobs.rows import JobRow
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People

SYSTEM = system("test")
DIGITS = (0, 2, 3, 4)


async def test_sums_and_comparisons_of_10000_amounts_equal_python_decimal(kernel: Kernel) -> None:
    pick = random.Random(20260101)
    amounts = [Decimal(pick.randint(-(10**13), 10**13)).scaleb(-pick.choice(DIGITS)) for _n in range(10_000)]
    key = sa.Column("id", sa.Integer, primary_key=True)
    table = sa.Table("test_amount", sa.MetaData(), key, sa.Column("a", Amount()))
    async with kernel.db.write.begin() as connection:
        await connection.run_sync(table.create)
        await connection.execute(sa.insert(table), [{"id": n, "a": a} for n, a in enumerate(amounts)])
        assert await connection.scalar(sa.select(sa.type_coerce(sa.func.sum(table.c.a), Amount()))) == sum(amounts)
        for bound in pick.sample(amounts, 50):
            for operator in ("__lt__", "__le__", "__eq__", "__gt__"):
                wanted = sum(bool(getattr(a, operator)(bound)) for a in amounts)
                count = sa.select(sa.func.count()).select_from(table).where(getattr(table.c.a, operator)(bound))
                assert await connection.scalar(count) == wanted
        stored = list(await connection.scalars(sa.select(table.c.a).order_by(table.c.a)))
        assert stored == sorted(amounts)
        await connection.run_sync(table.drop)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("1.005", "EUR"), ("1.5", "JPY"), ("1.2345", "TND"), ("NaN", "EUR"), ("Infinity", "EUR"), ("1e400", "EUR"),
     ("1000000000000000", "EUR"), ("1", "ZZZ"), ("1", "E1R")],
)  # fmt: skip
async def test_amounts_that_cannot_be_are_refused(api: Api, amount: str, currency: str) -> None:
    await api.post("/deals", {"name": "Bad", "amount": amount, "amount_currency": currency}, status=422)


@pytest.mark.parametrize(("amount", "currency"), [("1.05", "EUR"), ("15", "JPY"), ("1.234", "TND"), ("0", "EUR")])
async def test_amounts_with_the_decimals_of_their_currency_are_taken(api: Api, amount: str, currency: str) -> None:
    made = await api.post("/deals", {"name": "Good", "amount": amount, "amount_currency": currency})
    assert Decimal(made["amount"]) == Decimal(amount)


async def test_a_deal_cannot_be_worth_less_than_nothing_but_a_company_may_lose_money(api: Api, as_user: People) -> None:
    refused = await api.post("/deals", {"name": "Bad", "amount": "-5", "amount_currency": "EUR"}, status=422)
    assert refused["fields"] == {"amount": "This must be at least 0."}
    made = await api.post("/companies", {"name": "Startup", "revenue": "-5", "revenue_currency": "EUR"})
    assert Decimal(made["revenue_base"]) == -5
    deal = await api.post("/deals", {"name": "Good", "amount": "5", "amount_currency": "EUR"})
    await api.patch(f"/deals/{deal['id']}", {"amount": "-0.01"}, status=422)
    someone = await as_user("admin")
    form = {"name": "Bad", "amount": "-5", "amount_currency": "EUR"}
    page = await someone.client.post("/deals/new", data=form)
    assert "This must be at least 0." in page.text


async def test_without_a_rate_the_base_amount_is_empty_and_a_later_rate_fills_it(api: Api, jobs: Any) -> None:
    made = await api.post("/deals", {"name": "Tokyo", "amount": "1000", "amount_currency": "JPY"})
    assert (made["amount_base"], made["amount_rate"]) == (None, None)
    await api.post("/rates", {"currency": "JPY", "valid_from": "2020-01-01", "rate": "0.006"})
    await jobs()
    found = await api.get(f"/deals/{made['id']}")
    assert Decimal(found["amount_base"]) == 6
    assert Decimal(found["amount_rate"]) == Decimal("0.006")
    assert found["amount_rate_on"] is not None


async def test_a_closed_deal_keeps_its_rate_and_a_reopened_one_is_valued_anew(
    api: Api, kernel: Kernel, jobs: Any
) -> None:
    await api.post("/rates", {"currency": "USD", "valid_from": "2020-01-01", "rate": "0.5"})
    made = await api.post("/deals", {"name": "Boston", "amount": "100", "amount_currency": "USD"})

    async def change(**values: Any) -> None:
        async with kernel.write(SYSTEM) as uow:
            entity = uow.registry.entity("core.deal")
            deal = await uow.session.get(entity.model, UUID(made["id"]))
            await records.update(uow, entity, deal, values, trusted=True)

    async def base() -> Decimal:
        return Decimal((await api.get(f"/deals/{made['id']}"))["amount_base"])

    await change(closed_on=date(2026, 1, 5))
    await api.post("/rates", {"currency": "USD", "valid_from": "2020-06-01", "rate": "0.8"})
    await jobs()
    assert await base() == 50
    await change(amount=Decimal(200))
    assert await base() == 100
    await change(closed_on=None)
    assert await base() == 160


async def test_sums_name_the_currencies_without_a_rate_and_how_many_deals_they_leave_out(
    as_user: People, kernel: Kernel, jobs: Any
) -> None:
    someone = await as_user("admin")
    api = someone.api
    top = await api.post("/companies", {"name": "Globex"})
    below = await api.post("/companies", {"name": "Globex Tokyo", "parent_id": top["id"]})
    for code, company in (("JPY", below), ("JPY", below), ("USD", top), ("EUR", top)):
        values = {"amount": "100", "amount_currency": code, "expected_close_on": "2026-11-30"}
        await api.post("/deals", {"name": f"In {code}", "company_id": company["id"], **values})
    await api.post("/deals", {"name": "No amount", "company_id": top["id"]})
    missing = {"JPY": 2, "USD": 1}
    forecast = await api.get("/deals/forecast", params={"period": "2026"})
    assert (Decimal(forecast["total"]["open"]), forecast["unrated_by_currency"]) == (100, missing)
    assert forecast["missing_rates"] == ["JPY", "USD"]
    first, second = (await api.get(f"/companies/{top['id']}/tree"))["below"]
    assert (Decimal(first["all_amount"]), first["unrated"], first["unrated_by_currency"]) == (100, 3, missing)
    assert second["unrated_by_currency"] == {"JPY": 2}
    panel = (await someone.client.get("/company-tree", params={"company": top["id"]})).text
    assert "JPY (2), USD (1)" in panel
    async with kernel.read(SYSTEM) as uow:
        found = await query.totals(uow, uow.registry.entity("core.deal"), query.ListParams(), ("amount",))
        assert (found["count"], found["amount"], found["unrated"]) == (5, 100, {"amount": missing})
    await api.post("/rates", {"currency": "JPY", "valid_from": "2020-01-01", "rate": "0.01"})
    await jobs()
    assert (await api.get("/deals/forecast", params={"period": "2026"}))["unrated_by_currency"] == {"USD": 1}


async def test_open_deals_and_revenues_follow_a_rate_that_is_made_changed_and_deleted(api: Api, jobs: Any) -> None:
    deal = await api.post("/deals", {"name": "Boston", "amount": "10", "amount_currency": "USD"})
    company = await api.post("/companies", {"name": "Globex", "revenue": "10", "revenue_currency": "USD"})

    async def bases() -> set[Decimal | None]:
        await jobs()
        found = [
            (await api.get(f"/deals/{deal['id']}"))["amount_base"],
            (await api.get(f"/companies/{company['id']}"))["revenue_base"],
        ]
        return {None if text is None else Decimal(text) for text in found}

    assert await bases() == {None}
    rate = await api.post("/rates", {"currency": "USD", "valid_from": "2020-01-01", "rate": "0.5"})
    assert await bases() == {Decimal(5)}
    await api.patch(f"/rates/{rate['id']}", {"rate": "0.8"})
    assert await bases() == {Decimal(8)}
    assert Decimal((await api.get(f"/companies/{company['id']}"))["revenue_rate"]) == Decimal("0.8")
    await api.delete(f"/rates/{rate['id']}")
    assert await bases() == {None}


async def test_amounts_are_valued_in_a_job_that_shows_its_progress(
    as_user: People, kernel: Kernel, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = await as_user("admin")
    api = someone.api
    monkeypatch.setattr(valuing, "CHUNK", 10)
    monkeypatch.setattr(context, "PROGRESS_EVERY", 0.0)
    told: list[tuple[int, int | None]] = []
    tell = context.JobContext.progress

    async def watch(self: Any, done: int, total: int | None = None, note: str = "") -> None:
        told.append((done, total))
        await tell(self, done, total, note)

    monkeypatch.setattr(context.JobContext, "progress", watch)
    rate = await api.post("/rates", {"currency": "USD", "valid_from": "2020-01-01", "rate": "0.5"})
    await jobs()
    for n in range(25):
        await api.post("/deals", {"name": f"Boston {n}", "amount": str(n), "amount_currency": "USD"})
    await api.patch(f"/rates/{rate['id']}", {"rate": "0.8"})
    panel = f"/rate-parts/valuing?of={rate['id']}"
    assert "Amounts in USD are being valued." in (await someone.client.get(panel)).text
    deals = (await api.get("/deals", params={"limit": 100}))["items"]
    assert all(Decimal(d["amount_base"]) == Decimal(d["amount"]) / 2 for d in deals)  # not in the request
    told.clear()
    await jobs()
    assert [t for t in told if t[0]] == [(10, 25), (20, 25), (25, 25)]
    deals = (await api.get("/deals", params={"limit": 100}))["items"]
    assert [Decimal(d["amount_base"]) / Decimal("0.8") for d in deals] == [Decimal(d["amount"]) for d in deals]
    assert {d["version"] for d in deals} == {1}
    assert "25 amounts in USD follow the rates." in (await someone.client.get(panel)).text


async def test_many_rates_at_once_value_each_currency_once(kernel: Kernel, api: Api) -> None:
    async with kernel.write(SYSTEM) as uow:
        for day in range(1, 20):
            values = {"currency": "USD" if day % 2 else "JPY", "valid_from": date(2026, 1, day), "rate": "0.5"}
            await records.create(uow, uow.registry.entity("core.rate"), values)
    async with kernel.read(SYSTEM) as uow:
        lanes = sa.select(JobRow.lane).where(JobRow.kind == "core.revalue_amounts")
        assert sorted(await uow.session.scalars(lanes)) == ["core.revalue:JPY", "core.revalue:USD"]


async def test_a_deal_closed_without_a_rate_takes_that_of_its_day_once_there_is_one(
    api: Api, kernel: Kernel, jobs: Any
) -> None:
    made = await api.post("/deals", {"name": "Tokyo", "amount": "100", "amount_currency": "JPY"})
    async with kernel.write(SYSTEM) as uow:
        entity = uow.registry.entity("core.deal")
        deal = await uow.session.get(entity.model, UUID(made["id"]))
        await records.update(uow, entity, deal, {"closed_on": date(2026, 1, 5)}, trusted=True)
    for day, rate in (("2026-01-01", "0.5"), ("2026-02-01", "0.8")):
        await api.post("/rates", {"currency": "JPY", "valid_from": day, "rate": rate})
        await jobs()
        found = await api.get(f"/deals/{made['id']}")
        assert (Decimal(found["amount_base"]), found["amount_rate_on"]) == (50, "2026-01-05")


@pytest.mark.parametrize("rate", ["0", "-1", "0.0000001", "NaN", "1e400"])
async def test_a_rate_of_nothing_is_refused_with_its_reason(api: Api, rate: str) -> None:
    refused = await api.post("/rates", {"currency": "USD", "valid_from": "2026-01-01", "rate": rate}, status=422)
    assert list(refused["fields"]) == ["rate"]


@pytest.mark.parametrize(
    ("unit", "steps", "day"),
    [("fiscal_year", 0, date(2026, 4, 1)), ("fiscal_quarter", 0, date(2026, 10, 1)), ("week", 0, date(2026, 11, 22)),
     ("fiscal_year", -1, date(2025, 4, 1)), ("fiscal_quarter", 1, date(2027, 1, 1)), ("quarter", 0, date(2026, 10, 1))],
)  # fmt: skip
def test_weeks_and_fiscal_years_begin_where_the_organisation_says(unit: str, steps: int, day: date) -> None:
    assert began(date(2026, 11, 25), unit, steps, CalendarSettings(first_weekday=7, fiscal_year_start=4)) == day


@pytest.mark.parametrize(
    ("rate", "status"),
    [({"rate": "0"}, 422), ({"rate": "-1"}, 422), ({"rate": "NaN"}, 422), ({"rate": "1e13"}, 422),
     ({"currency": "ZZZ"}, 422), ({"currency": "EUR"}, 422), ({}, 409)],
)  # fmt: skip
async def test_rates_that_cannot_be_are_refused(api: Api, rate: dict[str, str], status: int) -> None:
    there = {"currency": "USD", "valid_from": "2026-01-01", "rate": "0.9"}
    await api.post("/rates", there)
    await api.post("/rates", {**there, "valid_from": "2026-02-01" if rate else "2026-01-01", **rate}, status=status)
    assert len((await api.get("/rates"))["items"]) == 1
