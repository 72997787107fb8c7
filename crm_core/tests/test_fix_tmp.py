async def test_one(as_user, api, client, events, jobs, count_queries):
    sales = await as_user("sales")
    print(await sales.api.get("/contacts"))
    print((await client.get("/")).status_code)
    with count_queries() as seen:
        print(await api.get("/contacts"))
    print(len(seen), seen)
    r = await api.post("/contacts", {"last_name": "X"})
    print(r)
    print(await events("core.contact."))
    print(await jobs())
    r = await sales.client.post("/contacts/new", data={"last_name": "Y"})
    print(r.status_code, r.text[:300])
def test_redis(redis_server, redis_url):
    print(redis_server.command("PING"), redis_url)
def test_net():
    import socket, pytest
    with pytest.raises(OSError): socket.create_connection(("192.0.2.1", 80))
    with pytest.raises(OSError): socket.getaddrinfo("example.com", 80)
