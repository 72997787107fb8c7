"""The first administrator: one, made on a page that closes for good, or by command."""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa
from click.testing import CliRunner
from crm_core.auth.actor import system
from crm_core.auth.people import User
from crm_core.auth.rights import actor_by_email
from crm_core.cli import crm
from crm_core.config import Config
from crm_core.features.session.actions import has_users
from crm_core.kernel import Kernel, open_kernel

FORM = {"name": "Ada", "email": "ada@example.com", "password": "quite a long secret", "again": "quite a long secret"}


async def test_empty_installation_leads_to_its_set_up_and_signs_the_administrator_in(
    browser: Any, kernel: Kernel
) -> None:
    one = browser()
    assert (await one.call("GET", "/login")).headers["location"] == "/setup"
    assert "Ada" not in (await one.call("GET", "/setup")).text
    answer = await one.call("POST", "/setup", data=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    who = (await one.call("GET", "/api/v1/session")).json()
    assert who["roles"] == ["admin"]
    assert (await actor_by_email(kernel, "ADA@example.com")).rights.everything
    for method in ("GET", "POST"):
        answer = await browser().call(method, "/setup", data=FORM if method == "POST" else None)
        assert answer.status_code in (404, 409)


async def test_of_many_at_once_one_becomes_administrator(browser: Any, kernel: Kernel) -> None:
    forms = [{**FORM, "email": f"a{n}@example.com"} for n in range(6)]
    answers = await asyncio.gather(*(browser().call("POST", "/setup", data=form) for form in forms))
    assert sorted(a.status_code for a in answers) == [303] + [409] * 5
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(User)) == 1


async def test_what_is_wrong_with_the_form_is_said_on_the_page(browser: Any, kernel: Kernel) -> None:
    one = browser()
    for change, status in (
        ({"password": "short", "again": "short"}, 422),
        ({"again": "other"}, 422),
        ({"email": "x"}, 422),
    ):
        answer = await one.call("POST", "/setup", data={**FORM, **change})
        assert answer.status_code == status
        assert 'value="Ada"' in answer.text
        assert "quite a long secret" not in answer.text
    assert not await has_users(kernel)


async def test_user_added_by_command_closes_the_set_up(
    config: Config, kernel: Kernel, browser: Any, tmp_path: Any
) -> None:
    config.folder.mkdir(exist_ok=True)
    lines = f'database_url = "{config.database_url}"\nsecret_key = "{config.secret_key}"\n'
    (config.folder / "crm.toml").write_text(lines)

    async def run(*words: str, typed: str = "") -> Any:
        return await asyncio.to_thread(CliRunner().invoke, crm, [*words, "--folder", str(config.folder)], input=typed)

    added = await run("user", "add", "ada@example.com", "--role", "admin", typed="quite a long secret\n")
    assert added.exit_code == 0, added.output + str(added.exception)
    assert (await browser().call("POST", "/setup", data=FORM)).status_code == 409
    assert await browser().sign_in("ada@example.com") == 201
    made = await run("token", "create", "ada@example.com", "--scope", "read")
    secret = made.output.strip()
    assert made.exit_code == 0 and secret.startswith("crm_")
    answer = await browser().client.get("/api/v1/session", headers={"authorization": f"Bearer {secret}"})
    assert answer.json()["scopes"] == ["read"]
    unknown = await run("token", "create", "nobody@example.com")
    assert unknown.exit_code != 0 and "nobody@example.com" in str(unknown.exception)
    twice = await run("user", "add", "ADA@example.com", "--generate")
    assert twice.exit_code != 0
    bad = await run("user", "add", "bob@example.com", "--role", "emperor", "--generate")
    assert "emperor" in str(bad.exception)


async def test_kernel_can_be_closed_twice(config: Config) -> None:
    kernel = await open_kernel(config)
    await kernel.close()
    await kernel.close()
