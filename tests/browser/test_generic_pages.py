"""The generic pages in a browser: what people do with them, and what axe says about them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from crm_looks import look_all_ways, violations
from playwright.sync_api import Page, expect

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def records(site: Any) -> dict[str, str]:
    """A company with contacts and deals; addresses of their pages."""
    company = site.api.post("/companies", json={"name": "Globex", "tags": ["vip"]}).json()["id"]
    for number in range(55):
        body = {
            "first_name": "Contact",
            "last_name": f"{number:02}",
            "company_id": company,
            "emails": [{"address": f"c{number}@example.com", "kind": "work"}],
        }
        answer = site.api.post("/contacts", json=body)
        assert answer.status_code == 201, answer.text
    return {"company": f"/companies/{company}", "contact": f"/contacts/{answer.json()['id']}"}


@pytest.mark.parametrize(
    "path",
    ["/", "/contacts", "/contacts/new", "company", "contact", "/search?q=glob", "/settings", "/dev/styleguide",
     "/admin/jobs", "/admin/events", "/admin/plugins"],
)  # fmt: skip
def test_page_is_accessible_in_both_themes_and_fits_a_narrow_screen(
    open_page: Open, records: dict[str, str], path: str
) -> None:
    look_all_ways(open_page(records.get(path, path)), path.strip("/").replace("/", "-").partition("?")[0] or "home")


def test_bad_form_puts_the_focus_on_its_first_bad_field(open_page: Open) -> None:
    page = open_page("/contacts/new")
    page.get_by_label("First name").fill("Grace")
    page.locator("[name=emails-0-address]").fill("nobody")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[name=last_name]")).to_be_focused()
    expect(page.locator("[aria-invalid=true]")).to_have_count(2)
    page.get_by_label("Last name").fill("Hopper")
    page.locator("[name=emails-0-address]").fill("grace@example.com")
    page.locator("crm-rows").first.get_by_role("button", name="Add").click()
    page.locator("crm-rows").first.locator("input[type=email]").last.fill("hopper@example.com")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Grace Hopper")).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("Contact created.")
    expect(page.get_by_role("cell", name="hopper@example.com")).to_be_visible()


def test_forms_lists_and_menus_work_without_scripts(open_page: Open, records: dict[str, str]) -> None:
    page = open_page("/contacts/new", scripts=False)
    page.get_by_label("Last name").fill("Scriptless")
    page.locator("[name=company_id]").select_option(label="Globex")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Scriptless")
    page.goto("/contacts?q=scriptless")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.locator("#rows .checkbox").check()
    page.locator("#bulk").get_by_role("button", name="Delete").click()
    page.locator("main").get_by_role("button", name="Delete").click()
    page.goto("/contacts?q=scriptless")
    expect(page.get_by_text("Nothing found")).to_be_visible()


def test_more_rows_are_added_and_ticked_ones_counted(open_page: Open, records: dict[str, str]) -> None:
    page = open_page("/contacts?sort=name")
    expect(page.locator("#rows tr")).to_have_count(50)
    page.get_by_text("Load more").click()
    expect(page.locator("#rows tr").nth(50)).to_be_visible()
    expect(page.get_by_text("Load more")).to_have_count(0)
    page.locator("tbody .checkbox").first.check()
    page.locator("tbody .checkbox").nth(4).click(modifiers=["Shift"])
    expect(page.locator("#bulk")).to_contain_text("5 selected")


def test_palette_opens_by_key_and_leads_to_a_record(open_page: Open, records: dict[str, str]) -> None:
    page = open_page("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("glob")
    expect(page.locator("#palette").get_by_role("option", name=re.compile("Globex"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(records["company"]))


def test_link_is_searched_while_typing(open_page: Open, records: dict[str, str]) -> None:
    page = open_page("/contacts/new")
    page.locator("crm-picker[label=Company] .ts-control").first.click()  # the next ones are of further companies
    page.keyboard.type("glo")
    page.locator(".ts-dropdown .option", has_text="Globex").click()
    expect(page.locator("[name=company_id]")).to_have_value(records["company"].rpartition("/")[2])


def test_theme_is_kept_on_the_next_page(open_page: Open) -> None:
    page = open_page("/", theme="light")
    page.locator("header [data-do=theme]").click()
    page.goto("/contacts")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_narrow_navigation_opens_and_closes(open_page: Open) -> None:
    page = open_page("/", width=360)
    expect(page.locator("#sidebar")).not_to_be_visible()
    page.get_by_role("button", name="Menu").click()
    expect(page.locator("#sidebar")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#sidebar")).not_to_be_visible()


def test_company_deal_won_in_one_go(open_page: Open) -> None:
    page = open_page("/companies/new")
    page.get_by_label("Name", exact=True).fill("Initech")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="New deal").click()
    page.get_by_label("Name", exact=True).fill("Fifty printers")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Fifty printers")).to_be_visible()
    page.get_by_role("button", name="Won").click()
    expect(page.get_by_role("alert").or_(page.locator(".notice"))).to_contain_text("Won needs: Amount.")
    expect(page.get_by_label("Amount", exact=True)).to_be_focused()
    assert not violations(page)
    page.get_by_label("Amount", exact=True).fill("12500")
    page.get_by_role("button", name="Won").click()
    expect(page.get_by_role("heading", name="Fifty printers")).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("Done: Won")
    expect(page.locator(".key-facts")).to_contain_text("Won")
    expect(page.locator(".key-facts")).to_contain_text("12,500")
    page.get_by_role("link", name="Initech").first.click()
    expect(page.get_by_role("cell", name="Fifty printers")).to_be_visible()
    page.get_by_role("cell", name="Fifty printers").get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("Fifty printers")
    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search or jump to…").fill("open again")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Open again").click()
    expect(page.locator("#toasts")).to_contain_text("Done: Open again")
    expect(page.get_by_role("button", name="Won")).to_be_visible()
