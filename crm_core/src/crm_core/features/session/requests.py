"""What a request that no unit of work serves tells: whose application it is at, and where it comes from."""

from __future__ import annotations

from typing import Any

from litestar import Request

from crm_core.features.session import actions
from crm_core.kernel import Kernel

AnyRequest = Request[Any, Any, Any]


def kernel_of(request: AnyRequest) -> Kernel:
    """Return the kernel of the application."""
    return request.app.state.kernel  # type: ignore[no-any-return]  # app.state is untyped


def visitor(request: AnyRequest) -> actions.Visitor:
    """Return where a request comes from."""
    return actions.Visitor(request.client.host if request.client else "", request.headers.get("user-agent", ""))
