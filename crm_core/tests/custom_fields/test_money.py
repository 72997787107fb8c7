"""Amounts in custom fields and in fields of plugins: base amount, rate and its day, as those of records have them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from decimal import Decimal
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from crm_core.auth.actor import system
from crm_core.entity import query, records
from crm_core.kernel import Kernel
from crm_core.testing.people import Api
from crm_dues import plugin as dues

Define = Callable[..., Awaitable[dict[str, Any]]]
Jobs = Callable[..., Awaitable[Any]]
SYSTEM = system("test")


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return [("dues", dues)]


@pytest_asyncio.fixture(autouse=True)
async def side_table(kernel: Kernel) -> None:
    async with kernel.db.write.begin() as connection:
        await connection.run_sync(dues.Dues.__table__.create)  # type: ignore[attr-defined]  # a Table


async def made(api: Api, name: str, kind: str, amount: str | None, code: str) -> str:
    """Make a company with an amount: of a custom field, or of the plugin's."""
    own = {"custom": {"budget": amount, "budget_currency": code}}
    values = own if kind == "custom" else {"dues_fee": amount, "dues_fee_currency": code}
    return str((await api.post("/companies", {"name": name, **values}))["id"])


async def held(api: Api, key: str, kind: str) -> tuple[Decimal | None, Decimal | None, str | None]:
    """Return base amount, rate and its day."""
    found = await api.get(f"/companies/{key}")
    if kind == "custom":
        values = [found["custom"].get(f"budget{part}") for part in ("_base", "_rate", "_rate_on")]
    else:
        values = [found[f"dues_fee{part}"] for part in ("_base", "_rate", "_rate_on")]
    base, rate, day = values
    return None if base is None else Decimal(base), None if rate is None else Decimal(rate), day


def name_of(kind: str) -> str:
    return "custom.budget" if kind == "custom" else "dues_fee"


async def test_rate_written_after_one_that_failed_is_followed_too(
    kernel: Kernel, api: Api, define: Define, jobs: Jobs
) -> None:
    await define("budget", kind="money")
    key = await made(api, "A", "custom", "100", "USD")
    entity = kernel.registry.entity("core.rate")
    async with kernel.write(SYSTEM) as uow:
        values = {"currency": "USD", "rate": "0.5", "valid_from": date(2026, 1, 1)}
        with pytest.raises(ZeroDivisionError):
            async with uow.savepoint():
                await records.create(uow, entity, values)
                await uow.settle()
                raise ZeroDivisionError
        await records.create(uow, entity, values)
    await jobs()
    assert (await held(api, key, "custom"))[0] == Decimal(50)


@pytest.mark.parametrize("kind", ["custom", "plugin"])
async def test_amount_has_base_rate_and_day_and_follows_the_rates(
    api: Api, define: Define, jobs: Jobs, kind: str
) -> None:
    await define("budget", kind="money")
    home = await made(api, "Home", kind, "12.50", "EUR")
    far = await made(api, "Far", kind, "1000", "JPY")
    base, rate, day = await held(api, home, kind)
    assert (base, rate) == (Decimal("12.5"), 1)
    assert day
    assert await held(api, far, kind) == (None, None, None)  # no rate: nothing, never 0
    await api.post("/rates", {"currency": "JPY", "valid_from": "2020-01-01", "rate": "0.006"})
    await jobs()
    base, rate, day = await held(api, far, kind)
    assert (base, rate) == (6, Decimal("0.006"))
    assert day
    again = await api.post("/rates", {"currency": "JPY", "valid_from": "2020-02-01", "rate": "0.01"})
    await jobs()
    assert (await held(api, far, kind))[:2] == (10, Decimal("0.01"))
    await api.delete(f"/rates/{again['id']}")
    await jobs()
    assert (await held(api, far, kind))[0] == 6
    for condition, names in (({"op": "gt", "value": 5}, ["Far", "Home"]), ({"op": "lt", "value": 10}, ["Far"])):
        asked = json.dumps({"field": name_of(kind), **condition})
        page = await api.get("/companies", params={"filter": asked, "sort": "name"})
        assert [c["name"] for c in page["items"]] == names


@pytest.mark.parametrize("kind", ["custom", "plugin"])
async def test_sums_are_in_base_currency_and_name_missing_rates(
    kernel: Kernel, api: Api, define: Define, jobs: Jobs, kind: str
) -> None:
    await define("budget", kind="money")
    for name, amount, code in (("A", "10", "EUR"), ("B", "5", "USD"), ("C", "7", "JPY"), ("D", "8", "JPY")):
        await made(api, name, kind, amount, code)
    await made(api, "E", kind, None, "EUR")
    field = name_of(kind)

    async def total() -> dict[str, Any]:
        async with kernel.read(SYSTEM) as uow:
            found: dict[str, Any] = await query.totals(
                uow, uow.registry.entity("core.company"), query.ListParams(), (field,)
            )
            return found

    assert await total() == {"count": 5, field: 10, "unrated": {field: {"JPY": 2, "USD": 1}}}
    await api.post("/rates", {"currency": "USD", "valid_from": "2020-01-01", "rate": "2"})
    await jobs()
    assert await total() == {"count": 5, field: 20, "unrated": {field: {"JPY": 2}}}
    for sort in (field, f"-{field}"):  # those without a rate come last, and once
        listed = [c["name"] for c in (await api.get("/companies", params={"sort": sort}))["items"]]
        assert sorted(listed) == ["A", "B", "C", "D", "E"]
        assert set(listed[:2]) == {"A", "B"}
    for op, names in (("empty", ["C", "D", "E"]), ("not_empty", ["A", "B"])):
        asked = json.dumps({"field": field, "op": op})
        page = await api.get("/companies", params={"filter": asked, "sort": "name"})
        assert [c["name"] for c in page["items"]] == names


@pytest.mark.parametrize("kind", ["custom", "plugin"])
async def test_base_and_rate_are_not_written_by_anybody(api: Api, define: Define, kind: str) -> None:
    await define("budget", kind="money")
    key = await made(api, "Acme", kind, "10", "EUR")
    for part in ("_base", "_rate", "_rate_on"):
        name = f"budget{part}" if kind == "custom" else f"dues_fee{part}"
        body = {"custom": {name: "5"}} if kind == "custom" else {name: "5"}
        problem = await api.client.patch(f"/api/v1/companies/{key}", json=body, headers=api.headers)
        assert problem.status_code in (400, 422), (part, problem.text)
    for amount, code in (("1.005", "EUR"), ("1.5", "JPY"), ("1", "XXQ")):
        name, currency = ("budget", "budget_currency") if kind == "custom" else ("dues_fee", "dues_fee_currency")
        values: dict[str, Any] = {name: amount, currency: code}
        body = {"custom": values} if kind == "custom" else values
        await api.post("/companies", {"name": "Bad", **body}, status=422)


async def test_amount_that_is_sent_again_keeps_its_rate(kernel: Kernel, api: Api, define: Define) -> None:
    await define("budget", kind="money")
    await api.post("/rates", {"currency": "USD", "valid_from": "2020-01-01", "rate": "2"})
    key = await made(api, "Acme", "custom", "10", "USD")
    version = (await api.get(f"/companies/{key}"))["version"]
    await api.patch(f"/companies/{key}", {"custom": {"budget": "10", "budget_currency": "USD"}})
    assert (await api.get(f"/companies/{key}"))["version"] == version
    await api.patch(f"/companies/{key}", {"custom": {"budget": "20"}})
    assert (await held(api, key, "custom"))[0] == 40


async def test_closed_deal_keeps_the_rate_of_its_custom_amounts(
    kernel: Kernel, api: Api, define: Define, jobs: Jobs
) -> None:
    await define("bonus", entity="core.deal", kind="money")
    await api.post("/rates", {"currency": "USD", "valid_from": "2020-01-01", "rate": "0.5"})
    deal = await api.post("/deals", {"name": "Boston", "custom": {"bonus": "100", "bonus_currency": "USD"}})

    async def change(**values: Any) -> None:
        async with kernel.write(SYSTEM) as uow:
            entity = uow.registry.entity("core.deal")
            record = await uow.session.get(entity.model, UUID(deal["id"]))
            await records.update(uow, entity, record, values, trusted=True)

    async def bonus() -> tuple[Decimal, str]:
        custom = (await api.get(f"/deals/{deal['id']}"))["custom"]
        return Decimal(custom["bonus_base"]), custom["bonus_rate_on"]

    assert (await bonus())[0] == 50
    await change(closed_on=date(2020, 5, 5))
    assert await bonus() == (50, "2020-05-05")
    await api.post("/rates", {"currency": "USD", "valid_from": "2020-06-01", "rate": "0.8"})
    await api.post("/rates", {"currency": "USD", "valid_from": "2020-05-01", "rate": "0.7"})  # of its day, but later
    await jobs()
    assert await bonus() == (50, "2020-05-05")
    await change(**{"custom.bonus": Decimal(200)})
    assert (await bonus())[0] == 100
    await change(closed_on=None)
    assert (await bonus())[0] == 160


async def test_won_deal_is_valued_by_the_rate_of_its_day(kernel: Kernel, api: Api, define: Define, jobs: Jobs) -> None:
    await define("bonus", entity="core.deal", kind="money")
    custom = {"bonus": "100", "bonus_currency": "USD"}
    deal = await api.post("/deals", {"name": "Boston", "amount": "1", "custom": custom})
    await api.post("/rates", {"currency": "USD", "valid_from": "2020-01-01", "rate": "0.5"})  # its job has not run yet
    stages = (await api.get("/stages", params={"limit": 100}))["items"]
    won = next(s for s in stages if s["pipeline_id"] == deal["pipeline_id"] and s["category"] == "won")
    await api.patch(f"/deals/{deal['id']}", {"stage_id": won["id"]})
    custom = (await api.get(f"/deals/{deal['id']}"))["custom"]
    assert (Decimal(custom["bonus_base"]), Decimal(custom["bonus_rate"])) == (50, Decimal("0.5"))
    await jobs()
    assert Decimal((await api.get(f"/deals/{deal['id']}"))["custom"]["bonus_base"]) == 50


@pytest.mark.parametrize("kind", ["custom", "plugin"])
async def test_base_currency_is_fixed_once_such_a_field_has_an_amount(api: Api, define: Define, kind: str) -> None:
    await define("budget", kind="money")
    await api.patch("/settings/core.money", {"base_currency": "USD"})
    await api.patch("/settings/core.money", {"base_currency": "EUR"})
    await made(api, "Acme", kind, "10", "EUR")
    problem = await api.patch("/settings/core.money", {"base_currency": "USD"}, status=409)
    assert problem["code"] == "core.base_currency_fixed"
