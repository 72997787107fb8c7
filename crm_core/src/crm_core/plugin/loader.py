"""Finds plugins, registers them in dependency order, and survives the broken ones."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from sqlalchemy.orm import configure_mappers

from crm_core.config import Config
from crm_core.db.model import metadata
from crm_core.errors import StartupError
from crm_core.plugin import hookspecs
from crm_core.plugin.registry import PluginInfo, Registry, build

log = logging.getLogger(__name__)

GROUP, BRIDGES = "crm.plugins", "crm.bridges"
RESERVED = frozenset({"core", "api", "static", "auth", "admin", "content", "public", "dev"})
BUILT_IN = (
    "organisation", "users", "teams", "roles", "session", "money", "tags", "companies", "contacts", "leads",
    "deals", "activities", "comments", "files", "imports", "views",
)  # fmt: skip


@dataclass(slots=True)
class Found:
    """An entry point with the distribution that has it."""

    name: str
    point: EntryPoint
    dist: Distribution

    @property
    def key(self) -> str:
        return canonicalize_name(self.dist.metadata["Name"])

    def needs(self) -> list[Requirement]:
        found = []
        for line in self.dist.requires or ():
            try:
                found.append(Requirement(line))
            except InvalidRequirement:
                log.warning("%s: requirement %r is not readable", self.name, line)
        return found


def discover() -> tuple[list[Found], dict[str, list[tuple[str, EntryPoint]]]]:
    """Return plugins in dependency order, and bridges by owner: neighbour name and entry point."""
    plugins: list[Found] = []
    bridges: dict[str, list[tuple[str, EntryPoint]]] = {}
    seen: set[str] = set()
    for dist in distributions():
        key = canonicalize_name(dist.metadata["Name"] or "")
        if not key or key in seen:
            continue
        seen.add(key)
        own = [Found(p.name, p, dist) for p in dist.entry_points if p.group == GROUP]
        plugins += own
        for point in dist.entry_points:
            if point.group == BRIDGES and own:
                bridges.setdefault(own[0].name, []).append((point.name, point))
    return in_order(plugins), bridges


def in_order(plugins: Iterable[Found]) -> list[Found]:
    """Sort by requirements between plugin distributions; names break ties, cycles stay in name order."""
    waiting = sorted(plugins, key=lambda f: f.name)
    keys = {f.key for f in waiting}
    done: list[Found] = []
    while waiting:
        ready = {f.key for f in done}
        for found in waiting:
            if all(n in ready or n == found.key for r in found.needs() if (n := canonicalize_name(r.name)) in keys and not r.marker):
                break
        else:
            found = waiting[0]
        waiting.remove(found)
        done.append(found)
    return done


class Loader:
    """Loads plugins into one pluggy manager and builds the registry. Used once per process start."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.manager = pluggy.PluginManager("crm")
        self.manager.add_hookspecs(hookspecs)
        self.infos: list[PluginInfo] = []
        self.values: dict[str, list[Any]] = {}
        self.offering: set[str] = set()

    def load(self, extra: Iterable[tuple[str, Any]] = ()) -> Registry:
        """Load built-in features, installed plugins and `extra` (name, module) pairs given by tests.

        Raises StartupError when core itself, a required plugin, or (strict) any plugin cannot load.
        """
        for name in BUILT_IN:
            if find_spec(f"crm_core.features.{name}") is None:
                continue
            module = f"crm_core.features.{name}.plugin"
            info = PluginInfo(name, f"crm_core.features.{name}", "crm-core", _version("crm-core"), builtin=True)
            self._register(info, lambda m=module: import_module(m), strict=True)
        found, bridges = discover()
        for plugin in found:
            self._plugin(plugin, bridges.get(plugin.name, []))
        for name, module in extra:
            self._register(PluginInfo(name, module.__name__.partition(".")[0], title=name), lambda m=module: m)
        self._demand()
        return build({k: tuple(v) for k, v in self.values.items()}, tuple(self.infos))

    def _plugin(self, found: Found, bridges: list[tuple[str, EntryPoint]]) -> None:
        package = found.point.module.partition(".")[0]
        info = PluginInfo(found.name, package, found.dist.metadata["Name"], found.dist.version)
        if found.name in self.config.disabled:
            self.infos.append(replace(info, state="disabled", reason="disabled in crm.toml"))
            return
        if problem := self._refuse(found, package):
            self._failed(info, problem)
            return
        self._register(info, found.point.load, bridges=bridges)

    def _refuse(self, found: Found, package: str) -> str:
        if found.name in RESERVED or any(i.name == found.name for i in self.infos):
            return f"the name {found.name!r} is reserved or taken"
        if package != f"crm_{found.name}":
            return f"its package must be named crm_{found.name}, not {package}"
        for need in found.needs():
            if canonicalize_name(need.name) == "crm-core" and not need.specifier.contains(_version("crm-core"), prereleases=True):
                return f"needs crm-core{need.specifier}, installed is {_version('crm-core')}"
        return ""

    def _register(self, info: PluginInfo, load: Any, *, strict: bool = False, bridges: Any = ()) -> None:
        tables = set(metadata.tables)
        modules = []
        try:
            module = load()
            modules.append(module)
            self._hooks(module, info)
            used: list[str] = []
            for neighbour, point in bridges:
                if any(i.name == neighbour and i.state == "loaded" for i in self.infos):
                    bridge = point.load()
                    modules.append(bridge)
                    self._hooks(bridge, info)
                    used.append(neighbour)
            configure_mappers()
            values = self._collect(modules, info)
            build({k: (*self.values.get(k, ()), *values.get(k, ())) for k in {*self.values, *values}}, ())
        except Exception as error:
            if strict:
                raise StartupError(f"built-in feature {info.name} cannot load: {_say(error)}") from error
            self._undo(modules, info, tables)
            self._failed(info, _say(error), error)
            return
        for name, found in values.items():
            self.values.setdefault(name, []).extend(found)
        title = (import_module(info.package).__doc__ or info.name).strip().partition("\n")[0]
        offers = tuple(n for n in dir(self._offered(info)) if n.startswith(f"crm_{info.name}_")) if not info.builtin else ()
        self.infos.append(replace(info, title=info.title or title, hooks=tuple(sorted(values)), offers=offers, bridges=tuple(used)))

    def _offered(self, info: PluginInfo) -> Any:
        try:
            return import_module(f"{info.package}.hookspecs")
        except ModuleNotFoundError as error:
            if error.name != f"{info.package}.hookspecs":
                raise
            return None

    def _hooks(self, module: Any, info: PluginInfo) -> None:
        offered = None if info.builtin else self._offered(info)
        if offered is not None and info.name not in self.offering:
            self.manager.add_hookspecs(offered)
            self.offering.add(info.name)
        self.manager.register(module, module.__name__)
        self.manager.check_pending()

    def _collect(self, modules: list[Any], info: PluginInfo) -> dict[str, list[Any]]:
        values: dict[str, list[Any]] = {}
        for module in modules:
            for caller in self.manager.get_hookcallers(module) or ():
                given = next(i for i in caller.get_hookimpls() if i.plugin is module).function()
                if given is None or isinstance(given, str):
                    raise TypeError(f"{caller.name} of {info.name} must return a sequence, not {given!r}")
                values.setdefault(caller.name, []).extend(given)
        if not info.builtin:
            self._prefixes(values, info)
        return values

    def _prefixes(self, values: dict[str, list[Any]], info: PluginInfo) -> None:
        """Everything a plugin owns starts with its name."""
        for hook, attribute in (("crm_entities", "name"), ("crm_permissions", "name"), ("crm_events", "name")):
            for value in values.get(hook, ()):
                if not getattr(value, attribute).startswith(f"{info.name}."):
                    raise ValueError(f"{hook}: {getattr(value, attribute)!r} must start with '{info.name}.'")
        for entity in values.get("crm_entities", ()):
            if not entity.model.__tablename__.startswith(f"{info.name}_"):
                raise ValueError(f"table {entity.model.__tablename__!r} must start with '{info.name}_'")

    def _undo(self, modules: list[Any], info: PluginInfo, tables: set[str]) -> None:
        """Take a failed plugin out again: its hooks, its mappers and its tables."""
        for module in modules:
            if self.manager.is_registered(module):
                self.manager.unregister(module)
        for name in set(metadata.tables) - tables:
            metadata.remove(metadata.tables[name])
        _dispose(info.package)

    def _failed(self, info: PluginInfo, reason: str, error: Exception | None = None) -> None:
        log.error("plugin %s is not loaded: %s", info.name, reason, exc_info=error)
        self.infos.append(replace(info, state="failed", reason=reason))

    def _demand(self) -> None:
        loaded = {i.name for i in self.infos if i.state == "loaded"}
        if missing := [n for n in self.config.required if n not in loaded]:
            reasons = {i.name: i.reason for i in self.infos}
            raise StartupError("required plugin " + "; ".join(f"{n}: {reasons.get(n, 'not installed')}" for n in missing))
        failed = [i for i in self.infos if i.state == "failed"]
        if failed and self.config.strict_plugins:
            raise StartupError("; ".join(f"plugin {i.name}: {i.reason}" for i in failed))


def _dispose(package: str) -> None:
    """Dispose the mapper registries made in a package; one bad model would break every mapper."""
    from sqlalchemy.orm import registry as orm_registry
    from sqlalchemy.orm.mapper import _mapper_registries  # no public way to list registries

    for reg in [r for r in list(_mapper_registries) if isinstance(r, orm_registry)]:
        if any(m.class_.__module__.partition(".")[0] == package for m in list(reg.mappers)):
            reg.dispose()


def _say(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


def load(config: Config, extra: Iterable[tuple[str, Any]] = ()) -> Registry:
    """Return the registry of everything installed and enabled."""
    return Loader(config).load(extra)
