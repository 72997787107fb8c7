"""Single sign-on and connected accounts in a browser, with a provider in a process of its own.

`CRM_SHOTS=folder` keeps a picture of each page.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from crm_core.testing.oidc import OidcServer
from playwright.sync_api import Page

Open = Callable[..., Page]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
SHOTS = os.environ.get("CRM_SHOTS", "")
PATHS = ("/account/sso", "/account/connections", "/admin/sso", "/admin/sso/new", "/admin/connections",
         "/admin/connections/new", "/account")  # fmt: skip


@pytest.fixture(scope="module")
def providers(site: Any, oidc_server: OidcServer) -> None:
    """A provider of each kind; both are the running server."""
    given = {"key": "corp", "name": "Corp", "issuer": oidc_server.issuer, "client_id": "crm", "client_secret": "x"}
    made = site.api.post("/sso/providers", json={**given, "creates_users": True})
    accounts = site.api.post("/connection-providers", json={**given, "name": "Mail Co", "scopes": "email mail.read"})
    assert (made.status_code, accounts.status_code) == (201, 201), made.text + accounts.text
    oidc_server.control(claims={"email": "jo@example.com", "email_verified": True, "name": "Jo Doe"})


def check(page: Page, name: str, *, scripts: bool = True) -> None:
    """Keep a picture; no page is wider than the window, and axe finds nothing (it needs scripts)."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)
    if not scripts:
        return
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, f"{name}: {width} px wider than the window"
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found]


@pytest.mark.parametrize(
    ("theme", "width", "scripts"), [("light", 1360, True), ("dark", 360, True), ("light", 360, False)]
)
def test_signing_in_and_connecting_in_a_browser(
    providers: None, open_page: Open, site: Any, theme: str, width: int, scripts: bool
) -> None:
    name = f"sso-{theme}-{width}-{'js' if scripts else 'plain'}"
    page = open_page("/", theme=theme, width=width, scripts=scripts)
    page.goto("/account/connections")
    page.click("button:has-text('Mail Co')")
    page.wait_for_selector("text=jo@example.com")
    check(page, f"{name}-connections", scripts=scripts)
    for path in PATHS:
        page.goto(path)
        check(page, f"{name}{path.replace('/', '-')}", scripts=scripts)
    for path in ("/admin/sso", "/admin/connections"):
        page.goto(path)
        page.click("main td a")
        check(page, f"{name}{path.replace('/', '-')}-one", scripts=scripts)
    page.context.clear_cookies()
    page.goto("/login?next=/account")
    check(page, f"{name}-login", scripts=scripts)
    page.click("button:has-text('Sign in with Corp')")
    page.wait_for_url("**/account")
