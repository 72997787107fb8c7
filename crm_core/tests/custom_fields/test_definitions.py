"""Defining custom fields: what is refused, what stays, how every process follows."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity import records
from crm_core.entity.query import ListParams, list_records
from crm_core.kernel import Kernel, open_kernel
from crm_core.testing.people import Api, People

Define = Callable[..., Awaitable[dict[str, Any]]]
Jobs = Callable[..., Awaitable[Any]]


async def test_bad_definitions_are_refused_by_field(api: Api) -> None:
    good = {"entity": "core.company", "name": "region", "label": "Region", "kind": "text"}
    for change, field in (
        ({"entity": "core.nothing"}, "entity"),
        ({"entity": "core.field"}, "entity"),
        ({"name": "Region"}, "name"),
        ({"name": "1st"}, "name"),
        ({"name": "a.b"}, "name"),
        ({"kind": "stage"}, "kind"),
        ({"kind": "tags"}, "kind"),
        ({"kind": "link"}, "target"),
        ({"kind": "link", "target": "core.nothing"}, "target"),
        ({"target": "core.contact"}, "target"),
        ({"kind": "integer", "is_unique": True}, "is_unique"),
        ({"kind": "date", "is_searched": True}, "is_searched"),
        ({"kind": "integer", "minimum": "5", "maximum": "4"}, "minimum"),
        ({"kind": "integer", "default_value": "many"}, "default_value"),
        ({"kind": "choice"}, "options"),
        ({"options": [{"value": "a", "label": "A"}]}, "options"),
        ({"kind": "choice", "options": [{"value": "a", "label": "A"}, {"value": "a", "label": "B"}]}, "options"),
        ({"kind": "choice", "options": [{"value": "a,b", "label": "A"}]}, "options"),
        ({"kind": "choice", "options": [{"value": "a", "label": "A"}], "default_value": "b"}, "default_value"),
        ({"label": "x" * 65_536}, "label"),
    ):
        problem = await api.post("/custom-fields", {**good, **change}, status=422)
        assert field in problem["fields"], (change, problem)
    await api.post("/custom-fields", {**good, "label": "a\x00b"}, status=422)
    await api.post("/custom-fields", good)
    assert "name" in (await api.post("/custom-fields", good, status=422))["fields"]


async def test_keys_of_parts_are_not_given_twice(api: Api, define: Define) -> None:
    await define("budget", kind="money")
    for name in ("budget_currency", "budget_base", "budget_rate", "budget_rate_on", "budget"):
        problem = await api.post(
            "/custom-fields", {"entity": "core.company", "name": name, "label": "B", "kind": "text"}, status=422
        )
        assert "name" in problem["fields"]


async def test_what_decides_the_storage_never_changes_and_labels_do(api: Api, define: Define) -> None:
    field = await define("seats", kind="integer")
    path = f"/custom-fields/{field['id']}"
    for change in ({"kind": "text"}, {"name": "chairs"}, {"entity": "core.deal"}, {"target": "core.contact"}):
        problem = await api.patch(path, change, status=422)
        assert list(problem["fields"]) == list(change)
        assert "Archive this field" in problem["fields"][next(iter(change))]
    made = await api.post("/companies", {"name": "Acme", "custom": {"seats": 3}})
    await api.patch(path, {"label": "Chairs", "label_de": "Stühle"})
    assert (await api.get(f"/companies/{made['id']}"))["custom"] == {"seats": 3}


async def test_field_in_use_is_not_deleted_but_archived_and_comes_back(api: Api, define: Define) -> None:
    field = await define("region", kind="text")
    path = f"/custom-fields/{field['id']}"
    made = await api.post("/companies", {"name": "Acme", "custom": {"region": "north"}})
    company = f"/companies/{made['id']}"
    refused = await api.delete(path, status=409)
    assert refused["code"] == "core.field_in_use"
    assert refused["detail"].startswith("1 records have a value in this field.")
    await api.patch(path, {"is_archived": True})
    assert (await api.get(company))["custom"] == {}
    assert not (await api.get("/companies"))["items"][0].get("custom")
    north = {"filter": '{"field": "custom.region", "op": "is", "value": "north"}'}
    gone = await api.get("/companies", params=north, status=422)
    assert gone["detail"].startswith("Unknown field: custom.region.")
    assert "custom.region" in (await api.get("/companies", params={"sort": "custom.region"}, status=422))["detail"]
    assert "custom.region" in (await api.patch(company, {"custom": {"region": "x"}}, status=422))["fields"]
    await api.patch(company, {"name": "Acme Ltd"})
    await api.patch(path, {"is_archived": False})
    assert (await api.get(company))["custom"] == {"region": "north"}
    assert [r["name"] for r in (await api.get("/companies", params=north))["items"]] == ["Acme Ltd"]


async def test_unused_field_is_deleted_and_its_key_is_free_again(api: Api, define: Define) -> None:
    field = await define("region", kind="text")
    await api.delete(f"/custom-fields/{field['id']}")
    problem = await api.post("/companies", {"name": "Acme", "custom": {"region": "x"}}, status=422)
    assert list(problem["fields"]) == ["custom.region"]
    await define("region", kind="integer")
    assert (await api.post("/companies", {"name": "Acme", "custom": {"region": 5}}))["custom"] == {"region": 5}
    taken = await api.post(f"/custom-fields/{field['id']}/restore", {}, status=409)
    assert taken["code"] == "core.value_taken"


OPTIONS = [{"value": "north", "label": "North"}, {"value": "south", "label": "South"}]


async def test_option_in_use_is_archived_not_removed_and_keeps_its_records(api: Api, define: Define) -> None:
    field = await define("region", kind="choice", options=OPTIONS)
    path = f"/custom-fields/{field['id']}"
    made = await api.post("/companies", {"name": "Acme", "custom": {"region": "north"}})
    north, south = field["options"]
    refused = await api.patch(path, {"options": [south]}, status=409)
    assert "1 records hold the option north" in refused["fields"]["options"]
    await api.patch(path, {"options": [{**north, "label": "Far north", "is_archived": True}, south]})
    company = f"/companies/{made['id']}"
    assert (await api.get(company))["custom"] == {"region": "north"}
    await api.patch(company, {"custom": {"region": "north"}, "name": "Acme Ltd"})
    other = await api.post("/companies", {"name": "Other", "custom": {"region": "north"}}, status=422)
    assert "not offered any more" in other["fields"]["custom.region"]
    found = await api.get("/companies", params={"filter": '{"field": "custom.region", "op": "is", "value": "north"}'})
    assert [r["name"] for r in found["items"]] == ["Acme Ltd"]
    await api.patch(company, {"custom": {"region": "south"}})
    await api.patch(path, {"options": [south]})


async def test_values_of_the_wrong_kind_name_the_field(api: Api, fields: dict[str, Any]) -> None:
    wrong: dict[str, Any] = {
        "nickname": "x" * 65_536, "seats": "many", "factor": "NaN", "share": 101, "budget": "1e30",
        "due_on": "31.05.2026", "seen_at": "2026-05-31T14:00:00", "vip": "perhaps", "region": "east",
        "markets": ["north", "east"], "billing": "nobody", "hotline": "x", "shop": "javascript:alert(1)",
        "agent": "not an id", "partners": ["0197f3c2-5b7e-7c1a-9d43-2f6a8b1c4e5d"],
        "nothing": 1, "contract": "0197f3c2-5b7e-7c1a-9d43-2f6a8b1c4e5d",
    }  # fmt: skip
    for name, value in wrong.items():
        problem = await api.post("/companies", {"name": "Acme", "custom": {name: value}}, status=422)
        assert list(problem["fields"]) == [f"custom.{name}"], (name, problem)
    await api.post("/companies", {"name": "Acme", "custom": {"nickname": "a\x00b"}}, status=422)
    for value in ("text", 5, ["region"]):
        await api.post("/companies", {"name": "Acme", "custom": value}, status=400)
    long = await api.post("/companies", {"name": "Long", "custom": {"story": "word " * 9_999}})
    assert len(long["custom"]["story"]) == 49_994
    refused = await api.post("/companies", {"name": "Long", "custom": {"story": "x" * 65_536}}, status=422)
    assert list(refused["fields"]) == ["custom.story"]


async def test_unknown_names_in_filters_sorts_and_columns_are_named_with_what_is_near(api: Api, define: Define) -> None:
    await define("region", kind="text")
    near = "Unknown field: custom.regoin. Did you mean custom.region?"
    for params in (
        {"filter": '{"field": "custom.regoin", "op": "is", "value": "x"}'},
        {"sort": "custom.regoin"},
        {"fields": "name,custom.regoin"},
    ):
        assert (await api.get("/companies", params=params, status=422))["detail"] == near
    wrong = await api.get("/companies", params={"filter": '{"field": "custom.region", "op": "gtx"}'}, status=422)
    assert wrong["detail"].startswith("custom.region has no operator gtx")


async def test_required_fields_and_defaults(api: Api, define: Define) -> None:
    await define("region", kind="choice", options=OPTIONS, is_required=True)
    await define("seats", kind="integer", default_value="7")
    problem = await api.post("/companies", {"name": "Acme"}, status=422)
    assert list(problem["fields"]) == ["custom.region"]
    made = await api.post("/companies", {"name": "Acme", "custom": {"region": "north"}})
    assert made["custom"] == {"region": "north", "seats": 7}
    await api.patch(f"/companies/{made['id']}", {"custom": {"region": None}}, status=422)
    await api.patch(f"/companies/{made['id']}", {"name": "Acme Ltd"})


async def test_unique_values_are_free_again_with_the_trash_and_restore_is_refused(api: Api, define: Define) -> None:
    await define("number", kind="text", is_unique=True)
    one = await api.post("/companies", {"name": "One", "custom": {"number": "C-1"}})
    clash = await api.post("/companies", {"name": "Two", "custom": {"number": "c-1"}}, status=409)
    assert clash["detail"] == "Number: this value is already in use."
    await api.delete(f"/companies/{one['id']}")
    two = await api.post("/companies", {"name": "Two", "custom": {"number": "C-1"}})
    await api.post(f"/companies/{one['id']}/restore", status=409)
    await api.patch(f"/companies/{two['id']}", {"custom": {"number": "C-2"}})
    await api.post(f"/companies/{one['id']}/restore", status=200)
    await api.patch(f"/companies/{one['id']}", {"custom": {"number": "C-2"}}, status=409)


async def test_uniqueness_is_not_switched_on_over_equal_values(api: Api, define: Define) -> None:
    field = await define("number", kind="text")
    made = [await api.post("/companies", {"name": n, "custom": {"number": "X"}}) for n in ("One", "Two")]
    refused = await api.patch(f"/custom-fields/{field['id']}", {"is_unique": True}, status=409)
    assert refused["fields"]["is_unique"].startswith("1 values are on several records")
    await api.patch(f"/companies/{made[0]['id']}", {"custom": {"number": "Y"}})
    await api.patch(f"/custom-fields/{field['id']}", {"is_unique": True})
    await api.post("/companies", {"name": "Three", "custom": {"number": "x"}}, status=409)
    await api.patch(f"/custom-fields/{field['id']}", {"is_unique": False})
    await api.post("/companies", {"name": "Three", "custom": {"number": "x"}})


async def test_roles_bar_custom_fields_from_reading_and_writing(api: Api, as_user: People, define: Define) -> None:
    await define("region", kind="text", is_searched=True)
    await define("seats", kind="integer")
    someone = await as_user("sales")
    made = await someone.api.post("/companies", {"name": "Acme", "custom": {"region": "north", "seats": 3}})
    path = f"/companies/{made['id']}"
    roles = (await api.get("/roles", params={"filter": '{"field": "name", "op": "is", "value": "sales"}'}))["items"]
    rights = await api.get(f"/roles/{roles[0]['id']}/rights")
    bars = {"core.company": {"custom.region": "hidden", "custom.seats": "locked"}}
    await api.patch(f"/roles/{roles[0]['id']}/rights", {"version": rights["version"], "fields": bars})
    assert (await someone.api.get(path))["custom"] == {"seats": 3}
    assert (await someone.api.get("/companies"))["items"][0]["custom"] == {"seats": 3}
    for params in (
        {"filter": '{"field": "custom.region", "op": "is", "value": "north"}'}, {"sort": "custom.region"},
        {"fields": "custom.region"},
    ):  # fmt: skip
        assert "custom.region" in (await someone.api.get("/companies", params=params, status=422))["detail"]
    for values in ({"region": "x"}, {"seats": 4}):
        problem = await someone.api.patch(path, {"custom": values}, status=422)
        assert list(problem["fields"]) == [f"custom.{next(iter(values))}"]
    changed = await someone.api.patch(path, {"name": "Acme Ltd"})
    assert changed["custom"] == {"seats": 3}
    assert (await someone.api.get("/companies", params={"q": "north"}))["items"] == []
    assert (await someone.api.get("/search", params={"q": "north"}))["items"] == []
    page = await someone.client.get(path)
    assert "north" not in page.text
    form = (await someone.client.get(f"{path}/edit")).text
    assert 'name="custom.region"' not in form
    assert 'name="custom.seats"' not in form
    described = (await someone.api.get("/openapi.json"))["components"]["schemas"]
    assert set(described["Company"]["properties"]["custom"]["properties"]) == {"seats"}
    assert described["CompanyUpdate"]["properties"]["custom"]["properties"] == {}
    exported = await someone.client.get("/api/v1/companies/export")
    assert "north" not in exported.text


async def test_only_those_with_the_right_define_fields(as_user: People) -> None:
    someone = await as_user("manager")
    body = {"entity": "core.company", "name": "region", "label": "Region", "kind": "text"}
    await someone.api.post("/custom-fields", body, status=403)
    await someone.api.get("/custom-fields", status=403)
    assert (await someone.client.get("/admin/fields")).status_code == 403


async def test_description_of_the_api_has_the_fields_at_once(api: Api, fields: dict[str, Any]) -> None:
    described = (await api.get("/openapi.json"))["components"]["schemas"]
    custom = described["Company"]["properties"]["custom"]["properties"]
    assert custom["region"]["title"] == "Region"
    assert "`north` North" in custom["region"]["description"]
    assert custom["budget_base"]["readOnly"]
    assert custom["budget_rate"]["readOnly"]
    assert "budget_base" not in described["CompanyCreate"]["properties"]["custom"]["properties"]
    assert {"seats", "meets_at_zone", "partners"} <= set(custom)
    await api.patch(f"/custom-fields/{fields['seats']['id']}", {"is_archived": True})
    described = (await api.get("/openapi.json"))["components"]["schemas"]
    assert "seats" not in described["Company"]["properties"]["custom"]["properties"]


async def test_another_process_knows_a_new_field_with_its_next_request(
    kernel: Kernel, api: Api, define: Define
) -> None:
    other = await open_kernel(kernel.config, registry=kernel.declared)
    try:
        async with other.read(system("test")) as uow:
            assert not uow.registry.custom
        await define("region", kind="text")
        made = await api.post("/companies", {"name": "Acme", "custom": {"region": "north"}})
        # What the look-up of any session or token reads along.
        other.epochs.update({r[0]: r[1] for r in await other.db.fetch("select name, value from core_epoch", ())})
        async with other.read(system("test")) as uow:
            wanted = ListParams(filter={"field": "custom.region", "op": "is", "value": "NORTH"})
            page = await list_records(uow, uow.registry.entity("core.company"), wanted)
            assert [str(r.id) for r in page.items] == [made["id"]]
    finally:
        await other.close()


async def test_field_that_is_searched_from_now_on_finds_what_is_there(api: Api, define: Define, jobs: Jobs) -> None:
    field = await define("motto", kind="text")
    await api.post("/companies", {"name": "Acme", "custom": {"motto": "Faster horses"}})
    assert (await api.get("/companies", params={"q": "horses"}))["items"] == []
    await api.patch(f"/custom-fields/{field['id']}", {"is_searched": True})
    await jobs()
    assert [r["name"] for r in (await api.get("/companies", params={"q": "horses"}))["items"]] == ["Acme"]
    await api.patch(f"/custom-fields/{field['id']}", {"is_archived": True})
    await jobs()
    assert (await api.get("/companies", params={"q": "horses"}))["items"] == []


async def test_rows_of_values_go_with_the_record(kernel: Kernel, api: Api, define: Define) -> None:
    await define("region", kind="text")
    made = await api.post("/companies", {"name": "Acme", "custom": {"region": "north"}})
    count = sa.text("select count(*) from core_field_value")
    async with kernel.write(system("test")) as uow:
        company = await uow.session.get(uow.registry.entity("core.company").model, sa.Uuid().python_type(made["id"]))
        await uow.session.delete(company)
        await uow.settle()
        assert await uow.session.scalar(count) == 0


async def test_set_field_by_code_keeps_the_rows_right(kernel: Kernel, api: Api, define: Define) -> None:
    await define("region", kind="text")
    made = await api.post("/companies", {"name": "Acme"})
    async with kernel.write(system("test")) as uow:
        model: Any = uow.registry.entity("core.company").model
        company = await uow.session.get(model, sa.Uuid().python_type(made["id"]))
        records.set_field(company, "region", "south")
    found = await api.get("/companies", params={"filter": '{"field": "custom.region", "op": "is", "value": "south"}'})
    assert len(found["items"]) == 1


@pytest.mark.usefixtures("fields")
async def test_bulk_update_sets_custom_values_in_set_statements(kernel: Kernel, api: Api) -> None:
    from crm_core.entity.bulk import bulk_update

    for number in range(5):
        await api.post("/companies", {"name": f"N{number}", "custom": {"region": "north", "seats": number}})
    async with kernel.write(system("test")) as uow:
        entity = uow.registry.entity("core.company")
        values = {"custom.region": "south", "custom.seats": None, "custom.budget": "12"}
        assert await bulk_update(uow, entity, entity.model.deleted_at.is_(None), values) == 5
    listed = (await api.get("/companies"))["items"]
    wanted = {"region": "south", "budget": "12", "budget_currency": "EUR", "budget_base": "12", "budget_rate": "1"}
    assert all(r["custom"].pop("budget_rate_on") for r in listed)
    assert [r["custom"] for r in listed] == [wanted] * 5
    for field, op, value, count in (
        ("region", "is", "south", 5), ("region", "is", "north", 0), ("budget", "gte", 12, 5),
        ("seats", "not_empty", None, 0),
    ):  # fmt: skip
        condition = json.dumps({"field": f"custom.{field}", "op": op, "value": value})
        assert len((await api.get("/companies", params={"filter": condition}))["items"]) == count, field
