"""Invitation, sign-in, second factor, sessions and security log in a browser: by form, in both themes, narrow and wide.

`CRM_SHOTS=folder` keeps a picture of each page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from crm_core.db.types import utcnow
from crm_core.features.session import totp
from crm_looks import look, look_all_ways
from playwright.sync_api import Page

Open = Callable[..., Page]
PASSWORD = "quite a long secret"


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
    kind, email = f"{theme}-{width}", f"nora{width}@example.com"
    page = open_page("/forgot", theme=theme, width=width, scripts=scripts)
    page.context.clear_cookies()
    link = invited(site, email)
    page.goto(link)
    look(page, f"invitation-{kind}", axe=scripts)
    page.fill("#password", "qwertyuiop123")
    page.fill("#again", "qwertyuiop123")
    page.click("main button[type=submit]")
    page.wait_for_selector(".error-text")
    look(page, f"invitation-refused-{kind}", axe=scripts)
    accept(page, link)
    look(page, f"invitation-done-{kind}", axe=scripts)
    sign_in(page, email)
    page.goto("/account")
    look(page, f"account-{kind}", axe=scripts)
    page.goto("/account/second-factor")
    page.fill("#current", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_selector("svg.qr")
    look(page, f"second-factor-{kind}", axe=scripts)
    secret = "".join(page.inner_text(".secret-text code").split())
    page.fill("#code", totp.code_at(secret, totp.step_at(utcnow()) - 1))
    page.click("main button[type=submit] >> nth=0")
    page.wait_for_selector(".code-list")
    look(page, f"recovery-codes-{kind}", axe=scripts)
    code = page.inner_text(".code-list code >> nth=0")
    page.goto("/account/second-factor")
    look(page, f"second-factor-on-{kind}", axe=scripts)
    page.context.clear_cookies()
    sign_in(page, email)
    page.wait_for_selector("#code")
    look(page, f"login-code-{kind}", axe=scripts)
    page.fill("#code", code)
    page.click("main button[type=submit]")
    page.wait_for_url(re.compile("/$"))


def test_administrator_pages_are_readable_everywhere(open_page: Open, site: Any) -> None:
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
        look_all_ways(open_page(path), name)


@pytest.mark.parametrize(("theme", "width"), [("light", 360), ("dark", 1360)])
def test_enrolment_on_the_way_in_is_readable(open_page: Open, site: Any, theme: str, width: int) -> None:
    kind, email = f"{theme}-{width}", f"demanded{width}@example.com"
    page = open_page("/settings/core.sign_in", theme=theme, width=width)
    page.check("input[type=checkbox]")
    page.click(".form-actions button")
    page.wait_for_load_state()
    page.context.clear_cookies()
    accept(page, invited(site, email))
    sign_in(page, email)
    page.wait_for_selector("form[action='/login/enrol']")
    look(page, f"login-enrol-{kind}")
    page.click("main button[type=submit]")
    page.wait_for_selector("svg.qr")
    look(page, f"login-enrol-qr-{kind}")
    secret = "".join(page.inner_text(".secret-text code").split())
    page.fill("#code", totp.code_at(secret, totp.step_at(utcnow())))
    page.click("main button[type=submit]")
    page.wait_for_selector(".code-list")
    look(page, f"login-recovery-{kind}")
    page.click("main a.btn")
    page.wait_for_url(re.compile("/$"))
