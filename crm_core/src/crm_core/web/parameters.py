"""What query strings and headers of the REST API ask for."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request

from crm_core.entity import query
from crm_core.errors import Invalid
from crm_core.i18n import Strings

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]


def list_params(request: AnyRequest) -> query.ListParams:
    """Read list parameters from the query string; Invalid for what cannot be read."""
    q = request.query_params
    try:
        filter_ = msgspec.json.decode(q["filter"]) if q.get("filter") else None
        limit = int(q.get("limit", 50))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise Invalid(_("filter is not JSON."), fields={"filter": str(error)}) from error
    except ValueError as error:
        raise Invalid(_("limit is not a number.")) from error
    if not 1 <= limit <= 200:
        raise Invalid(_("limit must be between 1 and 200."))

    def names(key: str) -> tuple[str, ...]:
        return tuple(n for n in q.get(key, "").split(",") if n)

    return query.ListParams(
        filter=filter_, q=q.get("q", ""), sort=q.get("sort", ""), fields=names("fields") or None, limit=limit,
        cursor=q.get("cursor") or None, deleted=flag(request, "deleted"), expand=names("expand"),
    )  # fmt: skip


def flag(request: AnyRequest, name: str) -> bool:
    """Return whether a parameter of the query string says yes; Invalid when it says neither."""
    text = request.query_params.get(name) or "false"
    if text not in ("true", "false"):
        raise Invalid(_("{name} is true or false.", name=name))
    return text == "true"


def version_of(request: AnyRequest) -> int | None:
    """Return the version in If-Match, if any."""
    text = request.headers.get("if-match", "").strip('W/" ')
    if text and text != "*":
        try:
            return int(text)
        except ValueError as error:
            raise Invalid(_("If-Match takes the version of the record.")) from error
    return None
