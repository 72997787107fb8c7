"""Pieces of other plugins on a page: each in its own request, with a time limit, and a breaker behind it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from markupsafe import Markup

from crm_core.plugin import hookspecs
from crm_core.plugin.declare import Slot

if TYPE_CHECKING:
    from litestar import Request

    from crm_core.auth.actor import Actor
    from crm_core.web.page import Web

log = logging.getLogger(__name__)
LIMIT = 2.0  # seconds a slot may take
FAILURES, WINDOW = 5, 600.0


@dataclass(slots=True)
class Breaker:
    """Stops asking a slot that failed five times in ten minutes, for ten minutes."""

    clock: Callable[[], float] = time.monotonic
    failed: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=FAILURES)))
    open_until: dict[str, float] = field(default_factory=dict)

    def closed(self, key: str) -> bool:
        """Return whether the slot may be asked."""
        return self.open_until.get(key, 0.0) <= self.clock()

    def failure(self, key: str) -> None:
        """Note a failure; the fifth within the window stops the slot."""
        now = self.clock()
        times = self.failed[key]
        times.append(now)
        if len(times) == FAILURES and now - times[0] <= WINDOW:
            self.open_until[key] = now + WINDOW
            times.clear()
            log.warning("slot %s failed %s times, not asked for %s s", key, FAILURES, int(WINDOW))


def slots_at(web: Web, actor: Actor | None, place: str, entity: str = "") -> list[Slot]:
    """Return the slots of a place that the actor may see, in order."""
    return sorted(
        (
            s
            for s in web.registry.gather(hookspecs.crm_slots)
            if s.place == place
            and (not s.entity or s.entity == entity)
            and (not s.permission or (actor is not None and actor.may(s.permission)))
        ),
        key=lambda s: s.order,
    )


def slot_markup(web: Web, context: Mapping[str, Any], place: str, values: Mapping[str, Any]) -> Markup:
    """Return a place's content: query-free templates in line, everything else by one request for all."""
    entity = str(values.get("entity", ""))
    found = slots_at(web, context.get("actor"), place, entity)
    parts = [_inline(web, context, s, values) for s in found if s.template]
    if any(s.src for s in found):
        address = f"/slots/{quote(place)}?" + urlencode({k: str(v) for k, v in values.items() if isinstance(v, str)})
        parts.append(
            Markup(
                '<div class="slot-wait card" hx-get="{}" hx-trigger="load" hx-swap="outerHTML">'
                '<div class="card-body"><div class="skeleton"></div><div class="skeleton"></div></div></div>'
            ).format(address)
        )
    return Markup().join(parts)


def _inline(web: Web, context: Mapping[str, Any], slot: Slot, values: Mapping[str, Any]) -> Markup:
    locale = context["actor"].locale if context.get("actor") else "en"
    try:
        return Markup(web.templates.render(slot.template, locale, {**context, **values, "slot_item": slot}))  # noqa: S704
    except Exception:
        log.exception("slot template %s at %s failed", slot.template, slot.place)
        web.breaker.failure(slot.template)
        return broken(web, locale, slot)


def broken(web: Web, locale: str, slot: Slot) -> Markup:
    """Return the notice shown in place of a slot that failed."""
    return Markup(web.templates.render("core/_slot_failed.html", locale, {"slot_item": slot}))  # noqa: S704


async def filled(web: Web, request: Request[Any, Any, Any], actor: Actor, locale: str, place: str, entity: str) -> str:
    """Return the content of all `src` slots of a place, asked at the same time, each on its own."""
    found = [s for s in slots_at(web, actor, place, entity) if s.src]
    return "".join(await asyncio.gather(*(_one(web, request, locale, s) for s in found)))


async def _one(web: Web, request: Request[Any, Any, Any], locale: str, slot: Slot) -> str:
    if not web.breaker.closed(slot.src):
        return broken(web, locale, slot)
    query = request.query_params
    address = slot.src
    for name in ("entity", "id", "at"):
        address = address.replace(f"{{{name}}}", quote(query.get(name, ""), safe=""))
    try:
        status, body = await asyncio.wait_for(inside(request, address), LIMIT)
    except Exception as error:  # noqa: BLE001 - whatever a plugin does, the page stays
        log.warning("slot %s failed: %r", slot.src, error)
        status, body = 500, ""
    if status in (204, 403, 404):  # nothing for this actor: not a fault
        return ""
    if status != 200:
        web.breaker.failure(slot.src)
        return broken(web, locale, slot)
    return body


async def inside(request: Request[Any, Any, Any], address: str) -> tuple[int, str]:
    """GET one of our own addresses with the cookies of `request`; return status and body."""
    path, _, query = address.partition("?")
    outer: Any = request.scope
    scope: dict[str, Any] = {
        key: outer[key]
        for key in ("type", "asgi", "http_version", "scheme", "server", "client", "root_path", "headers", "extensions")
        if key in outer
    }
    drop = (b"content-length", b"content-type", b"hx-target", b"hx-source")
    scope |= {
        "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(), "state": {},
        "headers": [(k, v) for k, v in scope["headers"] if k not in drop],
    }  # fmt: skip
    status = 500
    chunks: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    await request.app(scope, receive, send)  # type: ignore[arg-type]  # an ASGI scope of our own making
    return status, b"".join(chunks).decode()
