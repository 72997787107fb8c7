"""The first administrator: one, made on a page that closes for good, or by command."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from crm_core.auth.actor import system
from crm_core.auth.people import User
from crm_core.auth.rights import actor_by_email
from crm_core.cli import crm
from crm_core.config import Config
from crm_core.features.session.actions import has_users, set_up_code
from crm_core.kernel import Kernel, open_kernel

FORM = {"name": "Ada", "email": "ada@example.com", "password": "quite a long secret", "again": "quite a long secret"}


@pytest.fixture
def form(kernel: Kernel) -> dict[str, str]:
    """What the installer types; the code is in the server's log."""
    return {**FORM, "code": set_up_code(kernel)}


async def test_empty_installation_leads_to_its_set_up_and_signs_the_administrator_in(
    browser: Any, kernel: Kernel, form: dict[str, str], events: Any
) -> None:
    one = browser()
    assert (await one.call("GET", "/login")).headers["location"] == "/setup"
    assert "Ada" not in (await one.call("GET", "/setup")).text
    answer = await one.call("POST", "/setup", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    who = (await one.call("GET", "/api/v1/session")).json()
    assert who["roles"] == ["admin"]
    assert len(await events("core.session.set_up")) == 1
    assert (await actor_by_email(kernel, "ADA@example.com")).rights.everything
    for method in ("GET", "POST"):
        answer = await browser().call(method, "/setup", data=form if method == "POST" else None)
        assert answer.status_code in (404, 409)


async def test_of_many_at_once_one_becomes_administrator(browser: Any, kernel: Kernel, form: dict[str, str]) -> None:
    forms = [{**form, "email": f"a{n}@example.com"} for n in range(6)]
    answers = await asyncio.gather(*(browser().call("POST", "/setup", data=one) for one in forms))
    assert sorted(a.status_code for a in answers) == [303] + [409] * 5
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(User)) == 1


async def test_stranger_without_the_code_does_not_become_administrator(
    browser: Any, kernel: Kernel, form: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    page = await browser().call("GET", "/setup")
    assert form["code"] not in page.text
    assert form["code"] in caplog.text
    assert (await browser().call("POST", "/setup", data={**form, "code": ""})).status_code == 422
    statuses = [(await browser().call("POST", "/setup", data={**form, "code": str(n)})).status_code for n in range(12)]
    assert statuses[-1] == 429
    assert not await has_users(kernel)


def test_set_up_on_this_machine_asks_for_no_code(config: Config, kernel: Kernel) -> None:
    kernel.config = config.but(base_url="http://127.0.0.1:8000")
    assert set_up_code(kernel) == ""


async def test_what_is_wrong_with_the_form_is_said_on_the_page(
    browser: Any, kernel: Kernel, form: dict[str, str]
) -> None:
    one = browser()
    for change, status in (
        ({"password": "short", "again": "short"}, 422),
        ({"again": "other"}, 422),
        ({"email": "x"}, 422),
    ):
        answer = await one.call("POST", "/setup", data={**form, **change})
        assert answer.status_code == status
        assert 'value="Ada"' in answer.text
        assert "quite a long secret" not in answer.text
    assert not await has_users(kernel)


async def test_user_added_by_command_closes_the_set_up(config: Config, browser: Any, form: dict[str, str]) -> None:
    config.folder.mkdir(exist_ok=True)
    lines = f'database_url = "{config.database_url}"\nsecret_key = "{config.secret_key}"\n'
    (config.folder / "crm.toml").write_text(lines)

    async def run(*words: str, typed: str = "") -> Any:
        return await asyncio.to_thread(CliRunner().invoke, crm, [*words, "--folder", str(config.folder)], input=typed)

    added = await run("user", "add", "ada@example.com", "--role", "admin", typed="quite a long secret\n")
    assert added.exit_code == 0, added.output + str(added.exception)
    assert (await browser().call("POST", "/setup", data=form)).status_code == 409
    assert await browser().sign_in("ada@example.com") == 201
    made = await run("token", "create", "ada@example.com", "--scope", "read")
    secret = made.output.strip()
    assert made.exit_code == 0
    assert secret.startswith("crm_")
    answer = await browser().client.get("/api/v1/session", headers={"authorization": f"Bearer {secret}"})
    assert answer.json()["scopes"] == ["read"]
    unknown = await run("token", "create", "nobody@example.com")
    assert unknown.exit_code != 0
    assert "nobody@example.com" in str(unknown.exception)
    twice = await run("user", "add", "ADA@example.com", "--generate")
    assert twice.exit_code != 0
    bad = await run("user", "add", "bob@example.com", "--role", "emperor", "--generate")
    assert "emperor" in str(bad.exception)


async def test_kernel_can_be_closed_twice(config: Config) -> None:
    kernel = await open_kernel(config)
    await kernel.close()
    await kernel.close()
