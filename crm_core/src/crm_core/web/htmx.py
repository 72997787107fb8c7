"""What the server says to htmx 4 and learns from it. Litestar's own helper speaks htmx 2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar.response import Response

VARY = "HX-Request"


def is_partial(request: Request[Any, Any, Any]) -> bool:
    """Return whether htmx asks for a fragment; going back in the history needs the whole page."""
    headers = request.headers
    return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"


def target(request: Request[Any, Any, Any]) -> str:
    """Return the id of the element the answer goes into; htmx 4 sends `tag#id`."""
    return request.headers.get("hx-target", "").rpartition("#")[2]


def source(request: Request[Any, Any, Any]) -> str:
    """Return the id of the element that asked, or ""."""
    return request.headers.get("hx-source", "").rpartition("#")[2]


def trigger(events: Mapping[str, Any]) -> dict[str, str]:
    """Return the header that fires browser events after the answer, e.g. {"crm:toast": {"text": …}}."""
    return {"HX-Trigger": json.dumps(events)}


def redirect(request: Request[Any, Any, Any], path: str) -> Response[Any]:
    """Send the browser to `path` after a POST: 303, or HX-Redirect when htmx asked."""
    if is_partial(request):
        return Response(b"", status_code=200, headers={"HX-Redirect": path, "vary": VARY})
    return Response(b"", status_code=303, headers={"location": path, "vary": VARY})


def retarget(css: str, swap: str = "outerHTML") -> dict[str, str]:
    """Return headers that put the answer somewhere else than the asking element wanted."""
    return {"HX-Retarget": css, "HX-Reswap": swap}
