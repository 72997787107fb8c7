"""GET /api/v1/<entity>/export: a list as a file, streamed.

No `from __future__ import annotations` here: handlers are made in a loop and Litestar reads real types.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from litestar import Request, get
from litestar.params import FromQuery
from litestar.response import Stream

from crm_core.auth.session import authenticate
from crm_core.errors import Invalid
from crm_core.features.exports.files import Wanted, demand, export_csv, export_xlsx, shown
from crm_core.i18n import Strings
from crm_core.kernel import Kernel
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.web.parameters import flag
from crm_core.web.views import parent_of

_ = Strings("crm_core")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BLOCK = 256 * 1024


def api_routes(registry: Registry, entity: Entity) -> list[Any]:
    """Return the export route of one entity; it takes no unit of work, as it outlives the request."""
    opt = {"kind": "api", "entity": entity.name, "permission": f"{parent_of(registry, entity)}.read", "verb": "export"}

    @get(
        f"/api/v1/{entity.path}/export", opt=opt, tags=[str(entity.plural)], operation_id=f"export_{entity.path}",
        summary=f"Export {entity.plural} as CSV or XLSX",
    )  # fmt: skip
    async def export(
        request: Request[Any, Any, Any], format: FromQuery[str] = "csv", filter: FromQuery[str] = "",  # noqa: A002
        q: FromQuery[str] = "", sort: FromQuery[str] = "", fields: FromQuery[str] = "", labels: FromQuery[str] = "",
    ) -> Stream:  # fmt: skip
        kernel: Kernel = request.app.state.kernel
        actor = await authenticate(kernel, request)
        wanted = Wanted(
            entity=entity, filter=filter or None, q=q, sort=sort, labels=flag(request, "labels"),
            columns=tuple(n for n in fields.split(",") if n),
        )  # fmt: skip
        # What is wrong is said now: once the file has begun there is no other answer.
        demand(kernel.registry, actor, entity)
        shown(kernel.registry, actor, wanted)
        name = {"content-disposition": f'attachment; filename="{entity.path}.{format}"'}
        if format == "csv":
            blocks = await begun(export_csv(kernel, actor, wanted))
            return Stream(blocks, media_type="text/csv; charset=utf-8", headers=name)
        if format == "xlsx":
            folder = tempfile.TemporaryDirectory(dir=kernel.config.folder)
            file = Path(folder.name) / "export.xlsx"
            await export_xlsx(kernel, actor, wanted, file)
            return Stream(file_blocks(file, folder), media_type=XLSX, headers=name)
        raise Invalid(_("The format is csv or xlsx."), fields={"format": _("csv or xlsx")})

    return [export]


async def begun(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return the blocks after the first two were made: header and first page, where a filter can be refused."""
    first = [block async for _number, block in _some(blocks, 2)]

    async def all_of() -> AsyncIterator[bytes]:
        for block in first:
            yield block
        async for block in blocks:
            yield block

    return all_of()


async def _some(blocks: AsyncIterator[bytes], count: int) -> AsyncIterator[tuple[int, bytes]]:
    for number in range(count):
        try:
            yield number, await anext(blocks)
        except StopAsyncIteration:
            return


async def file_blocks(path: Path, folder: tempfile.TemporaryDirectory[str]) -> AsyncIterator[bytes]:
    """Yield a file in blocks and remove its folder."""
    with folder, path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, BLOCK):
            yield block
