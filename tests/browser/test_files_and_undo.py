"""Uploads and undo in a browser, with scripts and without, and what axe says about their pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from crm_looks import look_all_ways
from playwright.sync_api import Page, expect

Open = Callable[..., Page]
PDF = {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 " + b"x" * 3000}


def company(site: Any, name: str, **values: Any) -> str:
    """Make a company and return the path of its page."""
    answer = site.api.post("/companies", json={"name": name, **values})
    assert answer.status_code == 201, answer.text
    return f"/companies/{answer.json()['id']}"


def test_file_is_attached_in_the_panel_and_its_deletion_undone(open_page: Open, site: Any) -> None:
    page = open_page(company(site, "Files AG"))
    panel = page.locator("#files-panel")
    expect(panel.get_by_text("No files yet.")).to_be_visible()
    panel.locator('input[type="file"]').set_input_files(PDF)
    expect(panel.get_by_role("link", name="plan.pdf")).to_be_visible()
    expect(panel.get_by_text("2.9 kB")).to_be_visible()
    panel.get_by_role("button", name="Delete plan.pdf").click()
    toast = page.locator("#toasts")
    expect(toast.get_by_text("plan.pdf is in the trash.")).to_be_visible()
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts").get_by_text("Undone.")).to_be_visible()
    assert [f["name"] for f in site.api.get("/files").json()["items"]].count("plan.pdf") == 1


def test_file_is_dropped_on_the_panel(open_page: Open, site: Any) -> None:
    page = open_page(company(site, "Drop AG"))
    panel = page.locator("#files-panel")
    expect(panel.locator("form.scripted")).to_be_visible()
    data = page.evaluate_handle(
        "() => { const d = new DataTransfer(); d.items.add(new File(['%PDF-1.7 dropped'], 'dropped.pdf')); return d; }"
    )
    panel.dispatch_event("drop", {"dataTransfer": data})
    expect(panel.get_by_role("link", name="dropped.pdf")).to_be_visible()


def test_file_is_attached_without_scripts(open_page: Open, site: Any) -> None:
    page = open_page(company(site, "Plain AG"), scripts=False)
    page.get_by_role("link", name="Files", exact=True).click()
    page.locator('input[type="file"]').set_input_files(PDF)
    page.get_by_role("button", name="Attach", exact=True).click()
    expect(page.get_by_role("link", name="plan.pdf")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_edit_is_undone_by_the_button_beside_its_message(open_page: Open, site: Any, scripts: bool) -> None:
    path = company(site, f"Undo {scripts}", city="Bonn")
    page = open_page(f"{path}/edit", scripts=scripts)
    page.get_by_label("City").fill("Mainz")
    page.get_by_role("button", name="Save").click()
    message = page.locator("#toasts" if scripts else "main .notice-line:not([hidden])")
    expect(message).to_contain_text("Saved.")
    message.locator("button").click()
    expect(message).to_contain_text("Undone.")
    assert site.api.get(path).json()["city"] == "Bonn"


def test_undo_in_the_history_says_what_is_in_the_way(open_page: Open, site: Any) -> None:
    path = company(site, "Later AG", city="Bonn")
    for city in ("Mainz", "Trier"):
        site.api.patch(path, json={"city": city})
    page = open_page(path)
    page.get_by_role("link", name="History").click()
    expect(page.locator("ins", has_text="Trier")).to_be_visible()
    page.locator(".history-item", has_text="Mainz").nth(1).get_by_role("link", name="Undo").click()
    expect(page.get_by_text("Changed since: City.")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)


def test_new_pages_are_accessible_and_fit(open_page: Open, site: Any) -> None:
    path = company(site, "Axe", city="Bonn")
    site.api.patch(path, json={"city": "Mainz"})
    key = path.rpartition("/")[2]
    site.api.post("/files/upload", data={"parent": f"core.company:{key}"}, files={"file": ("plan.pdf", b"%PDF-1.7")})
    page = open_page(f"{path}/history")
    undo = page.locator('a[href^="/undo/"]').first.get_attribute("href")
    for address in (f"{path}/history", f"/files/on?of=core.company:{key}", str(undo), path,
                    "/settings/core.organisation", "/settings/core.money"):  # fmt: skip
        page.goto(address)
        if address == path:
            expect(page.locator("#files-panel").get_by_role("link", name="plan.pdf")).to_be_visible()
        look_all_ways(page, address.strip("/").partition("?")[0].replace("/", "-"))
