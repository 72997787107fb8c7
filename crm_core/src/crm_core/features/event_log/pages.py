"""Pages of the event log, for administrators."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm_core.entity.query import labels
from crm_core.features.event_log import queries
from crm_core.features.event_log.schemas import EventOut
from crm_core.i18n import Strings
from crm_core.plugin import Ref
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, page

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]
DAYS = ((1, _("Last day")), (7, _("Last week")), (30, _("Last month")), (0, _("All")))


class EventPages(PageController):
    """The event log."""

    path = "/admin/events"
    permission = "core.events.read"

    @get()
    async def show_all(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with events, newest first."""
        wanted = queries.wanted(request.query_params)
        found = await queries.events_wanted(uow, wanted)
        narrowed = {"type": wanted.type, "record": wanted.record, "actor": wanted.actor, "cause": wanted.cause or ""}
        given = {**narrowed, "days": wanted.days}
        return await page(
            request, uow, "core/events.html", events=found.items, next=found.next, given=given, days=DAYS,
            address=urlencode({k: v for k, v in given.items() if v != ""}), narrowed=any(narrowed.values()),
            types=queries.types(uow), names=await names(uow, found.items), paths=paths(uow),
        )  # fmt: skip

    @get("/{event_id:uuid}")
    async def show(self, request: AnyRequest, uow: Uow, event_id: FromPath[UUID]) -> Response[Any]:
        """Answer with one event and its payload."""
        found = await queries.event_of(uow, event_id)
        payload = found.payload or {}
        before, after = payload.get("before") or {}, payload.get("after") or {}
        changed = sorted({*before, *after}) if {"before", "after"} & set(payload) else []
        return await page(
            request, uow, "core/event.html", event=found, before=before, after=after, changed=changed,
            names=await names(uow, [found]), paths=paths(uow),
        )  # fmt: skip


def paths(uow: UnitOfWork) -> dict[str, str]:
    """Return entity -> path, for links to records."""
    return {e.name: e.path for e in uow.registry.entities.values()}


async def names(uow: UnitOfWork, events: Iterable[EventOut]) -> dict[str, str]:
    """Return how actors ("user:<id>") and records ("entity:<id>") of events are called, as far as one may know."""
    refs: dict[str, Ref] = {}
    for event in events:
        kind, _colon, key = event.actor.partition(":")
        if kind in ("user", "token"):
            try:
                refs[event.actor] = Ref("core.user", UUID(key))
            except ValueError:
                continue
        if event.entity is not None and event.entity in uow.registry.entities and event.record_id is not None:
            refs[f"{event.entity}:{event.record_id}"] = Ref(event.entity, event.record_id)
    titles = await labels(uow, set(refs.values())) if refs else {}
    return {text: titles[ref] for text, ref in refs.items() if titles.get(ref)}
