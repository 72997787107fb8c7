"""Writes name the cause under which they are undone; the history of a record tells the same by API."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Role, RoleField
from crm_core.db.types import new_id
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People


async def send(api: Api, method: str, path: str, status: int, **kw: Any) -> Any:
    """Send a request and return the whole answer."""
    headers = {**api.headers, **kw.pop("headers", {})}
    answer = await api.client.request(method, f"/api/v1{path}", headers=headers, **kw)
    assert answer.status_code == status, answer.text
    return answer


async def test_every_write_answers_with_its_cause_and_reading_with_none(api: Api) -> None:
    made = await send(api, "POST", "/companies", 201, json={"name": "Acme"})
    path = f"/companies/{made.json()['id']}"
    answers = [
        made,
        await send(api, "PATCH", path, 200, json={"name": "Acme Ltd"}),
        await send(api, "POST", "/companies/bulk", 200,
                   json={"ids": [made.json()["id"]], "action": "update", "values": {"industry": "medical"}}),
        await send(api, "DELETE", path, 204),
        await send(api, "POST", f"{path}/restore", 200),
    ]  # fmt: skip
    causes = [a.headers["cause-id"] for a in answers]
    assert len(set(causes)) == len(causes)
    assert "cause-id" not in (await send(api, "GET", path, 200)).headers
    assert "cause-id" not in (await send(api, "PATCH", path, 200, json={"name": "Acme Ltd"})).headers, "nothing changed"
    refused = await send(api, "PATCH", path, 422, json={"name": ""})
    assert "cause-id" not in refused.headers


async def test_a_replay_names_the_cause_of_the_request_that_was_done(api: Api) -> None:
    key = {"idempotency-key": "once"}
    made = await send(api, "POST", "/companies", 201, json={"name": "Acme"}, headers=key)
    again = await send(api, "POST", "/companies", 201, json={"name": "Acme"}, headers=key)
    assert again.headers["idempotent-replay"] == "true"
    assert again.headers["cause-id"] == made.headers["cause-id"]
    nothing = {"ids": [made.json()["id"]], "action": "update", "values": {"name": "Acme"}}
    for _time in range(2):
        same = await send(api, "POST", "/companies/bulk", 200, json=nothing, headers={"idempotency-key": "same"})
        assert "cause-id" not in same.headers, "nothing changed"
    await api.post("/undo", {"cause": again.headers["cause-id"]}, status=200)
    await send(api, "GET", f"/companies/{made.json()['id']}", 404)


async def test_a_change_is_undone_by_the_cause_that_its_answer_names(api: Api) -> None:
    made = (await send(api, "POST", "/companies", 201, json={"name": "Acme"})).json()
    changed = await send(api, "PATCH", f"/companies/{made['id']}", 200, json={"name": "Wrong"})
    await api.post("/undo", {"cause": changed.headers["cause-id"]}, status=200)
    assert (await api.get(f"/companies/{made['id']}"))["name"] == "Acme"


async def test_history_names_who_what_and_the_cause_page_by_page(api: Api) -> None:
    made = await api.post("/companies", {"name": "N0"})
    path, last = f"/companies/{made['id']}", None
    for number in range(1, 26):
        last = await send(api, "PATCH", path, 200, json={"name": f"N{number}"})
    first = await api.get(f"{path}/history")
    newest = first["items"][0]
    assert newest["changes"] == {"name": {"before": "N24", "after": "N25"}}
    assert last is not None
    assert newest["cause"] == last.headers["cause-id"]
    assert newest["who"]
    assert newest["type"] == "core.company.updated"
    second = await api.get(f"{path}/history", params={"cursor": first["next"]})
    assert second["next"] is None
    items = first["items"] + second["items"]
    assert len({i["id"] for i in items}) == len(items) == 26
    assert items[-1]["type"] == "core.company.created"
    await api.delete(path)
    assert (await api.get(f"{path}/history"))["items"][0]["type"] == "core.company.deleted", "those who may restore it"


async def bar(kernel: Kernel, role: str, entity: str, field: str) -> None:
    """Hide a field from a role."""
    async with kernel.write(system("test")) as uow:
        role_id = (await uow.session.scalars(sa.select(Role.id).where(Role.key == role))).one()
        barred = {"role_id": role_id, "entity": entity, "field": field, "level": "hidden"}
        await uow.session.execute(sa.insert(RoleField.__table__).values(id=new_id(), created_at=uow.now, **barred))
        await uow.raise_epoch("people")


async def test_history_leaves_out_fields_and_lines_that_a_role_may_not_read(
    api: Api, as_user: People, kernel: Kernel
) -> None:
    rep = await as_user("sales")
    made = await rep.api.post(
        "/contacts", {"last_name": "Hopper", "job_title": "Secretly", "emails": [{"address": "hush@example.com"}]}
    )
    path = f"/contacts/{made['id']}"
    await rep.api.patch(path, {"job_title": "Hidden", "last_name": "Murray"})
    await bar(kernel, "sales", "core.contact", "job_title")
    await bar(kernel, "sales", "core.contact", "emails")
    told = (await send(rep.api, "GET", f"{path}/history", 200)).text
    assert "Murray" in told
    for secret in ("Secretly", "Hidden", "hush@example.com"):
        assert secret not in told
    page = await rep.client.get(f"{path}/history")
    assert "Murray" in page.text
    for secret in ("Secretly", "Hidden", "hush@example.com"):
        assert secret not in page.text
    everything = (await send(api, "GET", f"{path}/history", 200)).text
    assert "Secretly" in everything
    assert "hush@example.com" in everything


async def test_history_of_a_record_that_may_not_be_read_is_404(as_user: People) -> None:
    theirs = await (await as_user("sales", "rep-a")).api.post("/deals", {"name": "Theirs"})
    other = await as_user("sales", "rep-b")
    await other.api.get(f"/deals/{theirs['id']}/history", status=404)
