"""Finds plugins, registers them in dependency order, and survives the broken ones."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, distributions
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from sqlalchemy.orm import configure_mappers
from sqlalchemy.orm import registry as orm_registry
from sqlalchemy.orm.mapper import _mapper_registries  # no public way to list registries

from crm_core.config import Config
from crm_core.db.model import metadata
from crm_core.errors import StartupError
from crm_core.plugin import hookspecs
from crm_core.plugin.ownership import check_marks, check_names, check_tables, check_targets, check_values
from crm_core.plugin.registry import PluginInfo, Registry, build

log = logging.getLogger(__name__)

GROUP, BRIDGES = "crm.plugins", "crm.bridges"
RESERVED = frozenset({"core", "api", "static", "auth", "admin", "content", "public", "dev"})
BUILT_IN = (
    "organisation", "users", "teams", "roles", "session", "sso", "password_resets", "invitations", "security_log",
    "money", "tags", "custom_fields", "companies", "contacts", "leads", "pipelines", "deals", "activities",
    "comments", "trash", "files", "people", "merge", "duplicates", "sharing", "handover", "imports", "exports",
    "views", "jobs", "mail", "connections", "search", "settings", "styleguide", "api_docs", "backups", "operations",
    "undo", "event_log", "plugins", "privacy", "sinks", "webhooks", "worktime", "assignment", "approvals",
    "web_forms", "notifications", "favourites", "reminders", "followers", "number_series", "bulk_edit", "home",
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
            if all(
                n in ready or n == found.key
                for r in found.needs()
                if (n := canonicalize_name(r.name)) in keys and not r.marker
            ):
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
        self.keys: dict[str, str] = {}

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
        self.keys = {f.key: f.name for f in found}
        for plugin in found:
            self._plugin(plugin)
        for name, module in extra:
            package = module.__name__.rpartition(".")[0] or module.__name__
            self._register(PluginInfo(name, package), lambda m=module: m)
        for owner, points in bridges.items():
            for neighbour, point in points:
                self._bridge(owner, neighbour, point)
        self._demand()
        return build({k: tuple(v) for k, v in self.values.items()}, tuple(self.infos))

    def _plugin(self, found: Found) -> None:
        package = found.point.module.partition(".")[0]
        info = PluginInfo(found.name, package, found.dist.metadata["Name"], found.dist.version)
        if found.name in self.config.disabled:
            self.infos.append(replace(info, state="disabled", reason="disabled in crm.toml"))
            return
        if problem := self._refuse(found, package):
            self._failed(info, problem)
            return
        self._register(info, found.point.load)

    def _refuse(self, found: Found, package: str) -> str:
        if found.name in RESERVED or any(i.name == found.name for i in self.infos):
            return f"the name {found.name!r} is reserved or taken"
        if package != f"crm_{found.name}":
            return f"its package must be named crm_{found.name}, not {package}"
        for need in found.needs():
            key = canonicalize_name(need.name)
            if need.marker or (key != "crm-core" and key not in self.keys):
                continue
            if not need.specifier.contains(_version(key), prereleases=True):
                return f"needs {key}{need.specifier}, installed is {_version(key)}"
            if key in self.keys and key != found.key and not self._loaded(self.keys[key]):
                return f"needs {key}, which is not loaded"
        return ""

    def _loaded(self, name: str) -> bool:
        return any(i.name == name and i.state == "loaded" for i in self.infos)

    def _register(self, info: PluginInfo, load: Any, *, strict: bool = False) -> None:
        """Load a plugin whole or not at all; `strict` for core's own features."""
        tables = set(metadata.tables)
        modules: list[ModuleType] = []
        try:
            values = self._take(info, load, modules)
        except (Exception, SystemExit) as error:  # whatever a plugin does while it loads, the CRM starts without it
            if strict:
                raise StartupError(f"built-in feature {info.name} cannot load: {_say(error)}") from error
            self._undo(modules, info.package, tables)
            self._failed(info, _say(error), error)
            return
        title = (getattr(sys.modules.get(info.package), "__doc__", None) or info.name).strip().partition("\n")[0]
        offered = None if info.builtin else self._offered(info)
        offers = tuple(n for n in dir(offered) if n.startswith(f"crm_{info.name}_"))
        title = info.title or title.rstrip(".")
        self.infos.append(replace(info, title=title, hooks=tuple(sorted(values)), offers=offers))

    def _bridge(self, owner: str, neighbour: str, point: EntryPoint) -> None:
        """Load a bridge when both ends are loaded; one that cannot is named, and its owner stays without it."""
        if not self._loaded(owner) or not self._loaded(neighbour):
            return
        index = next(n for n, i in enumerate(self.infos) if i.name == owner)
        info, tables, modules = self.infos[index], set(metadata.tables), list[ModuleType]()
        try:
            self._take(info, point.load, modules)
        except (Exception, SystemExit) as error:
            log.error("bridge of %s to %s is not loaded: %s", owner, neighbour, _say(error), exc_info=error)
            self._undo(modules, point.module, tables)
            reason = f"bridge to {neighbour}: {_say(error)}"
            self.infos[index] = replace(info, reason="; ".join(r for r in (info.reason, reason) if r))
            return
        self.infos[index] = replace(info, bridges=(*info.bridges, neighbour))

    def _take(self, info: PluginInfo, load: Any, modules: list[ModuleType]) -> dict[str, list[Any]]:
        """Import a module of hooks, check all it gives, and keep that; `modules` gets it as soon as it is there."""
        module: ModuleType = load()
        modules.append(module)
        self._hooks(module, info)
        configure_mappers()
        values = self._collect(module, info)
        together = build({k: (*self.values.get(k, ()), *values.get(k, ())) for k in {*self.values, *values}}, ())
        if not info.builtin:
            check_targets(values, together.entities)
        for name, found in values.items():
            self.values.setdefault(name, []).extend(found)
        return values

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
        if not info.builtin:
            check_marks(module, [n for n in vars(self.manager.hook) if n.startswith("crm_")])
        self.manager.register(module, module.__name__)
        self.manager.check_pending()

    def _collect(self, module: ModuleType, info: PluginInfo) -> dict[str, list[Any]]:
        values: dict[str, list[Any]] = {}
        for caller in self.manager.get_hookcallers(module) or ():
            given = next(i for i in caller.get_hookimpls() if i.plugin is module).function()
            values.setdefault(caller.name, []).extend(check_values(caller, given))
        if not info.builtin:
            check_names(values, info)
            check_tables([m for r in _registries(info.package) for m in r.mappers], info)
        return values

    def _undo(self, modules: list[ModuleType], package: str, tables: set[str]) -> None:
        """Take what failed out again: its hooks, its mappers, its tables, and its modules, lest it seem whole later."""
        for module in modules:
            if self.manager.is_registered(module):
                self.manager.unregister(module)
        for made in _registries(package):
            made.dispose()  # one bad model would break every mapper
        for name in set(metadata.tables) - tables:
            if not name.startswith("core_"):  # core's own, imported by chance just now
                metadata.remove(metadata.tables[name])
        for name in [n for n in sys.modules if _within(n, package)]:
            del sys.modules[name]

    def _failed(self, info: PluginInfo, reason: str, error: BaseException | None = None) -> None:
        log.error("plugin %s is not loaded: %s", info.name, reason, exc_info=error)
        self.infos.append(replace(info, state="failed", reason=reason))

    def _demand(self) -> None:
        loaded = {i.name for i in self.infos if i.state == "loaded"}
        if missing := [n for n in self.config.required if n not in loaded]:
            reasons = {i.name: i.reason for i in self.infos}
            raise StartupError(
                "required plugin " + "; ".join(f"{n}: {reasons.get(n, 'not installed')}" for n in missing)
            )
        failed = [i for i in self.infos if i.state == "failed"]
        if failed and self.config.strict_plugins:
            raise StartupError("; ".join(f"plugin {i.name}: {i.reason}" for i in failed))


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _registries(package: str) -> list[orm_registry]:
    """Return the mapper registries with classes of a package, half-mapped ones included."""
    every = [(r, list(r._managers)) for r in list(_mapper_registries)]  # noqa: SLF001 - `mappers` raises for those
    return [r for r, managers in every if any(_within(m.class_.__module__, package) for m in managers)]


def _say(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


def load(config: Config, extra: Iterable[tuple[str, Any]] = ()) -> Registry:
    """Return the registry of everything installed and enabled."""
    return Loader(config).load(extra)
