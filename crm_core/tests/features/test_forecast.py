"""The forecast equals what Python's Decimal makes of the same deals."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from crm_core.errors import Invalid
from crm_core.features.deals.forecast import period_of

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("", date(2026, 10, 1), date(2026, 12, 31)),
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2026-12", date(2026, 12, 1), date(2026, 12, 31)),
        ("2026-Q1", date(2026, 1, 1), date(2026, 3, 31)),
        ("2026-01-05..2026-01-05", date(2026, 1, 5), date(2026, 1, 5)),
    ],
)
def test_period_is_read(text: str, first: date, last: date) -> None:
    found = period_of(text, TODAY)
    assert (found.first, found.last) == (first, last)


@pytest.mark.parametrize(
    "text", ["2026-Q5", "2026-13", "soon", "2026-02-30..2026-03-01", "2026-03-02..2026-03-01", "0000"]
)
def test_period_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        period_of(text, TODAY)


async def stages(api: Any) -> dict[str, str]:
    return {s["name"]: s["id"] for s in (await api.get("/stages"))["items"]}


async def test_sums_equal_decimal_arithmetic_over_random_deals(api: Any, as_user: Any) -> None:
    chance = random.Random(5)
    by_name = await stages(api)
    sales = await as_user("sales")
    owners = [str((await api.get("/session"))["user_id"]), str((await sales.api.get("/session"))["user_id"])]
    first, last = date(2026, 7, 1), date(2026, 9, 30)
    made = []
    for number in range(60):
        stage = chance.choice(["Prospecting", "Engaging", "Won", "Lost"])
        day = date(2026, 6, 15) + timedelta(days=chance.randrange(130))
        deal = {
            "name": f"Deal {number}", "stage_id": by_name[stage], "owner_id": chance.choice(owners),
            "amount": str(Decimal(chance.randrange(1, 10**9)) / 100) if stage == "Won" or number % 7 else None,
            "probability": str(Decimal(chance.choice([5, 33, 40, 75, 90])) + Decimal("0.5")),
            "expected_close_on": day.isoformat(),
        }  # fmt: skip
        if stage in ("Won", "Lost"):
            deal |= {"closed_on": day.isoformat(), "lost_reason": "price"}
        kept = await api.post("/deals", {k: v for k, v in deal.items() if v is not None})
        made.append((kept, stage))

    def expected(owner: str | None) -> dict[str, Any]:
        won = opened = weighted = commit = best = Decimal(0)
        count = 0
        for deal, stage in made:
            day = date.fromisoformat(deal["closed_on"] if stage == "Won" else deal["expected_close_on"])
            if owner not in (None, deal["owner_id"]) or stage == "Lost" or not first <= day <= last:
                continue
            count += 1
            amount = Decimal(deal["amount"]["amount"] if isinstance(deal["amount"], dict) else deal["amount"] or 0)
            if stage == "Won":
                won += amount
                continue
            sure = Decimal(deal["probability"])
            opened += amount
            weighted += amount * sure / 100
            commit += amount if sure >= 75 else 0
            best += amount if sure >= 40 else 0
        cents = Decimal("0.0001")
        return {
            "deals": count, "won": won, "open": opened, "commit": won + commit, "best_case": won + best,
            "weighted": weighted.quantize(cents, ROUND_HALF_EVEN),
        }  # fmt: skip

    def read(row: dict[str, Any]) -> dict[str, Any]:
        return {k: row[k] if k == "deals" else Decimal(row[k]) for k in expected(None)}

    found = await api.get("/deals/forecast", params={"period": "2026-Q3"})
    assert found["currency"] == "EUR"
    assert read(found["total"]) == expected(None)
    assert {r["id"]: read(r) for r in found["rows"]} == {o: expected(o) for o in owners}
    own = await sales.api.get("/deals/forecast", params={"period": "2026-Q3"})
    assert read(own["total"]) == expected(owners[1])
    for group in ("team", "pipeline"):
        again = await api.get("/deals/forecast", params={"period": "2026-Q3", "group": group})
        assert read(again["total"]) == expected(None)
    only = '{"field": "owner_id", "op": "is", "value": "%s"}'.replace("%s", owners[0])
    assert read((await api.get("/deals/forecast", params={"period": "2026-Q3", "filter": only}))["total"]) == expected(
        owners[0]
    )


async def test_unknown_group_and_period_are_refused_with_their_field(api: Any) -> None:
    assert "group" in (await api.get("/deals/forecast", params={"group": "moon"}, status=422))["fields"]
    assert "period" in (await api.get("/deals/forecast", params={"period": "soon"}, status=422))["fields"]
