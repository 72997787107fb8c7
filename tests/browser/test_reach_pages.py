"""Webhooks and event sinks in a browser, and pages that hear of changes by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from crm_looks import look, look_all_ways
from playwright.sync_api import Page, expect

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def contact(site: Any) -> str:
    return str(site.api.post("/contacts", json={"last_name": "Watched"}).json()["id"])


def test_list_shows_what_somebody_else_adds_without_being_loaded_again(
    open_page: OpenPage, site: Any, contact: str
) -> None:
    page = open_page("/contacts")
    page.evaluate("window.still = true")
    time.sleep(1.0)  # the stream opens
    began = time.monotonic()
    site.api.post("/contacts", json={"last_name": "Appears"})
    expect(page.locator("#rows")).to_contain_text("Appears", timeout=5000)
    print(f"on the screen after {(time.monotonic() - began) * 1000:.0f} ms")
    assert page.evaluate("window.still") is True
    page.locator("#rows input[type=checkbox]").first.check()
    site.api.post("/contacts", json={"last_name": "Waits"})
    time.sleep(1.5)
    expect(page.locator("#rows")).not_to_contain_text("Waits")  # a selection is not taken away


def test_record_says_that_somebody_changed_it(open_page: OpenPage, site: Any, contact: str) -> None:
    page, other = open_page(f"/contacts/{contact}"), open_page(f"/contacts/{contact}")
    notice = page.locator("[data-live-version]")
    expect(notice).to_be_hidden()
    time.sleep(1.0)
    site.api.patch(f"/contacts/{contact}", json={"job_title": "Changed meanwhile"})
    expect(notice).to_be_visible(timeout=5000)
    expect(other.locator("[data-live-version]")).to_be_visible(timeout=5000)
    notice.locator("a").click()
    expect(page.locator("main")).to_contain_text("Changed meanwhile")
    expect(page.locator("[data-live-version]")).to_be_hidden()


@pytest.fixture(scope="module")
def webhook(site: Any) -> str:
    """The path of a webhook with a delivery."""
    new = {"name": "Shop", "url": "https://shop.example/hook", "events": "core.deal.*"}
    path = f"/webhooks/{site.api.post('/webhooks', json=new).json()['id']}"
    assert site.api.post(f"{path}/test").status_code == 200
    return path


def test_pages_of_webhooks_and_sinks(open_page: OpenPage, webhook: str) -> None:
    pages = {
        "webhook": webhook, "deliveries": f"{webhook}/deliveries", "webhook-form": f"{webhook}/edit",
        "replay": f"{webhook}/do/replay", "webhooks": "/webhooks", "sinks": "/admin/sinks",
    }  # fmt: skip
    for name, path in pages.items():
        look_all_ways(open_page(path), name)


def test_secret_is_shown_when_asked_for(open_page: OpenPage, webhook: str) -> None:
    page = open_page(webhook)
    page.get_by_role("button", name="Show the secret").click()
    expect(page.locator("pre")).to_contain_text("whsec_")
    look(page, "secret")
