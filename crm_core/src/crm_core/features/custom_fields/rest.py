"""The description of the API with the custom fields of this installation, for those who are signed in."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm_core.features.custom_fields.describing import described
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController

Uow = NamedDependency[UnitOfWork]
OPENAPI = "application/vnd.oai.openapi+json"


class DescriptionApi(ApiController):
    """The OpenAPI document of this installation."""

    path = "/openapi.json"
    signed_in = True
    tags = ("Custom fields",)

    @get(media_type=OPENAPI, operation_id="describe_api", summary="The API's description with custom fields")
    async def describe(self, request: Request[Any, Any, Any], uow: Uow) -> Response[dict[str, Any]]:
        """Return the OpenAPI document; `custom` of each record lists the custom fields that the caller may read."""
        return Response(described(request.app, uow.registry, uow.actor), media_type=OPENAPI)
