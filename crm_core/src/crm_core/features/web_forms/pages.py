"""The builder of a form's fields, which works without scripts; how to embed it; where a record came from."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.entity import access, records
from crm_core.errors import Invalid
from crm_core.features.web_forms import actions, queries, rules, targets
from crm_core.features.web_forms.embedding import frame_code, plain_code
from crm_core.features.web_forms.models import WebForm, WebFormSubmission
from crm_core.features.web_forms.targets import Line
from crm_core.i18n import Strings, Text
from crm_core.plugin.declare import Ref
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page, redirect

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
TEMPLATE = "core/web_form_fields.html"


class BuilderPages(PageController):
    """Pages below a form's own."""

    path = "/web-forms/{record_id:uuid}"
    permission = "core.web_form.read"

    @get("/fields", opt={"permission": "core.web_form.edit"})
    async def show(self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        """Show the fields in order."""
        form = await _form(uow, record_id, "edit")
        return await _builder(request, uow, form, list(await rules.lines_of(uow, form)))

    @post("/fields", status_code=200, opt={"permission": "core.web_form.edit"})
    async def change(self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        """Add, remove, move - the page comes again, nothing is stored - or save."""
        form = await _form(uow, record_id, "edit")
        posted = await request.form()
        lines = read_lines(posted)
        do, _colon, at = str(posted.get("do") or "save").partition(":")
        if do != "save":
            lines = moved(lines, do, at, str(posted.get("add") or ""))
            return await _builder(request, uow, form, lines)
        try:
            async with uow.savepoint():
                await save_lines(uow, form, lines, int(str(posted.get("version") or form.version)))
        except Invalid as problem:
            return await _builder(request, uow, form, lines, problem=problem, status=422)
        return await redirect(request, uow, f"/web-forms/{record_id}/embed", _("Saved."))

    @get("/embed")
    async def embed(self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        """Show the form as visitors see it, and what to paste into a web site."""
        form = await _form(uow, record_id)
        url = f"{uow.kernel.config.url}/public/forms/{form.token}"
        return await page(
            request, uow, "core/web_form_embed.html", form_record=form, url=url, frame=frame_code(form, url),
            plain=await plain_code(uow, form, url), hosts=rules.hosts_of(form.allowed_hosts),
            counts=await queries.counts(uow, form.id), may_edit=uow.actor.may("core.web_form.edit"),
        )  # fmt: skip


class SourcePanel(PageController):
    """The panel on a record that came through a form."""

    path = "/web-form-source"
    signed_in = True

    @get()
    async def show(
        self, request: AnyRequest, uow: Uow, entity: FromQuery[str], id: FromQuery[UUID]  # noqa: A002 - slots' name
    ) -> Response[Any]:  # fmt: skip
        """Answer with form, page and campaign; empty for records that came another way."""
        kind = uow.registry.entities.get(entity)
        if kind is None:
            return Response(None, status_code=204)
        await access.get(uow, kind, id)
        found = await queries.source_of(uow, Ref(entity, id))
        if found is None:
            return Response(None, status_code=204)
        row, form = found
        return await page(
            request, uow, "core/_web_form_source.html", row=row, form_record=form,
            may_open=uow.actor.may("core.web_form.read"),
        )  # fmt: skip


class AnswersPanel(PageController):
    """What a visitor sent, with the names of the fields."""

    path = "/web-form-submissions/{record_id:uuid}/answers"
    permission = "core.web_form.read"

    @get()
    async def show(self, request: AnyRequest, uow: Uow, record_id: FromPath[UUID]) -> Response[Any]:
        """Answer with what was filled in, in the form's order."""
        row: WebFormSubmission = await access.get(uow, uow.registry.entity("core.web_form_submission"), record_id)
        form = await uow.session.get(WebForm, row.form_id)
        lines = await rules.lines_of(uow, form) if form is not None else []
        target = targets.targets(uow.registry).get(form.target) if form is not None else None
        known = targets.mappable(uow.registry, target) if target is not None else {}
        answers = {k: v for k, v in actions.answers_of(row).items() if v not in (None, "", [])}
        labels = {n: x.label for n, x in known.items()} | {x.field: targets.shown(x.label) for x in lines if x.label}
        order = [n for n in (x.field for x in lines) if n in answers]
        names = list(dict.fromkeys([*order, *answers]))
        return await page(
            request, uow, "core/_web_form_answers.html", shown=[(labels.get(n, n), said(answers[n])) for n in names]
        )


def said(value: Any) -> Text | str:
    """Return an answer as people read it."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return ", ".join(str(v) for v in value) if isinstance(value, list) else str(value)


async def _form(uow: UnitOfWork, record_id: UUID, verb: str = "read") -> WebForm:
    found: WebForm = await access.get(uow, uow.registry.entity("core.web_form"), record_id, verb)
    return found


def read_lines(posted: Any) -> list[Line]:
    """Return the lines of the builder as they were typed."""
    found = []
    for number in [str(n) for n in posted.getall("line", [])][: rules.MOST_FIELDS]:
        text = {n: str(posted.get(f"{number}-{n}") or "").strip() for n in ("field", "label", "help", "value")}
        ticked = {n: bool(posted.get(f"{number}-{n}")) for n in ("is_required", "is_hidden")}
        found.append(
            Line(text["field"], text["label"], text["help"], ticked["is_required"], ticked["is_hidden"], text["value"])
        )
    return found


def moved(lines: list[Line], do: str, at: str, add: str) -> list[Line]:
    """Return the lines after one press of a button: "add", "up:2", "down:2", "remove:2"."""
    if do == "add":
        return [*lines, Line(add)] if add and len(lines) < rules.MOST_FIELDS else lines
    number = int(at) if at.isdigit() and len(at) < 4 else -1
    if not 0 <= number < len(lines):
        return lines
    rest = [*lines[:number], *lines[number + 1 :]]
    if do == "remove":
        return rest
    place = max(0, number - 1) if do == "up" else number + 1
    return [*rest[:place], lines[number], *rest[place:]]


async def save_lines(uow: UnitOfWork, form: WebForm, lines: list[Line], version: int) -> None:
    """Store the lines of the builder in place of those there are."""
    entity = uow.registry.entity("core.web_form")
    target = targets.targets(uow.registry).get(form.target)
    if target is not None:
        targets.check_lines(uow.registry, target, lines)
    there = {line.field: line.id for line in await rules.lines_of(uow, form)}
    rows = [
        {
            "field": x.field, "label": x.label, "help": x.help, "is_required": x.is_required, "is_hidden": x.is_hidden,
            "value": x.value, **({"id": there[x.field]} if x.field in there else {}),
        }
        for x in lines
    ]  # fmt: skip
    await records.update(uow, entity, form, {"fields": rows}, version=version)


async def _builder(
    request: AnyRequest, uow: UnitOfWork, form: WebForm, lines: list[Any], *, problem: Invalid | None = None,
    status: int = 200,
) -> Response[Any]:  # fmt: skip
    target = targets.targets(uow.registry).get(form.target)
    known = targets.mappable(uow.registry, target) if target else {}
    used = {line.field for line in lines}
    return await page(
        request, uow, TEMPLATE, form_record=form, lines=lines, known=known, problem=problem, status=status,
        left={n: x for n, x in known.items() if n not in used},
    )  # fmt: skip


CONTROLLERS = (BuilderPages, AnswersPanel, SourcePanel)
