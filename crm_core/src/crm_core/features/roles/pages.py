"""The grids of a role: entity by verb, and the fields of one entity."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.auth.people import Role
from crm_core.entity import access
from crm_core.errors import NotFound
from crm_core.features.roles import actions, queries
from crm_core.i18n import Strings
from crm_core.plugin.declare import VERBS, Entity
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import PageController
from crm_core.web.page import page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
VERB_LABELS = {
    "read": _("Read"), "create": _("Create"), "edit": _("Edit"), "delete": _("Delete"), "assign": _("Assign"),
    "export": _("Export"), "import": _("Import"), "bulk_edit": _("Change many"),
}  # fmt: skip
SCOPE_LABELS = {"none": _("None"), "own": _("Own"), "team": _("Team"), "all": _("All")}
LEVEL_LABELS = {"open": _("Read and write"), "locked": _("Only read"), "hidden": _("Hidden")}


class RightsPages(PageController):
    """What a role may do, as forms."""

    path = "/roles/{role_id:uuid}"

    @get("/rights", opt={"permission": "core.role.read"})
    async def show(self, request: AnyRequest, uow: Uow, role_id: FromPath[UUID]) -> Response[Any]:
        """Show the grid of entities and verbs, and the permissions beyond it."""
        role = await _role(uow, role_id)
        return await page(
            request, uow, "core/rights.html", role=role, rights=await queries.rights_of(uow, role),
            verbs=VERB_LABELS, scopes=SCOPE_LABELS, may_change=_may_change(uow),
        )  # fmt: skip

    @post("/rights", opt={"permission": "core.role.edit"}, status_code=200)
    async def save(self, request: AnyRequest, uow: Uow, role_id: FromPath[UUID]) -> Response[Any]:
        """Take the whole grid."""
        role, posted = await _role(uow, role_id, "edit"), await request.form()
        entities: dict[str, dict[str, str]] = {}
        for entity in queries.grid(uow.registry):
            given = {v: posted.get(f"{entity.name}.{v}") for v in VERBS if v not in queries.fixed(entity)}
            entities[entity.name] = {v: s for v, s in given.items() if isinstance(s, str)}
        held = set(posted.getall("permission", []))
        known = [str(n) for n in posted.getall("known", [])]
        change = actions.change_of(entities, {n: n in held for n in known}, {}, str(posted.get("version") or ""))
        await actions.set_rights(uow, role, change)
        return await redirect(request, uow, f"/roles/{role_id}/rights", _("Saved."))

    @get("/fields", opt={"permission": "core.role.read"})
    async def show_fields(
        self, request: AnyRequest, uow: Uow, role_id: FromPath[UUID], entity: FromQuery[str] = ""
    ) -> Response[Any]:
        """Show which fields of one kind of record the role reads and writes."""
        role, found = await _role(uow, role_id), _entity(uow, entity)
        rights = await queries.rights_of(uow, role)
        return await page(
            request, uow, "core/rights_fields.html", role=role, entity=found, entities=queries.grid(uow.registry),
            fields=queries.fields_of(uow.registry, found), held=rights.fields.get(found.name, {}),
            levels=LEVEL_LABELS, may_change=_may_change(uow),
        )  # fmt: skip

    @post("/fields", opt={"permission": "core.role.edit"}, status_code=200)
    async def save_fields(self, request: AnyRequest, uow: Uow, role_id: FromPath[UUID]) -> Response[Any]:
        """Take the levels of one entity's fields."""
        role, posted = await _role(uow, role_id, "edit"), await request.form()
        found = _entity(uow, str(posted.get("entity") or ""))
        names = [n for n, _label in queries.fields_of(uow.registry, found)]
        levels = {n: str(v) for n in names if (v := posted.get(f"field.{n}")) is not None}
        change = actions.change_of({}, {}, {found.name: levels}, str(posted.get("version") or ""))
        await actions.set_rights(uow, role, change)
        return await redirect(request, uow, f"/roles/{role_id}/fields?entity={found.name}", _("Saved."))


def _may_change(uow: UnitOfWork) -> bool:
    return uow.actor.rights.everything and not uow.actor.only_reads


async def _role(uow: UnitOfWork, role_id: UUID, verb: str = "read") -> Role:
    found: Role = await access.get(uow, uow.registry.entity("core.role"), role_id, verb)
    return found


def _entity(uow: UnitOfWork, name: str) -> Entity:
    rows = queries.grid(uow.registry)
    found = next((e for e in rows if e.name == name), None) if name else rows[0]
    if found is None:
        raise NotFound(_("There is no such kind of record."))
    return found
