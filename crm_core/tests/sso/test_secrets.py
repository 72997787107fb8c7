"""T25, the part of single sign-on and connected accounts: client secrets and tokens leave their marks nowhere."""

import logging
from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.db.types import utcnow
from crm_core.features.connections import public as connections
from crm_core.features.connections.models import Connection
from crm_core.testing.oidc import Trip

MARK = "marker-"
PATHS = (
    "/api/v1/connections", "/api/v1/connection-providers", "/api/v1/sso/providers", "/api/v1/settings",
    "/api/v1/session", "/account/connections", "/account/sso", "/account", "/account/security", "/admin/security",
    "/admin/connections", "/admin/sso", "/admin/events", "/admin/jobs", "/settings", "/", "/login",
)  # fmt: skip


async def dumped(kernel) -> str:
    """Return all rows of all tables as text."""
    found = []
    async with kernel.db.session(readonly=True) as session:
        connection = await session.connection()
        there = await connection.run_sync(lambda c: set(sa.inspect(c).get_table_names()))
        for table in (t for t in metadata.sorted_tables if t.name in there):
            found += [f"{table.name} {tuple(row)!r}" for row in await session.execute(sa.select(table))]
    return "\n".join(found)


@pytest.mark.counted
async def test_client_secrets_and_tokens_leave_no_marks(
    kernel, oidc, provide, account_provider, as_user, trip, caplog, events, jobs
):
    caplog.set_level(logging.DEBUG)
    sso, accounts = await provide(creates_users=True), await account_provider()
    oidc.control(claims={"email": "jo@example.com", "email_verified": True}, mark="marker-token")
    await as_user("admin")
    assert (await trip().sign_in()).status_code == 303
    admin = await as_user("admin")
    journey = Trip(admin.client, oidc)
    start = "/account/connections/mailco/connect"
    answers = [await journey.back(oidc.visit(await journey.begin(path=start)))]
    key = (await admin.api.get("/connections"))["items"][0]["id"]

    async def expire():
        async with kernel.write(system("test")) as uow:
            past = utcnow() - timedelta(minutes=1)
            await uow.session.execute(sa.update(Connection).values(expires_at=past))

    for whims in ({}, {"error": "server_error", "status": 500}, {"error": "temporarily_unavailable"}, {}):
        await expire()
        oidc.control(mark="marker-token", **whims)
        try:
            token = await connections.access_token(kernel, msgspec.convert(key, type(sso)))
            assert token.startswith(MARK)
        except connections.ProviderAway as problem:
            answers.append(repr(problem.__dict__))
    paths = [*PATHS, f"/api/v1/sso/providers/{sso}", f"/api/v1/connection-providers/{accounts}",
             f"/admin/sso/{sso}", f"/admin/connections/{accounts}"]  # fmt: skip
    answers += [await admin.client.get(path) for path in paths]
    bad = {"key": "corp2", "name": "x", "issuer": "nonsense", "client_id": "c", "client_secret": "marker-refused"}
    answers.append(await admin.client.post("/api/v1/sso/providers", json=bad))
    answers.append(await admin.client.post("/admin/sso/new", data=bad))
    expired = await dumped(kernel)
    answers.append(await admin.client.post(f"/account/connections/{key}/disconnect"))
    await jobs()
    texts = {
        "log": "\n".join(f"{r.getMessage()} {r.exc_text or ''}" for r in caplog.records),
        "answers": "\n".join(a if isinstance(a, str) else f"{a.text} {a.headers}" for a in answers),
        "events": str(await events()),
        "tables": f"{expired}\n{await dumped(kernel)}",
    }
    assert len(texts["log"]) > 1000
    assert "core_connection" in texts["tables"]
    assert {name: text.count(MARK) for name, text in texts.items()} == dict.fromkeys(texts, 0)
    rows = texts["tables"].count("\n")
    print(f"T25: 0 marks in {len(caplog.records)} log lines, {len(answers)} answers, {rows} rows")
