"""The description of the API with the custom fields of this installation, for those who are signed in."""

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm_core.features.custom_fields.describing import described
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController

Uow = NamedDependency[UnitOfWork]


class DescriptionApi(ApiController):
    """The OpenAPI document of this installation."""

    path = "/openapi.json"
    signed_in = True
    tags = ("Custom fields",)

    @get(operation_id="describe_api", summary="The API's description with custom fields")
    async def describe(self, request: Request[Any, Any, Any], uow: Uow) -> Response[bytes]:
        """Return the OpenAPI document; `custom` of each record lists the custom fields that the caller may read."""
        return Response(msgspec.json.encode(described(request.app, uow.registry, uow.actor)),
                        media_type="application/vnd.oai.openapi+json")  # fmt: skip
