"""The rights of a role by API."""

from uuid import UUID

from litestar import get, patch
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from crm_core.entity import access
from crm_core.features.roles import actions, queries
from crm_core.features.roles.schemas import RightsChange, RoleRights
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController


class RightsApi(ApiController):
    """Verb by scope for every entity, permissions, and fields that are hidden or locked."""

    path = "/roles/{role_id:uuid}/rights"
    tags = ("Roles",)

    @get(opt={"permission": "core.role.read"}, summary="What a role may do")
    async def show(self, uow: NamedDependency[UnitOfWork], role_id: FromPath[UUID]) -> RoleRights:
        """Return a row for every entity with all eight verbs, the permissions, and the fields that are not open."""
        return await queries.rights_of(uow, await access.get(uow, uow.registry.entity("core.role"), role_id))

    @patch(opt={"permission": "core.role.edit"}, summary="Change what a role may do")
    async def change(
        self, uow: NamedDependency[UnitOfWork], role_id: FromPath[UUID], data: JSONBody[RightsChange]
    ) -> RoleRights:
        """Change the rights that are named. Only administrators do; it counts at everybody's next request."""
        role = await access.get(uow, uow.registry.entity("core.role"), role_id, "edit")
        await actions.set_rights(uow, role, data)
        await uow.settle()
        return await queries.rights_of(uow, role)
