"""Settings: by page, by API and by command line; what a group refuses is refused everywhere."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from crm_core.auth.actor import system
from crm_core.cli import crm
from crm_core.config import Config
from crm_core.entity.money import MoneySettings
from crm_core.kernel import Kernel
from crm_core.testing.people import Api


async def base(kernel: Kernel) -> str:
    async with kernel.read(system("test")) as uow:
        return (await uow.settings(MoneySettings)).base_currency


async def test_settings_are_read_and_changed_by_api(api: Api, kernel: Kernel) -> None:
    groups = {g["name"]: g for g in (await api.get("/settings"))["items"]}
    assert groups["core.money"]["values"] == {"base_currency": "EUR"}
    assert (await api.patch("/settings/core.money", {"base_currency": "USD"}))["base_currency"] == "USD"
    assert await api.get("/settings/core.money") == {"base_currency": "USD"}
    assert await base(kernel) == "USD"
    whole = await api.send("PUT", "/settings/core.organisation", 200, json={"name": "Globex", "city": "Bonn"})
    assert (whole["name"], whole["city"], whole["zone"]) == ("Globex", "Bonn", "UTC")
    changed = await api.patch("/settings/core.organisation", {"city": "Köln"})
    assert (changed["name"], changed["city"]) == ("Globex", "Köln")
    assert (await api.send("PUT", "/settings/core.organisation", 200, json={"name": "Initech"}))["city"] == ""


@pytest.mark.parametrize(
    ("group", "values", "key"),
    [
        ("core.money", {"base_currency": "XXX"}, "base_currency"),
        ("core.money", {"base_currency": 5}, "base_currency"),
        ("core.money", {"base": "USD"}, "base"),
        ("core.organisation", {"zone": "Europe/Atlantis"}, "zone"),
        ("core.organisation", {"locale": "xx"}, "locale"),
        ("core.organisation", {"country": "Germany"}, "country"),
        ("core.organisation", {"name": "x" * 121}, "name"),
    ],
)
async def test_bad_settings_are_refused_with_the_key_that_is_wrong(
    api: Api, group: str, values: dict[str, Any], key: str
) -> None:
    before = await api.get(f"/settings/{group}")
    problem = await api.patch(f"/settings/{group}", values, status=422)
    assert list(problem["fields"]) == [key], problem
    assert await api.get(f"/settings/{group}") == before


async def test_settings_need_their_right(as_user: Any) -> None:
    api = (await as_user("sales")).api
    shown = {(g["name"], g["scope"]) for g in (await api.get("/settings"))["items"]}
    assert ("core.notifications", "user") in shown
    assert {scope for _name, scope in shown} == {"user"}  # of one's own only
    await api.get("/settings/core.money", status=403)
    await api.patch("/settings/core.money", {"base_currency": "USD"}, status=403)
    await api.get("/settings/core.nothing", status=404)


async def test_base_currency_is_fixed_once_there_are_amounts(api: Api, kernel: Kernel) -> None:
    deal = await api.post("/deals", {"name": "Globex", "amount": "5"})
    problem = await api.patch("/settings/core.money", {"base_currency": "USD"}, status=409)
    assert "Deals valued in EUR" in problem["fields"]["base_currency"]
    await api.delete(f"/deals/{deal['id']}")
    await api.patch("/settings/core.money", {"base_currency": "USD"}, status=409)  # the trash can be restored
    assert await base(kernel) == "EUR"


async def test_base_currency_is_fixed_while_there_are_rates(api: Api) -> None:
    rate = await api.post("/rates", {"currency": "USD", "valid_from": "2026-01-01", "rate": "0.9"})
    problem = await api.patch("/settings/core.money", {"base_currency": "USD"}, status=409)
    assert "exchange rates" in problem["fields"]["base_currency"]
    await api.delete(f"/rates/{rate['id']}")
    await api.patch("/settings/core.money", {"base_currency": "USD"})


async def test_settings_page_has_words_controls_and_errors_at_their_fields(as_user: Any) -> None:
    client = (await as_user("admin")).client
    page = (await client.get("/settings/core.organisation")).text
    for words in ("Name of the organisation", "Time zone", "Country", "Germany", "Europe/Berlin", "Deutsch"):
        assert words in page, words
    assert 'name="zone"' in page
    data = {"name": "Globex", "website": "not an address", "locale": "en", "zone": "Europe/Berlin", "country": "DE"}
    bad = await client.post("/settings/core.organisation", data=data)
    assert bad.status_code == 422
    assert 'id="f-website-error"' in bad.text
    assert 'value="Globex"' in bad.text
    saved = await client.post("/settings/core.organisation", data=data | {"website": "globex.example.com"})
    assert saved.status_code == 303
    assert "https://globex.example.com" in (await client.get("/settings/core.organisation")).text
    money = (await client.get("/settings/core.money")).text
    assert "US Dollar" in money


async def test_settings_page_says_why_the_base_currency_is_fixed(as_user: Any) -> None:
    admin = await as_user("admin")
    await admin.api.post("/deals", {"name": "Globex", "amount": "5"})
    answer = await admin.client.post("/settings/core.money", data={"base_currency": "USD"})
    assert answer.status_code == 409
    assert "cannot change any more" in answer.text
    assert 'id="f-base_currency-error"' in answer.text


def run(config: Config, *arguments: str) -> tuple[int, str]:
    environment = {"CRM_FOLDER": str(config.folder), "CRM_DATABASE_URL": config.database_url}
    done = CliRunner().invoke(crm, ["settings", *arguments], env=environment)
    return done.exit_code, done.output + str(done.exception or "")


def test_settings_are_read_and_changed_by_command_line(config: Config) -> None:
    assert run(config, "get", "core.money.base_currency") == (0, "EUR\n")
    assert run(config, "set", "money.base_currency", "USD") == (0, 'core.money.base_currency="USD"\n')
    assert 'core.money.base_currency="USD"' in run(config, "get")[1]
    assert "no currency XXX" in run(config, "set", "core.money.base_currency", "XXX")[1]
    assert "it has base_currency" in run(config, "set", "core.money.nothing", "1")[1]
    assert "core.money, core.organisation" in run(config, "get", "core.nothing")[1]
