"""Secrets at rest, the rotation of their key, and the commands for both keys and mail."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from crm_core.auth.actor import system
from crm_core.cli import crm
from crm_core.commands import keys
from crm_core.config import Config
from crm_core.features.mail import server
from crm_core.features.mail.models import MailServer
from crm_core.kernel import Kernel, open_kernel

from crm_core import secrets

NEW = "another key that only tests use, as long as it"
SERVER = server.MailSettings(host="smtp.example.com", user="crm", password="MARKER", sender_address="crm@example.com")


async def save(kernel: Kernel) -> None:
    async with kernel.write(system("test")) as uow:
        await server.save(uow, SERVER)


async def password(kernel: Kernel) -> str:
    async with kernel.read(system("test")) as uow:
        stored = await uow.session.scalar(sa.select(MailServer.password))
    assert stored is not None
    return stored


async def test_sealed_text_opens_for_its_purpose_only_and_never_looks_the_same(kernel: Kernel) -> None:
    one, two = (secrets.seal(kernel, "core.mail.password", "hunter2 ünïcode") for _n in range(2))
    assert one != two
    assert "hunter2" not in one
    assert secrets.unseal(kernel, "core.mail.password", one) == "hunter2 ünïcode"
    with pytest.raises(secrets.SecretNotReadable):
        secrets.unseal(kernel, "core.token", one)
    changed = one[:-6] + ("A" if one[-6] != "A" else "B") + one[-5:]
    for bad in (changed, "", "v1.x", "plain", one.replace("v1", "v2"), "v1.00000000." + one.rpartition(".")[2]):
        with pytest.raises(secrets.SecretNotReadable):
            secrets.unseal(kernel, "core.mail.password", bad)


async def test_rotation_seals_everything_anew_and_the_old_key_can_go(
    kernel: Kernel, config: Config, ledger: Any
) -> None:
    await save(kernel)
    before = await password(kernel)
    rows = [await ledger.send(kind="security", text=f"CODE-{n}") for n in range(keys.BATCH + 5)]
    both = await open_kernel(config.but(secret_key=NEW, old_secret_keys=(config.secret_key,)), registry=kernel.registry)
    try:
        assert secrets.unseal(both, server.PASSWORD, before) == "MARKER"
        assert await keys.in_use(both) == {secrets.key_id(config.secret_key): len(rows) + 1}
        assert await keys.rotate(both) == len(rows) + 1
        assert await keys.rotate(both) == 0
        assert await keys.in_use(both) == {secrets.key_id(NEW): len(rows) + 1}
    finally:
        await both.close()
    alone = await open_kernel(config.but(secret_key=NEW), registry=kernel.registry)
    try:
        assert secrets.unseal(alone, server.PASSWORD, await password(alone)) == "MARKER"
        with pytest.raises(secrets.SecretNotReadable):
            secrets.unseal(alone, server.PASSWORD, before)
    finally:
        await alone.close()


def test_every_sealed_column_is_known(registry: Any) -> None:
    named = {f"{table.name}.{column.name}" for table, column, _purpose in keys.sealed_columns()}
    assert {"core_mail.secret_body", "core_mail_server.password"} <= named


def test_commands_make_a_key_rotate_and_send_a_test_mail(
    tmp_path: Path, database_url: str, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "installation"
    folder.mkdir()
    folder.joinpath("crm.toml").write_text(f'database_url = "{database_url}"\nbase_url = "http://127.0.0.1"\n')

    async def prepare() -> None:
        kernel = await open_kernel(Config.load(folder))
        await save(kernel)
        await kernel.close()

    asyncio.run(prepare())
    run = CliRunner()
    first = run.invoke(crm, ["keys", "list", "--folder", str(folder)], catch_exceptions=False).output
    assert "1 secrets  present" in first
    rotated = run.invoke(crm, ["keys", "rotate", "--new", "--folder", str(folder)], catch_exceptions=False).output
    assert "1 secrets sealed anew" in rotated
    assert len(folder.joinpath("secret.key").read_text().split()) == 2
    assert folder.joinpath("secret.key").stat().st_mode & 0o077 == 0
    after = run.invoke(crm, ["keys", "list", "--folder", str(folder)], catch_exceptions=False).output
    assert "1 secrets  present" in after
    assert "0 secrets  old" in after

    async def no_server() -> None:
        kernel = await open_kernel(Config.load(folder))
        async with kernel.write(system("test")) as uow:
            await server.save(uow, server.MailSettings())
        await kernel.close()

    asyncio.run(no_server())
    sent = run.invoke(crm, ["mail", "test", "me@example.test", "--folder", str(folder)], catch_exceptions=False)
    assert "no mail server is set up" in sent.output
    bad = run.invoke(crm, ["mail", "test", "me@x\nBcc: y@z.test", "--folder", str(folder)])
    assert bad.exit_code != 0
