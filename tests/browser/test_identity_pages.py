"""Invitation, sign-in, second factor, sessions and security log in a browser: by form, in both themes, narrow and wide.

`CRM_SHOTS=folder` keeps a picture of each page.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from crm_core.db.types import utcnow
from crm_core.features.session import totp
from playwright.sync_api import Page

Open = Callable[..., Page]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
PASSWORD = "quite a long secret"
SHOTS = os.environ.get("CRM_SHOTS", "")


def keep(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def check(page: Page, name: str, *, scripts: bool = True) -> None:
    """Keep a picture; no page is wider than the window, and axe finds nothing (it needs scripts)."""
    keep(page, name)
    if not scripts:
        return
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, f"{name}: {width} px wider than the window"
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found]


def invited(site: Any, email: str) -> str:
    answer = site.api.post("/users/invite", json={"email": email, "name": "Nora New"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["link"])


def accept(page: Page, link: str) -> None:
    page.goto(link)
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_selector("main a.btn")


def sign_in(page: Page, email: str) -> None:
    page.goto("/login")
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")


@pytest.mark.parametrize(("theme", "width", "scripts"), [("light", 1360, False), ("dark", 360, True)])
def test_person_goes_from_invitation_to_second_factor_and_back_in(
    open_page: Open, site: Any, theme: str, width: int, scripts: bool
) -> None:
    look, email = f"{theme}-{width}", f"nora{width}@example.com"
    page = open_page("/forgot", theme=theme, width=width, scripts=scripts)
    page.context.clear_cookies()
    link = invited(site, email)
    page.goto(link)
    check(page, f"invitation-{look}", scripts=scripts)
    page.fill("#password", "qwertyuiop123")
    page.fill("#again", "qwertyuiop123")
    page.click("main button[type=submit]")
    page.wait_for_selector(".error-text")
    check(page, f"invitation-refused-{look}", scripts=scripts)
    accept(page, link)
    check(page, f"invitation-done-{look}", scripts=scripts)
    sign_in(page, email)
    page.goto("/account")
    check(page, f"account-{look}", scripts=scripts)
    page.goto("/account/second-factor")
    page.fill("#current", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_selector("svg.qr")
    check(page, f"second-factor-{look}", scripts=scripts)
    secret = "".join(page.inner_text(".secret-text code").split())
    page.fill("#code", totp.code_at(secret, totp.step_at(utcnow()) - 1))
    page.click("main button[type=submit] >> nth=0")
    page.wait_for_selector(".code-list")
    check(page, f"recovery-codes-{look}", scripts=scripts)
    code = page.inner_text(".code-list code >> nth=0")
    page.goto("/account/second-factor")
    check(page, f"second-factor-on-{look}", scripts=scripts)
    page.context.clear_cookies()
    sign_in(page, email)
    page.wait_for_selector("#code")
    check(page, f"login-code-{look}", scripts=scripts)
    page.fill("#code", code)
    page.click("main button[type=submit]")
    page.wait_for_url(re.compile("/$"))


@pytest.mark.parametrize(("theme", "width"), [("light", 1360), ("dark", 1360), ("light", 360)])
def test_administrator_pages_are_readable_everywhere(open_page: Open, site: Any, theme: str, width: int) -> None:
    look = f"{theme}-{width}"
    site.api.post("/users/invite", json={"email": "waiting@example.com"})
    user = site.api.get("/session").json()["user_id"]
    for name, path in {
        "account": "/account",
        "account-security": "/account/security",
        "invite": "/users/invite",
        "users": "/users",
        "user": f"/users/{user}",
        "security-log": "/admin/security",
        "user-security": f"/admin/users/{user}/security",
        "settings": "/settings/core.sign_in",
        "login-forgot": "/forgot",
    }.items():
        page = open_page(path, theme=theme, width=width)
        check(page, f"{name}-{look}")


@pytest.mark.parametrize(("theme", "width"), [("light", 360), ("dark", 1360)])
def test_enrolment_on_the_way_in_is_readable(open_page: Open, site: Any, theme: str, width: int) -> None:
    look, email = f"{theme}-{width}", f"demanded{width}@example.com"
    page = open_page("/settings/core.sign_in", theme=theme, width=width)
    page.check("input[type=checkbox]")
    page.click(".form-actions button")
    page.wait_for_load_state()
    page.context.clear_cookies()
    accept(page, invited(site, email))
    sign_in(page, email)
    page.wait_for_selector("form[action='/login/enrol']")
    check(page, f"login-enrol-{look}")
    page.click("main button[type=submit]")
    page.wait_for_selector("svg.qr")
    check(page, f"login-enrol-qr-{look}")
    secret = "".join(page.inner_text(".secret-text code").split())
    page.fill("#code", totp.code_at(secret, totp.step_at(utcnow())))
    page.click("main button[type=submit]")
    page.wait_for_selector(".code-list")
    check(page, f"login-recovery-{look}")
    page.click("main a.btn")
    page.wait_for_url(re.compile("/$"))
