"""What all loaded plugins declared, composed once and frozen. Requests read this, never pluggy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from crm_core.entity.fields import Link
from crm_core.errors import StartupError
from crm_core.plugin import declare as d
from crm_core.plugin import hookspecs

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin as `crm plugins` shows it. state: loaded, disabled, failed."""

    name: str
    package: str
    distribution: str = ""
    version: str = ""
    title: str = ""
    state: str = "loaded"
    reason: str = ""
    hooks: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()
    builtin: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """Read-only; made by the loader. plans: what `entity.plans` works out, kept as long as the registry.

    custom: custom fields by entity, archived ones included; version tells registries with other ones apart.
    """

    values: Mapping[str, tuple[Any, ...]]
    plugins: tuple[PluginInfo, ...]
    entities: Mapping[str, d.Entity] = field(default_factory=dict)
    by_path: Mapping[str, d.Entity] = field(default_factory=dict)
    by_model: Mapping[type, d.Entity] = field(default_factory=dict)
    extensions: Mapping[str, tuple[d.FieldOn, ...]] = field(default_factory=dict)
    reverses: Mapping[str, tuple[tuple[d.Entity, Any], ...]] = field(default_factory=dict)
    actions: Mapping[str, Mapping[str, d.Action]] = field(default_factory=dict)
    events: Mapping[type, d.EventType] = field(default_factory=dict)
    listeners: Mapping[str, tuple[d.Listener, ...]] = field(default_factory=dict)
    jobs: Mapping[type, d.Job] = field(default_factory=dict)
    jobs_by_name: Mapping[str, d.Job] = field(default_factory=dict)
    plans: dict[str, Any] = field(default_factory=dict)
    custom: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    version: int = 0

    def gather(self, hook: Callable[[], Sequence[T]]) -> tuple[T, ...]:
        """Return everything plugins gave for a hook, e.g. `gather(hookspecs.crm_nav)`."""
        return self.values.get(hook.__name__, ())

    def entity(self, name: str) -> d.Entity:
        """Return an entity by name; KeyError if no loaded plugin has it."""
        return self.entities[name]

    def fields(self, entity: d.Entity) -> tuple[Any, ...]:
        """Return own and extension fields of an entity."""
        more = self.extensions.get(entity.name)
        return entity.fields + tuple(e.field for e in more) if more else entity.fields

    def listeners_of(self, event: str) -> tuple[d.Listener, ...]:
        """Return the listeners of an event name, those of "*" included."""
        return self.listeners.get(event, ()) + self.listeners.get("*", ())

    def package_names(self) -> tuple[str, ...]:
        """Return import packages with templates, static files and locales, core first."""
        return ("crm_core", *(p.package for p in self.plugins if not p.builtin and p.state == "loaded"))


def unique(kind: str, pairs: Iterable[tuple[Any, T]]) -> Mapping[Any, T]:
    """Return a read-only dict; StartupError when two plugins claim the same key."""
    found: dict[Any, T] = {}
    for key, value in pairs:
        if key in found:
            raise StartupError(f"{kind} {key!r} is declared twice")
        found[key] = value
    return MappingProxyType(found)


def group(pairs: Iterable[tuple[Any, T]]) -> Mapping[Any, tuple[T, ...]]:
    """Return key -> tuple of values in order."""
    found: dict[Any, list[T]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return MappingProxyType({k: tuple(v) for k, v in found.items()})


def job_name(job: d.Job, package: str) -> str:
    """Return the stored name of a job: "<plugin>.<call in snake case>"."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in job.call.__name__).lstrip("_")
    return job.name or f"{package}.{snake}"


def build(values: Mapping[str, tuple[Any, ...]], plugins: tuple[PluginInfo, ...]) -> Registry:
    """Compose the registry; StartupError names the first clash."""

    def get(hook: Any) -> tuple[Any, ...]:
        return values.get(hook.__name__, ())

    entities = get(hookspecs.crm_entities)
    by_name = unique("entity", ((e.name, e) for e in entities))
    linking = [(e, f) for e in entities for f in e.fields]
    linking += [(by_name[x.entity], x.field) for x in get(hookspecs.crm_fields) if x.entity in by_name]
    reverses = [(f.target, (e, f)) for e, f in linking if isinstance(f, Link) and f.reverse and f.target in by_name]
    actions = group((a.entity, a) for a in get(hookspecs.crm_actions))

    def package(call: type) -> str:
        return call.__module__.partition(".")[0].removeprefix("crm_")

    jobs = get(hookspecs.crm_jobs)
    for hook in (hookspecs.crm_permissions, hookspecs.crm_settings, hookspecs.crm_events, hookspecs.crm_defaults,
                 hookspecs.crm_notification_kinds):  # fmt: skip
        unique(hook.__name__, ((v.name, v) for v in get(hook)))
    extended = group((x.entity, x) for x in get(hookspecs.crm_fields))
    for name, found in extended.items():
        own = by_name[name].fields if name in by_name else ()
        unique(f"field of {name}", ((x.name, x) for x in (*own, *(e.field for e in found))))
    return Registry(
        values=MappingProxyType(dict(values)),
        plugins=plugins,
        entities=by_name,
        by_path=unique("path", ((e.path, e) for e in entities)),
        by_model=unique("model", ((e.model, e) for e in entities)),
        extensions=extended,
        reverses=group(reverses),
        actions={e: unique(f"action of {e}", ((a.name, a) for a in found)) for e, found in actions.items()},
        events=unique("event", ((t.struct, t) for t in get(hookspecs.crm_events))),
        listeners=group((x.event, x) for x in get(hookspecs.crm_listeners)),
        jobs=unique("job", ((j.call, j) for j in jobs)),
        jobs_by_name=unique("job", ((job_name(j, package(j.call)), j) for j in jobs)),
    )
