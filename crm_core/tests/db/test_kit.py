"""The test kit's own promises: separate databases, people with roles, no network, counted statements."""

import socket

import pytest
import sqlalchemy as sa
from crm_core.db.tables import Epoch


@pytest.fixture
def database_url(dialect, databases, base_config, registry, tmp_path):
    """With every plugin's defaults, unlike in the other tests here."""
    from crm_core.db.packages import packages
    from crm_core.testing.databases import with_defaults

    url = databases.migrated(dialect, tmp_path, packages(registry), with_defaults(base_config, registry))
    yield url
    databases.drop(url)


@pytest.mark.parametrize("round_", [1, 2])
async def test_each_test_has_a_database_of_its_own(kernel, round_):
    async with kernel.db.session(readonly=False) as session:
        session.add(Epoch(name="mine", value=1))
        await session.commit()
    assert len(await kernel.db.fetch("select 1 from core_epoch where name = 'mine'", [])) == 1


async def test_people_have_their_roles_on_pages_and_in_the_api(as_user, api, client):
    sales, nobody = await as_user("sales"), await as_user("")
    assert (await as_user("sales")) is sales
    assert (await sales.api.get("/contacts"))["items"] == []
    assert (await sales.client.get("/contacts")).status_code == 200
    await nobody.api.get("/contacts", status=403)
    assert (await api.post("/contacts", {"last_name": "Noether"}))["last_name"] == "Noether"
    assert (await client.get("/contacts", headers={"accept": "text/html"})).status_code in (303, 401)


async def test_statements_are_counted_on_every_way_to_the_database(kernel, count_queries):
    with count_queries() as seen:
        await kernel.db.fetch("select 1", [])
        async with kernel.db.session(readonly=True) as session:
            await session.scalar(sa.text("select 2"))
    assert seen == ["select 1", "select 2"]


async def test_events_and_jobs_are_at_hand(api, events, jobs):
    await api.post("/contacts", {"last_name": "Noether"})
    assert [kind for kind, _payload in await events("core.contact.")] == ["core.contact.created"]
    assert isinstance(await jobs(), list)


def test_tests_stay_on_this_machine():
    with pytest.raises(OSError, match="stay on this machine"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(OSError, match="stay on this machine"):
        socket.getaddrinfo("example.com", 80)
    assert socket.getaddrinfo("localhost", 80)


@pytest.mark.redis
def test_redis_is_empty_for_each_test(redis_server, redis_url):
    assert redis_url.startswith("unix://")
    assert redis_server.command("DBSIZE") == b":0\r\n"
    redis_server.command("SET", "a", "1")
    redis_server.stop(hard=True)
    redis_server.start()
    assert redis_server.command("DBSIZE") == b":0\r\n"
