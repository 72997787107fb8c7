"""A record and its jobs in one request, as real actions do it."""

from typing import Any

import msgspec
from crm_core.entity import records
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController
from crm_core.web.idempotency import idempotent
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from crm_kills.schemas import Leave


class Order(msgspec.Struct):
    """`record`: also write a contact of this number. A job is enqueued for each of `jobs` numbers from `number` on."""

    number: int
    record: bool = True
    jobs: int = 1


class Orders(ApiController):
    """POST an order."""

    path = "/kills/orders"
    tags = ("Kills",)

    @post("/", opt={"permission": "core.contact.create"}, operation_id="create_kills_order", summary="Order")
    async def create(
        self, request: Request[Any, Any, Any], uow: NamedDependency[UnitOfWork], data: JSONBody[Order]
    ) -> Response[bytes]:
        """Write everything in the one transaction of the request."""

        async def run() -> Response[bytes]:
            if data.record:
                await records.create(uow, uow.registry.entity("core.contact"), {"last_name": f"n{data.number}"})
            for number in range(data.number, data.number + data.jobs):
                await uow.enqueue(Leave(number=number))
            await uow.settle()
            return Response(b'{"done": true}', status_code=201, media_type="application/json")

        return await idempotent(request, uow, run)
