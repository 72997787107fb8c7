"""Import of files: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.plugin import hookimpl


@hookimpl
def crm_routes() -> Sequence[type]:
    return ()
