"""The home page."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.home.pages import HomePages
from crm_core.plugin import hookimpl


@hookimpl
def crm_routes() -> Sequence[type]:
    return (HomePages,)
