"""Finding things: the search page, the command palette, and the options of links to any record."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm_core.entity import access, search
from crm_core.entity.folding import fold
from crm_core.errors import CrmError
from crm_core.i18n import Strings, Text
from crm_core.uow import UnitOfWork
from crm_core.web import PageController, htmx
from crm_core.web.action_pages import action_verbs, offered
from crm_core.web.display import noun
from crm_core.web.inputs import is_id
from crm_core.web.page import page, web_of
from crm_core.web.record_pages import verbs_on
from crm_core.web.views import may

_ = Strings("crm_core")
AnyRequest = Request[Any, Any, Any]
Uow = NamedDependency[UnitOfWork]


@dataclass(frozen=True, slots=True)
class Found:
    """One line of results: a record, a page or something to do."""

    icon: str
    title: Text | str
    href: str
    kind: Text | str = ""


class SearchPages(PageController):
    """Search over all kinds of records, for people."""

    signed_in = True

    @get("/search")
    async def search_page(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with records of all kinds that the actor may see; the best first, grouped by kind."""
        text = request.query_params.get("q", "").strip()
        only = request.query_params.get("of", "")
        entities = [only] if only in uow.registry.entities else None
        hits = await records_found(uow, text, 50, entities)
        kinds = [e for e in uow.registry.entities.values() if not e.parent and may(uow, e, "read") and _searched(e)]
        return await page(request, uow, "core/search.html", q=text, hits=hits, kinds=kinds, of=only)

    @get("/palette")
    async def palette(self, request: AnyRequest, uow: Uow) -> Response[Any]:
        """Answer with what fits the typed words: what can be done with the record on the page, places, records."""
        text = request.query_params.get("q", "").strip()
        words = fold(text).split()
        offers = [*await _to_do(request, uow), *_places(request, uow)]
        places = [p for p in offers if all(w in fold(_shown(p, uow.locale)) for w in words)]
        hits = await records_found(uow, text, 8)
        found = [*places[:8], *hits] if words else places
        template = "core/_palette.html"
        if not htmx.is_partial(request):
            template = "core/search.html"
        return await page(request, uow, template, found=found, q=text, hits=hits, kinds=[], of="")

    @get("/pick")
    async def pick_any(self, request: AnyRequest, uow: Uow) -> dict[str, Any]:
        """Answer with records of any (or the named) kinds as options of a link."""
        text = request.query_params.get("q", "").strip()
        kinds = [n for n in request.query_params.get("of", "").split(",") if n in uow.registry.entities]
        hits = await search.search(uow, text, entities=kinds or None, limit=20) if text else []
        label = {e.name: e.label.to(uow.locale) for e in uow.registry.entities.values()}
        return {
            "items": [{"value": f"{h.entity}:{h.id}", "text": f"{h.title} · {label.get(h.entity, '')}"} for h in hits]
        }


def _searched(entity: Any) -> bool:
    return any(x.search for x in entity.fields)


async def records_found(uow: UnitOfWork, text: str, limit: int, entities: list[str] | None = None) -> list[Found]:
    """Return records whose words start with what was typed."""
    if not text:
        return []
    found = []
    for hit in await search.search(uow, text, entities=entities, limit=limit):
        entity = uow.registry.entities.get(hit.entity)
        if entity is not None:
            found.append(Found(entity.icon, hit.title or "–", f"/{entity.path}/{hit.id}", entity.label))
    return found


def _shown(found: Found, locale: str) -> str:
    return found.title.to(locale) if isinstance(found.title, Text) else found.title


def _places(request: AnyRequest, uow: UnitOfWork) -> list[Found]:
    web = web_of(request)
    found = [Found("home", _("Home"), "/"), *(Found(n.icon, n.label, n.href) for n in web.nav_of(uow.actor))]
    found += [
        Found("plus", _("New {noun}", noun=noun(e.label.to(uow.locale), uow.locale)), f"/{e.path}/new")
        for e in uow.registry.entities.values()
        if e.in_menu and not e.parent and may(uow, e, "create")
    ]
    return [*found, Found("settings", _("Settings"), "/settings")]


async def _to_do(request: AnyRequest, uow: UnitOfWork) -> list[Found]:
    """Return the actions possible now on the record whose page the palette was opened on; none elsewhere."""
    try:
        words = urlsplit(request.headers.get("hx-current-url", "")).path.split("/")
    except ValueError:
        return []
    entity = uow.registry.by_path.get(words[1]) if len(words) > 2 else None
    if entity is None or not is_id(words[2]):
        return []
    try:
        record = await access.get(uow, entity, UUID(words[2]))
    except CrmError:
        return []
    verbs = await verbs_on(uow, entity, record.id, action_verbs(uow, entity))
    title = str(getattr(record, entity.title, None) or "–")
    actions = await offered(uow, entity, record, verbs)
    return [Found(a.icon, a.label, f"/{entity.path}/{record.id}/do/{a.name}", title) for a in actions]
