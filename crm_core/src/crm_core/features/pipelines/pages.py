"""Panels of pipelines and of records with stages."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.entity import access
from crm_core.entity import fields as f
from crm_core.entity.stages import Stage, stages_of
from crm_core.errors import Forbidden, Invalid, NotFound
from crm_core.features.pipelines import actions
from crm_core.features.pipelines.queries import per_stage, stage_times
from crm_core.features.pipelines.rules import staged
from crm_core.features.pipelines.schemas import StageTime
from crm_core.plugin import Strings
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


class PipelinePages(PageController):
    """The stages of a pipeline, and moving them."""

    path = "/pipelines/{record_id:uuid}"
    signed_in = True

    @get("/stages")
    async def show(self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        """Answer with the panel: stages in order, what each asks for, how many records are in it."""
        pipeline = await access.get(uow, uow.registry.entity("core.pipeline"), record_id)
        known, entity = await stages_of(uow, record_id), staged(uow).get(pipeline.entity)
        may_count = entity is not None and uow.actor.may(f"{entity.name}.read") and uow.actor.may("core.stage.edit")
        counts = await per_stage(uow, entity, record_id) if entity is not None and may_count else {}
        labels = {x.name: x.label for x in entity.fields} if entity is not None else {}
        return await page(
            request, uow, "core/_pipeline_stages.html", pipeline=pipeline, stages=known, counts=counts, labels=labels,
            names={str(s.id): s.name for s in known}, may_edit=uow.actor.may("core.stage.edit"), entity=entity,
        )  # fmt: skip

    @post("/stages/{stage_id:uuid}/{way:str}", status_code=200, opt={"permission": "core.stage.edit"})
    async def move(
        self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID], stage_id: FromPath[UUID], way: FromPath[str]
    ) -> Response[Any]:
        """Move a stage one place up or down."""
        run = {"up": actions.up, "down": actions.down}.get(way)
        if run is None:
            raise NotFound(_("There is no such action."))
        stage: Stage = await access.get(uow, uow.registry.entity("core.stage"), stage_id, "edit")
        if stage.pipeline_id != record_id:
            raise Invalid(_("This stage is not in the pipeline."))
        await run(uow, stage)
        return await redirect(request, uow, f"/pipelines/{record_id}", _("Saved."), undo=True)


class StageTimePanel(PageController):
    """How long a record has been in each stage."""

    path = "/stage-times"
    signed_in = True

    @get()
    async def show(
        self, request: AnyRequest, uow: Uow, entity: FromQuery[str] = "", id: FromQuery[UUID | None] = None  # noqa: A002
    ) -> Response[Any]:  # fmt: skip
        """Answer with the panel; nothing for records without stages."""
        kind = staged(uow).get(entity)
        if kind is None or id is None:
            return Response(b"", status_code=204)
        field = next(x for x in kind.fields if isinstance(x, f.Stage))
        if not uow.actor.may_see(kind.name, field.name):
            raise Forbidden(_("You may not read this field."))
        await access.get(uow, kind, id)
        found = await stage_times(uow, kind, id)
        total = sum(one.seconds for one in found)
        return await page(request, uow, "core/_stage_times.html", times=found, total=total, span=span)


def span(one: StageTime) -> Any:
    """Return a time in words: days from the first whole one on, hours before, minutes before that."""
    if one.seconds >= 86_400:
        return _("{count} d", count=one.days)
    if one.seconds >= 3600:
        return _("{count} h", count=one.seconds // 3600)
    return _("{count} min", count=one.seconds // 60)
