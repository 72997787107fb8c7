"""REST for every entity, made from its declaration: list, create, get, change, trash, restore, bulk, actions.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core.entity import access, query, records
from crm_core.entity.actions import perform
from crm_core.entity.merged import successor
from crm_core.entity.schemas import given, schemas
from crm_core.errors import CrmError, Invalid, NotFound
from crm_core.i18n import Strings, show
from crm_core.plugin.declare import Action, Entity
from crm_core.plugin.registry import Registry
from crm_core.uow import UnitOfWork
from crm_core.web.answers import answer as answer
from crm_core.web.idempotency import idempotent
from crm_core.web.parameters import flag, list_params, version_of

_ = Strings("crm_core")
Uow = NamedDependency[UnitOfWork]
AnyRequest = Request[Any, Any, Any]
API = "/api/v1"
MOST = 500  # rows in one bulk call
BULK = ("bulk_edit",)  # what each row must allow beside the action's own right


class Bulk(msgspec.Struct, forbid_unknown_fields=True):
    """What to do with many records: `action` is "update", "delete", "restore" or the name of a bulk action."""

    ids: list[UUID]
    action: str
    values: dict[str, Any] = {}


class BulkRow(msgspec.Struct, omit_defaults=True):
    """What became of one record: status as HTTP would say it, the error when there is one."""

    id: UUID
    status: int
    error: str = ""


class BulkAnswer(msgspec.Struct):
    """One row per id, in the order given."""

    results: list[BulkRow]


async def one(uow: UnitOfWork, entity: Entity, record: Any, status: int = 200) -> Response[bytes]:
    """Return one record as it is after this request, with its version as ETag."""
    await uow.settle()
    values = (await query.values_of(uow, entity, [record]))[0]
    return answer(values, status, ETag=f'"{record.version}"')


def entity_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the routes of one entity."""
    shape = schemas(registry, entity)
    opt, tags = {"entity": entity.name, "permission": f"{_rights(registry, entity)}.read"}, [str(entity.plural)]
    path, noun = f"{API}/{entity.path}", entity.noun
    key = path + "/{record_id:uuid}"

    @get(path, opt=opt, tags=tags, operation_id=f"list_{entity.path}", summary=f"List {entity.plural}")
    async def list_all(
        request: AnyRequest, uow: Uow, filter: FromQuery[str] = "", q: FromQuery[str] = "",  # noqa: A002
        sort: FromQuery[str] = "", fields: FromQuery[str] = "", expand: FromQuery[str] = "",
        limit: FromQuery[str] = "50", cursor: FromQuery[str] = "", count: FromQuery[str] = "",
        deleted: FromQuery[str] = "",
    ) -> Response[bytes]:  # fmt: skip
        wanted = list_params(request)
        page = await query.list_records(uow, entity, wanted)
        found: dict[str, Any] = {"items": page.items, "next": page.next_cursor}
        if flag(request, "count"):
            found["count"] = await query.count(uow, entity, wanted)
        return answer(found)

    @post(path, opt=opt | {"verb": "create"}, tags=tags, operation_id=f"create_{noun}", summary=f"Create {noun}")
    async def create(
        request: AnyRequest,
        uow: Uow,
        data: JSONBody[shape.create],  # type: ignore[name-defined]
        duplicates: FromQuery[str] = "",
    ) -> Response[bytes]:
        return await idempotent(request, uow, lambda: _create(uow, entity, given(data), duplicates))

    @get(key, opt=opt, tags=tags, operation_id=f"get_{noun}", summary=f"Get {noun}")
    async def get_one(uow: Uow, record_id: FromPath[UUID]) -> Response[bytes]:
        found = await query.one_record(uow, entity, record_id)
        if found is None:
            return await _moved(uow, entity, record_id)
        return answer(found, ETag=f'"{found.version}"')

    @patch(key, opt=opt | {"verb": "edit"}, tags=tags, operation_id=f"update_{noun}", summary=f"Change {noun}")
    async def update(
        request: AnyRequest,
        uow: Uow,
        record_id: FromPath[UUID],
        data: JSONBody[shape.update],  # type: ignore[name-defined]
    ) -> Response[bytes]:
        values = given(data)
        version = values.pop("version", None)
        record = await access.get(uow, entity, record_id, "edit")
        await records.update(uow, entity, record, values, version=version_of(request) or version)
        return await one(uow, entity, record)

    @delete(key, opt=opt | {"verb": "delete"}, tags=tags, operation_id=f"delete_{noun}", summary=f"Trash {noun}")
    async def remove(uow: Uow, record_id: FromPath[UUID]) -> None:
        await records.delete(uow, entity, await access.get(uow, entity, record_id, "delete"))

    @post(key + "/restore", opt=opt | {"verb": "delete"}, tags=tags, operation_id=f"restore_{noun}",
          status_code=200, summary=f"Restore {noun} from the trash")  # fmt: skip
    async def restore(uow: Uow, record_id: FromPath[UUID]) -> Response[bytes]:
        record = await access.get(uow, entity, record_id, "delete", deleted=True)
        await records.restore(uow, entity, record)
        return await one(uow, entity, record)

    @post(path + "/bulk", opt=opt | {"verb": "bulk_edit"}, tags=tags, operation_id=f"bulk_{entity.path}",
          status_code=200, summary=f"Do one thing with many {entity.plural}")  # fmt: skip
    async def bulk(request: AnyRequest, uow: Uow, data: JSONBody[Bulk]) -> Response[bytes]:
        async def run() -> Response[bytes]:
            return answer(await _bulk(uow, entity, data))

        return await idempotent(request, uow, run)

    actions = [_action(registry, entity, a, key, opt, tags) for a in registry.actions.get(entity.name, {}).values()]
    return [list_all, create, get_one, update, remove, restore, bulk, *actions]


async def _create(uow: UnitOfWork, entity: Entity, values: dict[str, Any], duplicates: str) -> Response[bytes]:
    """Make a record; `duplicates` says what to do when it may be there already."""
    if duplicates not in ("", "warn", "refuse"):
        raise Invalid(_("duplicates is warn or refuse."))
    uow.duplicates = duplicates
    made = await one(uow, entity, await records.create(uow, entity, values), 201)
    if uow.found_duplicates:
        made.headers["Possible-Duplicates"] = ", ".join(str(d.id) for d in uow.found_duplicates)
    return made


async def _moved(uow: UnitOfWork, entity: Entity, record_id: UUID) -> Response[bytes]:
    """Answer for a record that is not there: a merged one names what it became, if the actor may see that."""
    target = await successor(uow, entity, record_id)
    if target is None or await query.one_record(uow, entity, target) is None:
        raise NotFound(_("There is no such record."))
    return answer({"merged_into": target}, 301, Location=f"{API}/{entity.path}/{target}")


def _rights(registry: Registry, entity: Entity) -> str:
    link = entity.field(entity.parent) if entity.parent else None
    return str(getattr(link, "target", "") or entity.name)


def _action(registry: Registry, entity: Entity, action: Action, key: str, opt: dict[str, Any], tags: list[str]) -> Any:
    shape: Any = action.params

    async def run_one(request: AnyRequest, uow: UnitOfWork, record_id: UUID, data: Any) -> Response[bytes]:
        async def run() -> Response[bytes]:
            record, result = await perform(uow, entity, action, record_id, data)
            return await one(uow, entity, record) if result is None else answer(await _settled(uow, result))

        return await idempotent(request, uow, run)

    made: dict[str, Any] = {"opt": opt | {"action": action.name}, "tags": tags, "status_code": 200,
            "summary": str(action.label), "operation_id": f"{action.name}_{entity.noun}"}  # fmt: skip
    if shape is None:

        @post(f"{key}/{action.name}", **made)
        async def act(request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[bytes]:
            return await run_one(request, uow, record_id, None)

        return act

    @post(f"{key}/{action.name}", **made)
    async def act_with(
        request: AnyRequest, uow: Uow, record_id: FromPath[UUID], data: JSONBody[shape]
    ) -> Response[bytes]:
        return await run_one(request, uow, record_id, data)

    return act_with


async def _settled(uow: UnitOfWork, result: Any) -> Any:
    await uow.settle()
    return result


async def _bulk(uow: UnitOfWork, entity: Entity, data: Bulk) -> BulkAnswer:
    """Do every row in a savepoint of its own: what fails is reported, the rest is done."""
    records.demand(uow, entity, "bulk_edit")
    if len(data.ids) > MOST:
        raise Invalid(_("At most {count} records at once.", count=MOST))
    results = []
    for record_id in dict.fromkeys(data.ids):
        try:
            async with uow.savepoint():
                await _bulk_one(uow, entity, data, record_id)
            results.append(BulkRow(record_id, 200))
        except CrmError as error:
            results.append(BulkRow(record_id, error.status, "; ".join([show(error.text, uow.locale), *(
                f"{k}: {show(v, uow.locale)}" for k, v in error.fields.items())])))  # fmt: skip
    return BulkAnswer(results)


async def _bulk_one(uow: UnitOfWork, entity: Entity, data: Bulk, record_id: UUID) -> None:
    if data.action == "update":
        values = given(_typed(data.values, schemas(uow.registry, entity).update))
        version = values.pop("version", None)
        record = await access.get(uow, entity, record_id, "edit", also=BULK)
        await records.update(uow, entity, record, values, version=version)
    elif data.action == "delete":
        await records.delete(uow, entity, await access.get(uow, entity, record_id, "delete", also=BULK))
    elif data.action == "restore":
        await records.restore(uow, entity, await access.get(uow, entity, record_id, "delete", also=BULK, deleted=True))
    else:
        action = uow.registry.actions.get(entity.name, {}).get(data.action)
        if action is None or not action.bulk:
            raise Invalid(_("Unknown bulk action {name}.", name=data.action))
        params = _typed(data.values, action.params) if action.params else None
        await perform(uow, entity, action, record_id, params, also=BULK)


def _typed(values: dict[str, Any], shape: Any) -> Any:
    """Return the values as the struct they belong to; Invalid when one has the wrong type or no place there."""
    try:
        return msgspec.convert(values, shape)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error


def rest_routes(registry: Registry) -> list[Any]:
    """Return the API of all entities."""
    return [r for e in registry.entities.values() for r in entity_routes(registry, e)]
