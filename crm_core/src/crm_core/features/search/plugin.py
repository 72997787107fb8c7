"""Search: page, palette and API."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.search.pages import SearchPages
from crm_core.features.search.rest import SearchApi
from crm_core.plugin import hookimpl


@hookimpl
def crm_routes() -> Sequence[type]:
    return (SearchApi, SearchPages)
