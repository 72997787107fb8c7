"""What one plugin declared, told from what others did, and what is wrong with it."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from packaging.utils import canonicalize_name

from crm_core.auth.actor import system
from crm_core.config import Config
from crm_core.db.model import metadata
from crm_core.db.packages import Package, packages
from crm_core.entity import filters
from crm_core.errors import CrmError
from crm_core.features.privacy import public as privacy
from crm_core.features.roles import public as rights
from crm_core.plugin import declare as d
from crm_core.plugin import fields as f
from crm_core.plugin import hookspecs
from crm_core.plugin import operating as o
from crm_core.plugin.loader import discover, load
from crm_core.plugin.registry import PluginInfo, Registry

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.testing.databases import Databases

PEOPLE = ("core.contact", "core.lead", "core.user")
ON_ERASE = ("clear", "delete", "keep")
# What differs between two databases with the same content.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LONGEST_TRANSPORT = 64
NOT_CONTENT = ("id", "created_at", "updated_at", "version")


@dataclass(frozen=True, slots=True)
class Declared:
    """One plugin's part of the registry; `package` and `others` are those with migrations."""

    info: PluginInfo
    entities: tuple[d.Entity, ...]
    actions: tuple[d.Action, ...]
    events: tuple[d.EventType, ...]
    settings: tuple[d.SettingsGroup, ...]
    permissions: tuple[d.Permission, ...]
    defaults: tuple[d.Default, ...]
    demo_data: tuple[o.DemoData, ...]
    checks: tuple[o.Check, ...]
    retention: tuple[o.Retention, ...]
    transports: tuple[o.MailTransport, ...]
    sinks: tuple[o.EventSink, ...]
    scopes: tuple[o.ConnectionScope, ...]
    jobs: tuple[d.Job, ...]
    routes: tuple[type, ...]
    package: Package | None
    others: tuple[Package, ...]

    @property
    def structs(self) -> list[type[msgspec.Struct]]:
        """Return every struct that is stored or comes from outside."""
        params = [a.params for a in self.actions if a.params is not None]
        return [
            *(e.struct for e in self.events),
            *(j.call for j in self.jobs),
            *(g.struct for g in self.settings),
            *params,
        ]


def of(registry: Registry, info: PluginInfo) -> Declared:
    """Return what the plugin declared: by its name, or by the package the code is in."""

    def named(hook: Any) -> tuple[Any, ...]:
        return tuple(v for v in registry.gather(hook) if v.name.startswith(f"{info.name}."))

    def inside(hook: Any, code: Any) -> tuple[Any, ...]:
        return tuple(v for v in registry.gather(hook) if f"{code(v).__module__}.".startswith(f"{info.package}."))

    every = packages(registry)
    return Declared(
        info=info,
        entities=named(hookspecs.crm_entities),
        actions=inside(hookspecs.crm_actions, lambda a: a.run),
        events=named(hookspecs.crm_events),
        settings=named(hookspecs.crm_settings),
        permissions=named(hookspecs.crm_permissions),
        defaults=named(hookspecs.crm_defaults),
        demo_data=named(hookspecs.crm_demo_data),
        checks=named(hookspecs.crm_checks),
        retention=inside(hookspecs.crm_retention, lambda r: r.delete),
        transports=inside(hookspecs.crm_mail_transports, lambda t: t.send),
        sinks=inside(hookspecs.crm_event_sinks, lambda s: s.send),
        scopes=registry.gather(hookspecs.crm_connection_scopes),  # nothing of them tells whose they are
        jobs=inside(hookspecs.crm_jobs, lambda j: j.run),
        routes=inside(hookspecs.crm_routes, lambda c: c),
        package=next((p for p in every if p.name == info.name), None),
        others=tuple(p for p in every if p.name != info.name),
    )


def alone(config: Config, extra: Sequence[tuple[str, ModuleType]], name: str) -> Registry:
    """Load a plugin with what it requires and nothing else; StartupError if that fails."""
    found, _bridges = discover()
    by_key = {p.key: p for p in found}
    wanted, waiting = {name}, [p for p in found if p.name == name]
    while waiting:
        for need in waiting.pop().needs():
            other = by_key.get(canonicalize_name(need.name))
            if other is not None and not need.marker and other.name not in wanted:
                wanted.add(other.name)
                waiting.append(other)
    others = frozenset(p.name for p in found) - wanted
    return load(config.but(disabled=others, strict_plugins=True), [e for e in extra if e[0] == name])


def sink_faults(mine: Declared) -> Iterator[str]:
    """Name what the sinks' runner could not work with: whom to call, with how much, for how long."""
    for sink in mine.sinks:
        if not sink.name.removeprefix(f"{mine.info.name}.").strip():
            yield f"{sink.name!r}: its position is stored under its name"
        if not _takes_one(sink.send):
            yield f"{sink.name}: send is no `async def` of one batch"
        if sink.active is not None and not _takes_one(sink.active):
            yield f"{sink.name}: active is no `async def` of one unit of work"
        if sink.batch < 1 or sink.time_limit <= 0:
            yield f"{sink.name}: batch and time_limit are more than 0"


def transport_faults(mine: Declared) -> Iterator[str]:
    """Name mail transports that cannot be chosen or called."""
    for transport in mine.transports:
        if not transport.name.strip() or len(transport.name) > LONGEST_TRANSPORT:
            yield f"{transport.name!r}: a name of 1 to {LONGEST_TRANSPORT} characters is stored with each mail"
        if not _takes_one(transport.send):
            yield f"{transport.name}: send is no `async def` of one outgoing mail"


def scope_faults(mine: Declared) -> Iterator[str]:
    """Name scopes that no provider could be asked for: they are sent with spaces between them."""
    for one in mine.scopes:
        if not one.provider.strip():
            yield f"{one.scopes}: names no provider (the kind or the key of one)"
        if not one.scopes:
            yield f"{one.provider}: asks for nothing"
        yield from (f"{one.provider}: {s!r} is no scope" for s in one.scopes if not s or s.split() != [s])


def _takes_one(run: Any) -> bool:
    called = run if inspect.isroutine(run) else type(run).__call__
    try:
        inspect.signature(run).bind(object())
    except TypeError:
        return False
    return inspect.iscoroutinefunction(called)


async def retention_faults(kernel: Kernel, mine: Declared) -> AsyncIterator[str]:
    """Try each kind where there is nothing so old: a dry run reads only, deleting deletes nothing."""
    for kind in mine.retention:
        if kind.days < 0 or not str(kind.label):
            yield f"{kind.name}: days are 0 (for ever) or more, and the settings show a label"
        async with kernel.read(system("test")) as uow:
            counted = await kind.count(uow, LONG_AGO)
        async with kernel.write(system("test")) as uow:
            deleted = await kind.delete(uow, LONG_AGO, 1)
        if (counted, deleted) != (0, 0):
            yield f"{kind.name}: counts {counted} and deletes {deleted} of the time before {LONG_AGO:%Y}"


def entity_faults(entity: d.Entity) -> Iterator[str]:
    """Name what does not fit between an entity and its model."""
    attributes = {a.key for a in sa.inspect(entity.model).column_attrs}
    names = {x.name for x in entity.fields}
    for field in entity.fields:
        for column in field.columns:
            if column not in attributes:
                yield f"{entity.name}.{field.name}: the model has no {column}"
        if isinstance(field, f.Text) and field.sortable and f"{field.name}_f" not in attributes:
            yield f"{entity.name}.{field.name}: sortable text needs the twin {field.name}_f"
    known = names | {"created_at", "updated_at", "owner_id", "team_id"}
    shown = (entity.title, *entity.list_columns, *entity.match_by, entity.default_sort.lstrip("-") or entity.title)
    yield from (f"{entity.name}: there is no field {n}" for n in shown if n.partition(".")[0] not in known)
    for child in entity.children:
        if not hasattr(child.model, child.foreign_key):
            yield f"{entity.name}.{child.name}: its model has no {child.foreign_key}"


def rights_faults(registry: Registry, entity: d.Entity) -> Iterator[str]:
    """Name what keeps a role from being given rights on an entity, or its work from being handed over."""
    if entity.parent:
        link = entity.field(entity.parent)
        if not isinstance(link, f.Link) or link.target not in registry.entities:
            yield f"{entity.name}: parent {entity.parent!r} is no link to an entity, so nobody has rights on it"
    elif entity not in rights.grid(registry):
        yield f"{entity.name}: not in the grid of roles"
    elif tuple(rights.row(entity, {}, "en").verbs) != d.VERBS:
        yield f"{entity.name}: its row of the grid lacks verbs"
    if entity.open_when is not None:
        try:
            filters.parse(registry, system("contract"), entity, entity.open_when)
        except CrmError as error:
            yield f"{entity.name}: open_when is no filter: {error}"
    for role, reach in entity.roles.items():
        scope, _colon, verbs = reach.partition(":")
        unknown = [v.strip() for v in verbs.split(",") if v.strip() and v.strip() not in d.VERBS]
        if scope not in ("own", "team", "all") or unknown:
            yield f"{entity.name}: roles[{role!r}] = {reach!r} is no scope with verbs"


def privacy_faults(mine: Declared, registry: Registry) -> list[str]:
    """Name declarations that exporting and erasing a person would miss."""
    faults = []
    for entity in mine.entities:
        rows = [(entity.name, x, False) for x in entity.fields]
        rows += [(f"{entity.name}.{c.name}", x, c.personal) for c in entity.children for x in c.fields]
        for owner, field, covered in rows:
            if isinstance(field, f.Email | f.Phone) and not field.personal and not covered:
                faults.append(f"{owner}.{field.name}: an address of a person is personal=True")
            if isinstance(field, f.Link | f.Links) and field.target in PEOPLE and field.on_erase not in ON_ERASE:
                faults.append(f"{owner}.{field.name}: on_erase is one of {', '.join(ON_ERASE)}")
    for event in mine.events:
        known = {x.name for x in msgspec.structs.fields(event.struct)}
        faults += [f"{event.name}: personal names {n}, which it lacks" for n in event.personal if n not in known]
    tables = [t for t in metadata.sorted_tables if t.name.startswith(f"{mine.info.name}_")]
    undecided = privacy.undecided(registry, tables)
    return [*faults, *(f"{c}: info={{'erase': ...}} says what becomes of the words in it" for c in undecided)]


async def demo_rows(kernel: Kernel, mine: Declared, as_of: date) -> dict[str, list[str]]:
    """Load all sample data of this day and return the content of the plugin's tables, ids and times left out."""
    from crm_core.defaults import load_defaults, load_demo

    kernel.db.write_limit = None  # as `crm demo` does: nobody else is waiting for the writer
    await load_defaults(kernel)
    await load_demo(kernel, as_of)
    rows = {}
    async with kernel.read(system("test")) as uow:
        for table in (t for t in metadata.sorted_tables if t.name.startswith(f"{mine.info.name}_")):
            links = {c.name for c in table.columns if c.foreign_keys}
            plain = [c for c in table.columns if c.name not in (*NOT_CONTENT, *links) and not c.name.endswith("_id")]
            found = (await uow.session.execute(sa.select(*plain))).all() if plain else []
            rows[table.name] = sorted(repr(tuple(r)) for r in found)
    return rows


@asynccontextmanager
async def another(kernel: Kernel, databases: Databases, dialect: str, folder: Path) -> AsyncIterator[Kernel]:
    """Open a second installation with the same plugins and a database of its own."""
    from crm_core.kernel import open_kernel

    url = databases.migrated(dialect, folder, packages(kernel.registry))
    made = await open_kernel(kernel.config.but(folder=folder, database_url=url), registry=kernel.registry)
    try:
        yield made
    finally:
        await made.close()
        databases.drop(url)
