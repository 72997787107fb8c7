"""The pages of system mail in a browser: the ledger, a mail, the server's form, the unsubscribe page.

`CRM_SHOTS=folder` keeps a picture of each page.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from crm_core.auth.actor import system
from crm_core.config import Config
from crm_looks import look, look_all_ways
from playwright.sync_api import Page


async def fill(config: Config) -> tuple[str, str]:
    """Write mails in several states; return the path of one and of its unsubscribe link."""
    import sqlalchemy as sa
    from crm_core.features.mail import public as mail
    from crm_core.features.mail.models import MailRow
    from crm_core.jobs.runner import run_due
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        async with kernel.write(system("test")) as uow:
            ids = [
                await mail.send_template(
                    uow, "core/mail/test", to=f"person{n}@example.com", kind="transactional", purpose="core.mail_test",
                    who="Ada Lovelace", when=uow.now,
                )
                for n in range(4)
            ]  # fmt: skip
            news = await mail.send(
                uow,
                mail.Mail(
                    to="customer@example.com", subject="News of this autumn, a subject that is long for a list",
                    text="News", html="<p>News</p>", kind="marketing", purpose="email.campaign",
                ),
            )  # fmt: skip
        await run_due(kernel)
        async with kernel.write(system("test")) as uow:
            for mail_id, state, error in (
                (ids[0], "ambiguous", "SMTPServerDisconnected: Connection lost"),
                (ids[1], "failed", "550 5.1.1 The email account that you tried to reach does not exist"),
                (ids[2], "suppressed", "unsubscribe"),
            ):
                await uow.session.execute(
                    sa.update(MailRow).where(MailRow.id == mail_id).values(state=state, error=error)
                )
            text = await uow.session.scalar(sa.select(MailRow.text).where(MailRow.id == news)) or ""
        found = re.search(r"http\S+/unsubscribe/\S+", text)
        assert found
        return f"/admin/mails/{ids[0]}", urlsplit(found[0]).path
    finally:
        await kernel.close()


@pytest.fixture(scope="module")
def mails(site: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    from threading import Thread

    found: list[tuple[str, str]] = []
    thread = Thread(target=lambda: found.append(asyncio.run(fill(site.config))))  # the browser has this one's loop
    thread.start()
    thread.join()
    return found[0]


def test_mail_pages_hold_in_every_theme_and_width(open_page: Callable[..., Page], mails: tuple[str, str]) -> None:
    one, leave = mails
    for name, path in (("ledger", "/admin/mails"), ("mail", one), ("server", "/admin/mail"), ("leave", leave)):
        look_all_ways(open_page(path), name)


def test_mail_is_unsubscribed_and_the_server_saved_without_scripts(
    open_page: Callable[..., Page], mails: tuple[str, str]
) -> None:
    page = open_page(mails[1], scripts=False)
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_role("heading", name="You are unsubscribed").wait_for()
    page = open_page("/admin/mail", scripts=False)
    page.get_by_label("SMTP server").fill("smtp.example.com")
    page.get_by_label("Sender address").fill("nobody")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("This is not an e-mail address").first.wait_for()
    look(page, "server-error", axe=False)
    page.get_by_label("Sender address").fill("crm@example.com")
    page.get_by_role("button", name="Save").click()
    assert page.get_by_label("SMTP server").input_value() == "smtp.example.com"
