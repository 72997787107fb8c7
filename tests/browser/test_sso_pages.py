"""Single sign-on and connected accounts in a browser, with a provider in a process of its own.

`CRM_SHOTS=folder` keeps a picture of each page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from crm_core.testing.oidc import OidcServer
from crm_looks import look
from playwright.sync_api import Page

Open = Callable[..., Page]
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
    look(page, f"{name}-connections", axe=scripts)
    for path in PATHS:
        page.goto(path)
        look(page, f"{name}{path.replace('/', '-')}", axe=scripts)
    for path in ("/admin/sso", "/admin/connections"):
        page.goto(path)
        page.click("main td a")
        look(page, f"{name}{path.replace('/', '-')}-one", axe=scripts)
    page.context.clear_cookies()
    page.goto("/login?next=/account")
    look(page, f"{name}-login", axe=scripts)
    page.click("button:has-text('Sign in with Corp')")
    page.wait_for_url("**/account")
