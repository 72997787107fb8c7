"""Pages of custom fields, imports and grouped lists: sound in both themes, narrow, without scripts; looked at."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from crm_looks import look, look_all_ways, settled
from playwright.sync_api import Page, expect

CSV = (
    b"name,domain,created_at,revenue\nHarbour Tools,harbour.example,2026-01-01,100\n"
    b"Harbour Tools GmbH,,2026-01-02,12.5\nNew Mill Ltd,mill.example,2026-01-03,x\n"
)


@pytest.fixture(scope="module")
def things(site: Any) -> dict[str, str]:
    """Custom fields of several types, companies that use them, a view with a group, a file to import."""
    options = [{"value": v, "label": v.capitalize(), "colour": c} for v, c in (("north", "blue"), ("south", "amber"))]
    for name, kind, more in (
        ("region", "choice", {"options": options, "is_listed": True}), ("budget", "money", {"is_listed": True}),
        ("vip", "boolean", {}), ("renewal", "date", {"help": "When the contract ends, as it was signed."}),
    ):  # fmt: skip
        body = {"entity": "core.company", "name": name, "label": name.capitalize(), "kind": kind, **more}
        assert site.api.post("/custom-fields", json=body).status_code == 201
    for number, (name, region, amount, code) in enumerate(
        (("Harbour Tools", "north", "120000", "EUR"), ("Northern Mills and Sons", "north", "5300.5", "EUR"),
         ("Southgate", "south", "90000", "JPY"), ("Globex", "south", "77", "EUR"), ("Initech", None, None, "EUR")),
    ):  # fmt: skip
        custom = {"region": region, "budget": amount, "budget_currency": code, "vip": number % 2 == 0}
        domain = f"{name.split()[0].lower()}.example"
        made = site.api.post("/companies", json={"name": name, "domain": domain, "custom": custom})
        assert made.status_code == 201, made.text
    state = {"group": "custom.region", "columns": ["name", "custom.region", "custom.budget"]}
    view = site.api.post("/views", json={"name": "By region", "entity": "core.company", "state": state}).json()
    return {"view": view["href"]}


PAGES = (
    "/admin/fields", "/admin/fields?entity=core.company", "/custom-fields/new?entity=core.company", "{view}",
    "/views/groups?of=core.company&group=custom.region&columns=name&columns=custom.budget",
    "/companies?f.custom.region=north&q=harbour&group=custom.vip", "/views?of=core.company&at=group%3Dindustry",
    "/import",
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(PAGES)))
def test_pages_are_sound_in_both_themes_narrow_and_without_scripts(
    open_page: Callable[..., Page], things: dict[str, str], number: int
) -> None:
    path = PAGES[number].format(**things)
    look_all_ways(open_page(path), f"data-{number}")
    assert open_page(path, scripts=False).locator("h1").count() == 1


def test_list_with_a_group_shows_counts_and_sums_and_leads_to_the_records(
    open_page: Callable[..., Page], things: dict[str, str]
) -> None:
    page = open_page(things["view"])
    table = page.get_by_role("table").first
    expect(table).to_contain_text("South")
    expect(table).to_contain_text("125,300.50")
    expect(page.get_by_text("Not in the sum, for want of a rate: JPY: 1")).to_be_visible()
    table.get_by_role("link", name="North").click()
    expect(page.get_by_role("link", name="Northern Mills and Sons")).to_be_visible()
    expect(page.get_by_role("link", name="Southgate")).to_have_count(0)
    page = open_page(things["view"], scripts=False)
    page.get_by_role("link", name="Show counts and sums").click()
    expect(page.get_by_role("table")).to_contain_text("125,300.50")


def test_import_shows_what_may_be_there_and_what_cannot_be_imported(
    open_page: Callable[..., Page], things: dict[str, str]
) -> None:
    for theme, width in (("light", 1360), ("dark", 1360), ("light", 360)):
        page = open_page("/import?entity=core.company", theme=theme, width=width)
        file = {"name": "companies.csv", "mimeType": "text/csv", "buffer": CSV}
        page.locator("input[type=file]").set_input_files(file)
        page.locator("main form button").first.click()
        page.wait_for_url(re.compile("/import/[0-9a-f]{64}/"))
        settled(page)
        expect(page.get_by_text("This field cannot be imported")).to_be_visible()
        expect(page.get_by_text("May be").first).to_be_visible()
        look(page, f"data-import-{theme}-{width}")
