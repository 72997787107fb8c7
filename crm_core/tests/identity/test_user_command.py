"""`crm user`: links for those who cannot get in, printed where nobody else reads along."""

from __future__ import annotations

import re
from typing import Any

import pytest
from click.testing import CliRunner
from crm_core.commands.user import command
from crm_core.config import Config


@pytest.fixture
def run(config: Config, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command on the test's database, in a thread because the command has a loop of its own."""
    import asyncio

    monkeypatch.setattr(Config, "load", classmethod(lambda _cls, _folder=None: config))

    async def go(*words: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, command, list(words))

    return go


async def test_reset_link_is_printed_and_works(run: Any, person: Any, browser: Any, events: Any) -> None:
    await person("rep@example.com", "sales")
    done = await run("reset-link", "rep@example.com")
    assert done.exit_code == 0, done.output
    link = re.fullmatch(r"http://testserver\.local(/public/reset/[\w-]{43})\n", done.output)
    assert link is not None
    form = {"password": "a brand new secret", "again": "a brand new secret"}
    assert (await browser().client.post(link[1], data=form)).status_code == 200
    assert await browser().sign_in("rep@example.com", "a brand new secret") == 201
    assert "core.password_reset.link_made" in [kind for kind, _payload in await events("core.password_reset.")]


async def test_reset_link_for_nobody_fails(run: Any) -> None:
    assert (await run("reset-link", "nobody@example.com")).exit_code != 0


async def test_invitation_is_printed_without_mail(run: Any, person: Any, browser: Any) -> None:
    await person("admin@example.com", "admin")
    done = await run("invite", "nora@example.com", "--role", "support")
    assert done.exit_code == 0, done.output
    path = done.output.strip().removeprefix("http://testserver.local")
    form = {"name": "Nora", "password": "a brand new secret", "again": "a brand new secret"}
    assert (await browser().client.post(path, data=form)).status_code == 200
    one = browser()
    assert await one.sign_in("nora@example.com", "a brand new secret") == 201
    assert (await one.call("GET", "/api/v1/session")).json()["roles"] == ["support"]
    assert (await run("invite", "x@example.com", "--role", "nothing")).exit_code != 0
    assert (await run("invite", "x@example.com", "--team", "nothing")).exit_code != 0


async def test_invitation_goes_by_mail_when_mail_is_set_up(run: Any, mail_set_up: None, mails: Any) -> None:
    done = await run("invite", "nora@example.com")
    assert "/public/" not in done.output
    assert [to for to, _text in await mails()] == ["nora@example.com"]


async def test_second_factor_is_reset(run: Any, person: Any, browser: Any) -> None:
    from crm_core.db.types import utcnow
    from crm_core.features.session import totp

    await person("rep@example.com", "sales")
    one = browser()
    await one.sign_in("rep@example.com")
    begun = await one.call("POST", "/api/v1/second-factor/begin", json={"password": "quite a long secret"})
    code = totp.code_at(begun.json()["secret"], totp.step_at(utcnow()))
    await one.call("POST", "/api/v1/second-factor/confirm", json={"code": code})
    assert await browser().sign_in("rep@example.com") == 401
    assert (await run("reset-second-factor", "rep@example.com")).exit_code == 0
    assert await browser().sign_in("rep@example.com") == 201
    assert (await run("reset-second-factor", "rep@example.com")).exit_code != 0
