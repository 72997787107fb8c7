"""The style guide."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.styleguide.pages import StyleguidePages
from crm_core.plugin import hookimpl


@hookimpl
def crm_routes() -> Sequence[type]:
    return (StyleguidePages,)
