"""Import of a file by API: the body is the file, the query string says how to read it, a job does the work."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core.auth.actor import Actor, Scope
from crm_core.auth.session import authenticate
from crm_core.errors import Forbidden, Invalid, NotFound
from crm_core.features.imports.calls import RunImport
from crm_core.features.imports.columns import guess, left_out, targets
from crm_core.features.imports.hints import told
from crm_core.features.imports.plan import MODES
from crm_core.features.imports.reports import import_job, import_out, imported, problems_csv, report_of
from crm_core.features.imports.run import Import, Plan, preview
from crm_core.features.imports.schemas import ImportOut, PreviewOut
from crm_core.features.imports.sheets import Sheet, open_sheet
from crm_core.i18n import Strings
from crm_core.jobs import rows
from crm_core.kernel import Kernel
from crm_core.plugin import Entity
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController
from crm_core.web.idempotency import idempotent
from crm_core.web.rest import answer

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
UPLOAD_LIMIT = 50 * 1024 * 1024


class ImportsApi(ApiController):
    """Imports run in the background: one is started, then asked for until it is done."""

    path = "/imports"
    signed_in = True  # each handler asks for the right to import that kind, before it reads the file
    tags = ("Import",)

    @post("/preview", status_code=200, request_max_body_size=UPLOAD_LIMIT, summary="Look at a file")
    async def look(self, request: AnyRequest, entity: FromQuery[str]) -> PreviewOut:
        """Return columns, guesses and first rows as they would be read with the guessed columns; nothing changes."""
        kernel: Kernel = request.app.state.kernel
        actor = await authenticate(kernel, request)
        found = _entity(kernel, actor, entity)
        async with _sheet(request, kernel) as sheet:
            mapping = guess(kernel.registry, actor, found, sheet.columns)
            plan = Plan(entity=found, mapping=mapping)
            async with kernel.read(actor) as uow:
                rows = await told(uow, plan, preview(kernel, actor, sheet, plan))
            return PreviewOut(
                columns=list(sheet.columns),
                encoding=sheet.encoding,
                separator=sheet.separator,
                guess=mapping,
                targets=sorted({t.name for t in targets(kernel.registry, actor, found).values()}),
                rows=rows,
                left_out=left_out(kernel.registry, actor, found, sheet.columns),
            )

    @post(status_code=202, request_max_body_size=UPLOAD_LIMIT, operation_id="start_import", summary="Import a file")
    async def run(
        self,
        request: AnyRequest,
        uow: Uow,
        entity: FromQuery[str],
        map: FromQuery[list[str] | None] = None,  # noqa: A002 - as the command line says it
        match: FromQuery[str] = "",
        mode: FromQuery[str] = "",
        strict: FromQuery[bool] = False,
        dry_run: FromQuery[bool] = False,
    ) -> Response[bytes]:
        """Start an import; the answer's `href` tells how it goes and ends with the report.

        `map` is COLUMN=FIELD and may repeat; without it columns are guessed. What is wrong with the whole file is
        said at once, what is wrong with rows in the report.
        """
        found = _entity(uow.kernel, uow.actor, entity)
        mode = mode or ("both" if match else "create")
        if mode not in MODES:
            raise Invalid(_("The mode is one of: {known}.", known=", ".join(MODES)))
        blob = await uow.kernel.blobs.put(request.stream())
        sheet = await asyncio.to_thread(open_sheet, await uow.kernel.blobs.fetch(blob.sha256))
        pairs = _pairs(map) if map else list(guess(uow.registry, uow.actor, found, sheet.columns).items())
        # Made only to be refused now: rights, unknown columns, a field that finds nothing.
        Import(uow.kernel, uow.actor, sheet, Plan(entity=found, mapping=pairs, mode=mode, match=match))
        call = RunImport(
            file=blob.sha256, entity=found.name, mapping=pairs, mode=mode, match=match, strict=strict, dry_run=dry_run,
            scopes=tuple(sorted(uow.actor.scopes)),
        )  # fmt: skip

        async def start() -> Response[bytes]:
            started = import_out(await uow.enqueue(call), found.name, uow.now)
            return answer(started, 202, location=started.href)

        return await idempotent(request, uow, start, body_hash=_digest(blob.sha256, request))

    @get("/{import_id:uuid}", operation_id="get_import", summary="How an import goes")
    async def show(self, uow: Uow, import_id: FromPath[UUID]) -> ImportOut:
        """Return the state of an import of one's own; its report is kept for two weeks."""
        return imported(await import_job(uow, import_id))

    @get("/{import_id:uuid}/errors", operation_id="get_import_errors", summary="Problems of an import as CSV",
         media_type="text/csv")  # fmt: skip
    async def errors(self, uow: Uow, import_id: FromPath[UUID]) -> Response[bytes]:
        """Return the problems of an import as a file: row, column, value, problem, whether it was imported."""
        job = await import_job(uow, import_id)
        name = {"content-disposition": f'attachment; filename="import-{import_id}.csv"'}
        return Response(problems_csv(report_of(job)), media_type="text/csv", headers=name)

    @post("/{import_id:uuid}/cancel", status_code=200, operation_id="cancel_import", summary="Cancel an import")
    async def cancel(self, uow: Uow, import_id: FromPath[UUID]) -> ImportOut:
        """Stop an import: at once while it waits, within a second while it runs; rows that are in stay."""
        job = await import_job(uow, import_id)
        await rows.cancel_job(uow, job.id)
        return imported(await import_job(uow, import_id))


def _entity(kernel: Kernel, actor: Actor, name: str) -> Entity:
    """Return what is imported; Forbidden without the right, so that the file is not even read."""
    entity = kernel.registry.by_path.get(name) or kernel.registry.entities.get(name)
    if entity is None:
        raise NotFound(_("There is no entity {name}.", name=name))
    if actor.scope(entity.name, "import") is Scope.none:
        raise Forbidden(_("You may not import {plural}.", plural=entity.plural))
    return entity


def _digest(file: str, request: AnyRequest) -> str:
    return hashlib.sha256(f"{file}?{request.url.query}".encode()).hexdigest()


@asynccontextmanager
async def _sheet(request: AnyRequest, kernel: Kernel) -> AsyncIterator[Sheet]:
    """Keep the body in a file while it is read; the request's size is limited before."""
    with TemporaryDirectory(dir=kernel.config.folder) as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as file:
            async for block in request.stream():
                file.write(block)
        yield open_sheet(path)


def _pairs(given: list[str]) -> list[tuple[str, str]]:
    found = []
    for text in given:
        title, equals, name = text.rpartition("=")
        if not equals or not title or not name:
            raise Invalid(_("map takes COLUMN=FIELD, not {text}.", text=text))
        found.append((title, name))
    return found
