"""Import in four steps: choose a file, say what its columns mean, look at the first rows, run."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.errors import Invalid, NotFound
from crm_core.features.imports.calls import RunImport
from crm_core.features.imports.columns import guess, left_out, targets
from crm_core.features.imports.hints import told
from crm_core.features.imports.reports import import_job, report_of
from crm_core.features.imports.run import Plan, preview
from crm_core.features.imports.sheets import Sheet, open_sheet
from crm_core.i18n import Strings, show
from crm_core.plugin import Entity
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, htmx, page, redirect
from crm_core.web.views import may

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
CHUNK = 64 * 1024
UPLOAD_LIMIT = 100 * 1024 * 1024
MODES = (("create", _("Only add")), ("update", _("Only update")), ("both", _("Add and update")))


class ImportPages(PageController):
    """Import pages; each needs the right to import the chosen kind of record."""

    path = "/import"
    signed_in = True

    @get("/")
    async def choose(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with the form for kind and file."""
        kinds = _importable(uow)
        chosen = request.query_params.get("entity", "")
        return await page(request, uow, "core/import.html", kinds=kinds, chosen=chosen, error="")

    @post("/", status_code=200, request_max_body_size=UPLOAD_LIMIT)
    async def upload(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Store the file and go on to its columns."""
        form = await request.form()
        entity, file = _entity(uow, str(form.get("entity") or "")), form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise Invalid(_("Choose a file."))
        blob = await uow.kernel.blobs.put(_chunks(file))
        await asyncio.to_thread(open_sheet, await uow.kernel.blobs.fetch(blob.sha256))
        address = f"/import/{blob.sha256}/{_seal(uow, blob.sha256)}?entity={entity.name}"
        return await redirect(request, uow, address)

    @get("/{file:str}/{seal:str}")
    async def columns(self, request: AnyRequest, uow: Uow, file: FromPath[str], seal: FromPath[str]) -> Response[Any]:
        """Answer with the meaning of the columns and the first rows as they would be read."""
        entity, sheet = _entity(uow, request.query_params.get("entity", "")), await _sheet(uow, file, seal)
        asked = request.query_params
        mapping = _mapping(sheet, asked) or list(guess(uow.registry, uow.actor, entity, sheet.columns).items())
        known = targets(uow.registry, uow.actor, entity)
        plan = Plan(entity=entity, mapping=mapping, mode=_mode(asked), match=asked.get("match", ""))
        rows, error = [], ""
        try:
            rows = await told(uow, plan, preview(uow.kernel, uow.actor, sheet, plan)) if mapping else []
        except Invalid as problem:
            error = show(problem.text, uow.locale)
        return await page(
            request, uow, "core/import_columns.html", entity=entity, sheet=sheet, file=file, seal=seal, rows=rows,
            mapping=dict(mapping), error=error, modes=MODES, mode=plan.mode, match=plan.match,
            left_out=left_out(uow.registry, uow.actor, entity, sheet.columns),
            targets=[(name, _label(target)) for name, target in known.items() if name == target.name],
        )  # fmt: skip

    @post("/{file:str}/{seal:str}", status_code=200)
    async def run(self, request: AnyRequest, uow: Uow, file: FromPath[str], seal: FromPath[str]) -> Response[Any]:
        """Start the import in the background."""
        form = await request.form()
        entity, sheet = _entity(uow, str(form.get("entity") or "")), await _sheet(uow, file, seal)
        mapping = _mapping(sheet, form)
        if not mapping:
            raise Invalid(_("Say what at least one column means."))
        call = RunImport(file=file, entity=entity.name, mapping=mapping, mode=_mode(form),
                         match=str(form.get("match") or ""))  # fmt: skip
        job = await uow.enqueue(call)
        return await redirect(request, uow, f"/import/runs/{job}")

    @get("/runs/{job_id:uuid}")
    async def progress(self, request: AnyRequest, uow: Uow, job_id: FromPath[UUID]) -> Response[Any]:
        """Answer with how far an import of the actor's is, and its report at the end."""
        job = await import_job(uow, job_id)
        entity = uow.registry.entity(job.args["entity"])
        running = job.state in ("pending", "running")
        template = "core/_import_progress.html" if htmx.is_partial(request) else "core/import_progress.html"
        return await page(request, uow, template, job=job, entity=entity, running=running, result=report_of(job))


def _importable(uow: UnitOfWork) -> list[Entity]:
    return [e for e in uow.registry.entities.values() if not e.parent and may(uow, e, "import")]


def _entity(uow: UnitOfWork, name: str) -> Entity:
    found = next((e for e in _importable(uow) if e.name == name), None)
    if found is None:
        raise NotFound(_("There is nothing of this kind to import."))
    return found


def _seal(uow: UnitOfWork, file: str) -> str:
    """Return what only the one who uploaded a file knows: its address is no secret, its content may be."""
    text = f"import:{file}:{uow.actor.user_id}".encode()
    return hmac.new(uow.kernel.key, text, hashlib.sha256).hexdigest()[:32]


async def _sheet(uow: UnitOfWork, file: str, seal: str) -> Sheet:
    if not hmac.compare_digest(seal.encode(), _seal(uow, file).encode()):
        raise NotFound(_("There is no such file."))
    return await asyncio.to_thread(open_sheet, await uow.kernel.blobs.fetch(file))


async def _chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(CHUNK):
        yield chunk


def _mode(given: Any) -> str:
    wanted = str(given.get("mode") or "")
    return wanted if wanted in dict(MODES) else "create"


def _mapping(sheet: Sheet, given: Any) -> list[tuple[str, str]]:
    found = []
    for number, title in enumerate(sheet.columns):
        if wanted := str(given.get(f"column-{number}") or ""):
            found.append((title, wanted))
    return found


def _label(target: Any) -> Any:
    if target.key.endswith("_currency"):
        return _("{label}, currency", label=target.field.label)
    return (
        _("{child}: {label}", child=target.child.label, label=target.field.label)
        if target.child
        else target.field.label
    )
