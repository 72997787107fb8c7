"""Is this process alive, and can it serve?"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from litestar import Request, Response, get

from crm_core.auth.actor import system
from crm_core.errors import Concern
from crm_core.kernel import Kernel
from crm_core.plugin import hookspecs


@get("/health", opt={"public": True}, include_in_schema=False, sync_to_thread=False)
def health() -> dict[str, str]:
    """Answer as long as the process runs; touches nothing."""
    return {"status": "ok"}


@get("/ready", opt={"public": True}, include_in_schema=False)
async def ready(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Answer 200 when the database answers and all checks pass, else 503 with what is wrong.

    Names of failed checks only: details are for the log and `crm doctor`.
    """
    kernel: Kernel = request.app.state.kernel
    failed = await failing(kernel)
    return Response(
        {"status": "not ready" if failed else "ok", "failed": sorted(failed)}, status_code=503 if failed else 200
    )


async def failing(kernel: Kernel) -> dict[str, str]:
    """Return the checks that fail, with the reason."""
    failed: dict[str, str] = {}
    try:
        async with kernel.read(system("ready")) as uow:
            await uow.session.execute(sa.text("select 1"))
    except Exception as error:  # noqa: BLE001 - whatever keeps the database away is the answer
        return {"database": str(error)}
    for check in kernel.registry.gather(hookspecs.crm_checks):
        if not check.ready:
            continue
        try:
            async with kernel.read(system("ready")) as uow:
                await check.run(uow)
        except Concern:
            continue
        except Exception as error:  # noqa: BLE001 - a check says what is wrong by raising anything
            failed[check.name] = str(error)
    return failed


def health_routes() -> list[Any]:
    """Return the two routes."""
    return [health, ready]
