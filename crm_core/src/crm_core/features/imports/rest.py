"""Import of a file by API: the body is the file, the query string says how to read it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from litestar import Request, post
from litestar.params import FromQuery

from crm_core.auth.actor import Actor, ActorKind
from crm_core.auth.session import authenticate
from crm_core.errors import Invalid, NotFound, Unauthenticated
from crm_core.features.imports.columns import guess, targets
from crm_core.features.imports.plan import MODES
from crm_core.features.imports.run import Plan, Report, preview, run_import
from crm_core.features.imports.schemas import PreviewOut, ProblemOut, ReportOut, UnknownOut
from crm_core.features.imports.sheets import Sheet, open_sheet
from crm_core.i18n import Strings, show
from crm_core.kernel import Kernel
from crm_core.plugin import Entity
from crm_core.web.controllers import ApiController

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]


class ImportsApi(ApiController):
    """Imports run while the caller waits, in transactions of their own; large files go through `crm import`."""

    path = "/imports"
    signed_in = True
    tags = ("Import",)

    @post("/preview", status_code=200, summary="Look at a file: columns, guesses, first rows")
    async def look(self, request: AnyRequest, entity: FromQuery[str]) -> PreviewOut:
        """Return how the file would be read with the guessed columns; nothing is changed."""
        kernel, actor, found = await _who(request, entity)
        async with _sheet(request, kernel) as sheet:
            mapping = guess(kernel.registry, actor, found, sheet.columns)
            return PreviewOut(
                columns=list(sheet.columns),
                encoding=sheet.encoding,
                separator=sheet.separator,
                guess=mapping,
                targets=sorted({t.name for t in targets(kernel.registry, actor, found).values()}),
                rows=preview(kernel, actor, sheet, Plan(entity=found, mapping=mapping)),
            )

    @post(status_code=200, summary="Import a file")
    async def run(
        self,
        request: AnyRequest,
        entity: FromQuery[str],
        map: FromQuery[list[str] | None] = None,  # noqa: A002 - as the command line says it
        match: FromQuery[str] = "",
        mode: FromQuery[str] = "",
        strict: FromQuery[bool] = False,
        dry_run: FromQuery[bool] = False,
    ) -> ReportOut:
        """Import the rows of the file. `map` is COLUMN=FIELD and may repeat; without it columns are guessed."""
        kernel, actor, found = await _who(request, entity)
        mode = mode or ("both" if match else "create")
        if mode not in MODES:
            raise Invalid(_("The mode is one of: {known}.", known=", ".join(MODES)))
        async with _sheet(request, kernel) as sheet:
            pairs = _pairs(map) if map else list(guess(kernel.registry, actor, found, sheet.columns).items())
            plan = Plan(entity=found, mapping=pairs, mode=mode, match=match, strict=strict, dry_run=dry_run)
            return answer(await run_import(kernel, actor, sheet, plan), actor.locale)


async def _who(request: AnyRequest, name: str) -> tuple[Kernel, Actor, Entity]:
    kernel: Kernel = request.app.state.kernel
    actor = await authenticate(kernel, request)
    if actor.kind is ActorKind.guest:
        raise Unauthenticated(_("Please sign in."))
    entity = kernel.registry.by_path.get(name) or kernel.registry.entities.get(name)
    if entity is None:
        raise NotFound(_("There is no entity {name}.", name=name))
    return kernel, actor, entity


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


def answer(report: Report, locale: str) -> ReportOut:
    """Return a report in words of the caller's language."""
    return ReportOut(
        rows=report.rows, created=report.created, updated=report.updated, unchanged=report.unchanged,
        failed=report.failed, warnings=report.warnings, dry_run=report.dry_run, cause=report.cause,
        problems=[ProblemOut(p.row, p.column, p.value, show(p.text, locale), p.failed) for p in report.problems],
        unknown=[
            UnknownOut(column, value, count, report.suggestions.get((column, value)))
            for (column, value), count in report.unknown.most_common()
        ],
    )  # fmt: skip
