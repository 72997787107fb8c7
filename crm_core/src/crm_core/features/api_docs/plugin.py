"""The reference of the REST API."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.api_docs.pages import ApiDocsPages
from crm_core.plugin import Slot, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_routes() -> Sequence[type]:
    return (ApiDocsPages,)


@hookimpl
def crm_slots() -> Sequence[Slot]:
    return (Slot(place="layout.user", label=_("API reference"), template="core/_api_docs_link.html", order=90),)
