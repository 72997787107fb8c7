"""Connected accounts against a real provider: connecting, tokens, refresh, reconnecting, giving up."""

import asyncio
import sys
from datetime import timedelta

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.commands import keys
from crm_core.db.types import utcnow
from crm_core.errors import NotFound
from crm_core.features.connections import providers
from crm_core.features.connections import public as connections
from crm_core.features.connections.kinds import missing
from crm_core.features.connections.models import BOUND, TOKEN, Connection
from crm_core.features.mail import server as mail_settings
from crm_core.features.mail.models import MailRow
from crm_core.kernel import Kernel
from crm_core.plugin import ConnectionScope, Job, JobCall, hookimpl
from crm_core.testing.oidc import Trip

from crm_core import secrets

JO = {"claims": {"email": "jo@mail.example", "email_verified": True}}


class Sync(JobCall, frozen=True, kw_only=True):
    """A plugin's work with an account."""


async def sync(job, call):
    """Do nothing."""


@hookimpl
def crm_connection_scopes():
    return (ConnectionScope("mailco", ("mail.send",)), ConnectionScope("elsewhere", ("never",)))


@hookimpl
def crm_jobs():
    return (Job(call=Sync, run=sync),)


@pytest.fixture
def plugins():
    return (("syncing", sys.modules[__name__]),)


async def row_of(kernel: Kernel, connection_id):
    async with kernel.db.session(readonly=True) as session:
        return await session.scalar(sa.select(Connection).where(Connection.id == connection_id))


async def expire(kernel: Kernel, connection_id):
    async with kernel.write(system("test")) as uow:
        past = utcnow() - timedelta(seconds=5)
        await uow.session.execute(sa.update(Connection).where(Connection.id == connection_id).values(expires_at=past))


async def test_an_account_is_connected_with_the_scopes_of_plugins_and_only_says_so(
    kernel, account_provider, connect, oidc, as_user, events
):
    await account_provider()
    oidc.control(**JO, mark="marker-token")
    key = await connect()
    row = await row_of(kernel, key)
    assert row.scopes == ["openid", "email", "mail.read", "mail.send"]
    assert (row.address, row.subject, row.state) == ("jo@mail.example", "johndoe", "connected")
    token = await connections.access_token(kernel, key)
    assert token.startswith("marker-token-")
    assert token not in row.access_token
    assert row.access_token.startswith("v1.")
    somebody = await as_user("sales")
    told = await somebody.api.get("/connections")
    assert [(i["state"], i["address"]) for i in told["items"]] == [("connected", "jo@mail.example")]
    page = await somebody.client.get("/account/connections")
    assert "jo@mail.example" in page.text
    assert "marker" not in page.text + str(told) + str(await events())
    assert "core.connection.connected" in dict(await events("core.connection."))


async def test_a_seal_opens_in_its_own_row_only(kernel, account_provider, connect, oidc):
    await account_provider()
    oidc.control(**JO)
    key = await connect()
    row = await row_of(kernel, key)
    for other in ((row.id, "another"), (key.__class__(int=1), row.provider)):
        with pytest.raises(secrets.SecretNotReadable):
            secrets.unseal(kernel, secrets.bound(TOKEN, *other), row.access_token)
    assert BOUND == ("id", "provider")


async def test_rotating_the_key_seals_tokens_anew(kernel, account_provider, connect, oidc):
    await account_provider()
    oidc.control(**JO)
    key = await connect()
    before = await connections.access_token(kernel, key)
    kernel.config = kernel.config.but(
        secret_key="another key that only tests use, long", old_secret_keys=(kernel.config.secret_key,)
    )
    assert await keys.rotate(kernel) >= 3
    kernel.config = kernel.config.but(old_secret_keys=())
    assert await connections.access_token(kernel, key) == before
    assert set(await keys.in_use(kernel)) == {secrets.key_id(kernel.config.secret_key)}


async def test_ten_at_once_with_an_expired_token_make_one_refresh(kernel, account_provider, connect, oidc, registry):
    """Two kernels stand for two processes: pools, caches and event waits of their own, one database."""
    from crm_core.kernel import open_kernel

    await account_provider()
    oidc.control(**JO)
    key = await connect()
    second = await open_kernel(kernel.config, registry=registry)
    try:
        for _round in range(3):
            old = await connections.access_token(kernel, key)
            await expire(kernel, key)
            oidc.control(**JO)
            jobs = [connections.access_token(one, key) for one in (kernel, second) for _n in range(5)]
            made = await asyncio.gather(*jobs)
            assert len(set(made)) == 1
            assert made[0] != old
            assert oidc.requests("refresh_token") == 1
    finally:
        await second.close()
    print(f"10 requests in 2 kernels, 3 rounds: {oidc.requests('refresh_token')} refresh each")


ASKING = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from crm_core.config import Config
from crm_core.features.connections import public as connections
from crm_core.kernel import open_kernel

async def main():
    folder, url, key, secret = sys.argv[1:]
    config = Config(folder=Path(folder), database_url=url, secret_key=secret, testing=True, jobs=False,
                    base_url="http://testserver.local", outbound_allow=("127.0.0.0/8",))
    kernel = await open_kernel(config)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    made = await asyncio.gather(*(connections.access_token(kernel, UUID(key)) for _n in range(5)))
    await kernel.close()
    print(*set(made), flush=True)

asyncio.run(main())
"""


async def test_two_processes_with_an_expired_token_make_one_refresh(kernel, account_provider, connect, oidc):
    await account_provider()
    oidc.control(**JO)
    key = await connect()
    old, pipe = await connections.access_token(kernel, key), asyncio.subprocess.PIPE
    of = (str(kernel.config.folder), kernel.config.database_url, str(key), kernel.config.secret_key)
    others = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", ASKING, *of, stdin=pipe, stdout=pipe)
        for _n in range(2)
    ]
    try:
        for one in others:
            assert await one.stdout.readline() == b"ready\n"
        await expire(kernel, key)
        oidc.control(**JO)
        told = await asyncio.wait_for(asyncio.gather(*(one.communicate(b"go\n") for one in others)), 60)
    finally:
        for one in others:
            if one.returncode is None:
                one.kill()
    made = {out.decode().strip() for out, _error in told}
    print(f"10 requests in 2 processes: {oidc.requests('refresh_token')} refresh")
    assert len(made) == 1, made
    assert made != {old}
    assert oidc.requests("refresh_token") == 1


async def test_a_token_refused_by_the_provider_is_refreshed_on_request(kernel, account_provider, connect, oidc):
    await account_provider()
    oidc.control(**JO)
    key = await connect()
    old = await connections.access_token(kernel, key)
    assert await connections.access_token(kernel, key) == old
    assert await connections.access_token(kernel, key, fresh=True) != old
    assert oidc.requests("refresh_token") == 1


async def test_rotated_refresh_tokens_are_kept_over_many_refreshes(kernel, account_provider, connect, oidc):
    await account_provider()
    oidc.control(**JO)
    key = await connect()
    seen = set()
    for _round in range(5):  # the server ends the grant when an old refresh token comes back
        await expire(kernel, key)
        seen.add(await connections.access_token(kernel, key))
    assert len(seen) == 5


async def test_a_lock_of_a_killed_process_is_taken_over(kernel, account_provider, connect, oidc):
    await account_provider()
    oidc.control(**JO)
    key = await connect()
    await expire(kernel, key)
    async with kernel.write(system("test")) as uow:
        past = {"refreshing": key, "refreshing_until": utcnow() - timedelta(seconds=1)}
        await uow.session.execute(sa.update(Connection).where(Connection.id == key).values(**past))
    assert await connections.access_token(kernel, key)


async def test_an_ended_grant_stops_the_work_and_tells_the_person(
    kernel, account_provider, connect, oidc, events, as_user, jobs
):
    await account_provider()
    oidc.control(**JO)
    key = await connect()
    async with kernel.write(system("test")) as uow:
        await mail_settings.save(
            uow, mail_settings.MailSettings(host="smtp.example.com", sender_address="crm@example.com")
        )
        later = uow.now + timedelta(hours=1)
        await uow.enqueue(Sync(), run_at=later, lane=connections.lane_of(key))
        await uow.enqueue(Sync(), run_at=later)
    await expire(kernel, key)
    oidc.control(error="invalid_grant")
    answers = await asyncio.gather(*(connections.access_token(kernel, key) for _n in range(5)), return_exceptions=True)
    assert [type(a) for a in answers] == [connections.ConnectionNotUsable] * 5
    row = await row_of(kernel, key)
    assert (row.state, row.access_token, row.refresh_token) == ("reconnect", "", "")
    told = [kind for kind, _payload in await events("core.connection.")]
    assert told.count("core.connection.reconnect_needed") == 1
    async with kernel.db.session(readonly=True) as session:
        mails = (await session.scalars(sa.select(MailRow).where(MailRow.purpose == "core.connection.reconnect"))).all()
        states = (await session.execute(sa.text("select lane, state from core_job where kind = 'syncing.sync' or kind like '%sync'"))).all()  # fmt: skip  # noqa: E501
    assert [m.recipient for m in mails] == ["sales@example.test"]
    assert sorted((lane is not None, state) for lane, state in states) == [(False, "pending"), (True, "cancelled")]
    somebody = await as_user("sales")
    assert (await somebody.client.get("/account/connections/notice")).status_code == 200
    assert "connect again" in (await somebody.client.get("/account/connections")).text
    # … and back: the same account, the same row.
    oidc.control(**JO)
    trip = Trip(somebody.client, oidc)
    back = await trip.back(oidc.visit(await trip.begin(path=f"/account/connections/{key}/reconnect")))
    assert back.status_code == 303
    assert (await row_of(kernel, key)).state == "connected"
    assert await connections.access_token(kernel, key)


async def test_reconnecting_takes_the_same_account_only(kernel, account_provider, connect, oidc, as_user):
    await account_provider()
    oidc.control(**JO)
    key = await connect()
    oidc.control(claims={**JO["claims"], "sub": "another account"})
    trip = Trip((await as_user("sales")).client, oidc)
    back = await trip.back(oidc.visit(await trip.begin(path=f"/account/connections/{key}/reconnect")))
    assert back.status_code == 403
    assert (await row_of(kernel, key)).subject == "johndoe"


async def test_a_failure_that_may_pass_leaves_the_account_connected(kernel, account_provider, connect, oidc):
    await account_provider()
    oidc.control(**JO)
    key = await connect()
    await expire(kernel, key)
    for whim in ({"error": "temporarily_unavailable", "status": 503}, {"error": "server_error", "status": 500}):
        oidc.control(**whim)
        with pytest.raises(connections.ProviderAway):
            await connections.access_token(kernel, key)
        row = await row_of(kernel, key)
        assert row.state == "connected"
        assert row.last_error
        assert row.refreshing is None
    oidc.control(**JO)
    assert await connections.access_token(kernel, key)
    assert (await row_of(kernel, key)).last_error == ""


async def test_disconnecting_forgets_the_tokens_here_and_there(
    kernel, account_provider, connect, oidc, as_user, events
):
    await account_provider()
    oidc.control(**JO, mark="bye")
    key = await connect()
    somebody = await as_user("sales")
    before = len(oidc.revoked())
    stranger = (await as_user("manager")).client
    assert (await stranger.post(f"/account/connections/{key}/disconnect")).status_code == 404
    assert (await somebody.client.post(f"/account/connections/{key}/disconnect")).headers["location"] == (
        "/account/connections"
    )
    assert len(oidc.revoked()) - before == 2
    assert len(await events("core.connection.disconnected")) == 1
    row = await row_of(kernel, key)
    assert (row.state, row.access_token, row.refresh_token) == ("revoked", "", "")
    with pytest.raises(connections.ConnectionNotUsable):
        await connections.access_token(kernel, key)
    assert (await somebody.api.get("/connections"))["items"] == []


async def test_a_switched_off_user_s_account_gives_no_token(kernel, account_provider, connect, oidc, api, as_user):
    await account_provider()
    oidc.control(**JO)
    key = await connect()
    await api.patch(f"/users/{(await as_user('sales')).id}", {"is_active": False})
    with pytest.raises(NotFound):
        await connections.access_token(kernel, key)


async def test_a_provider_without_discovery_is_asked_for_userinfo(kernel, account_provider, connect, oidc):
    await account_provider(
        issuer="", scopes="mail.read", authorization_endpoint=f"{oidc.issuer}/authorize",
        token_endpoint=f"{oidc.issuer}/token", userinfo_endpoint=f"{oidc.issuer}/userinfo",
    )  # fmt: skip
    oidc.control(userinfo={"sub": "u1", "email": "jo@plain.example"})
    row = await row_of(kernel, await connect())
    assert (row.subject, row.address, row.scopes) == ("u1", "jo@plain.example", ["mail.read", "mail.send"])


async def test_google_and_microsoft_are_asked_as_they_want_it(kernel, account_provider, registry):
    google = await account_provider(key="google", kind="google", issuer="", scopes="")
    microsoft = await account_provider(key="ms", kind="microsoft", issuer="", scopes="Mail.Read")
    async with kernel.read(system("test")) as uow:
        one, two = [providers.client_of(kernel, await providers.get(uow, key)) for key in (google, microsoft)]
    assert one.issuer == "https://accounts.google.com"
    assert one.extra == {"access_type": "offline", "prompt": "consent"}
    assert two.scopes == ("openid", "email", "offline_access", "Mail.Read")
    assert two.many_tenants


@pytest.mark.parametrize(
    ("kind", "asked", "granted", "lacks"),
    [
        ("google", ("openid", "email", "a"), "openid https://www.googleapis.com/auth/userinfo.email a", []),
        ("google", ("openid", "a", "b"), "openid a", ["b"]),
        ("microsoft", ("offline_access", "Mail.Read"), "https://graph.microsoft.com/mail.read", []),
        ("oauth2", ("a", "b"), None, []),
        ("oauth2", ("a", "b"), "a", ["b"]),
    ],
)
def test_scopes_that_were_not_granted_are_noticed(kind, asked, granted, lacks):
    assert missing(kind, asked, granted) == lacks


async def test_a_provider_in_use_keeps_its_key_and_stays(account_provider, connect, oidc, api):
    provider = await account_provider()
    oidc.control(**JO)
    await connect()
    await api.delete(f"/connection-providers/{provider}", status=409)
    shown = await api.get(f"/connection-providers/{provider}")
    assert shown["client_secret_set"] is True
    assert "marker" not in str(shown)
    names = ("name", "kind", "issuer", "client_id", "scopes")
    changed = {n: shown[n] for n in names} | {"key": "other"}
    await api.send("PUT", f"/connection-providers/{provider}", 422, json=changed)


async def test_only_who_may_sets_providers_of_accounts_up(as_user):
    somebody = await as_user("sales")
    await somebody.api.get("/connection-providers", status=403)
    assert (await somebody.client.get("/admin/connections")).status_code == 403
    assert (await (await as_user("admin")).client.get("/admin/connections/new")).status_code == 200
