"""The reference, made from code: what a hook takes, which events there are, what a setting means.

Each function gives the text of one Markdown page about one owner ("core" or a plugin's name).
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterable, Sequence
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import click
import msgspec

from crm_core.config import MEANINGS, Config
from crm_core.errors import CrmError, RetryJob, StartupError, UserError
from crm_core.plugin import declare as d
from crm_core.plugin import fields as f
from crm_core.plugin import hookspecs
from crm_core.plugin.registry import Registry

RECORD_EVENTS = ("created", "updated", "deleted", "restored", "merged")
WIDTH = 100


def pages(registry: Registry, owner: str) -> dict[str, str]:
    """Return file name -> text of every page that has something to say."""
    made = {
        "hooks.md": hooks(registry, owner),
        "entities.md": entities(registry, owner),
        "events.md": events(registry, owner),
        "permissions.md": permissions(registry, owner),
        "settings.md": settings(registry, owner),
        "errors.md": errors(registry, owner),
    }
    if owner == "core":
        made |= {"fields.md": field_types(), "cli.md": commands(), "config.md": configuration()}
    texts = {name: text for name, text in made.items() if text}
    return {name: f"<!-- Made by `crm docs`; change the code instead. -->\n\n{text}" for name, text in texts.items()}


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table, or nothing without rows."""
    lines = ["| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in row) + " |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines]) + "\n" if lines else ""


def code(value: Any) -> str:
    """Return `value` as code, or nothing for nothing."""
    return f"`{value}`" if value not in (None, "") else ""


def kind(annotation: Any) -> str:
    """Return a type as an author would write it."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    if typing.get_args(annotation) and not isinstance(annotation, str):
        text = str(annotation)
    return re.sub(
        r"\b(?:typing|collections\.abc|datetime|decimal|uuid|crm_core(?:\.\w+)*|msgspec(?:\.\w+)*)\.", "", text
    )


def text_of(thing: Any) -> str:
    """Return a docstring with its source's breaks; what looks like a tag is text."""
    parts = re.split(r"(`[^`]*`)", inspect.getdoc(thing) or "")
    return "".join(p if p.startswith("`") else re.sub(r"<(?=\w)", "&lt;", p) for p in parts)


def one_line(thing: Any) -> str:
    """Return the first paragraph of a docstring in one line."""
    return " ".join(text_of(thing).partition("\n\n")[0].split())


def hooks(registry: Registry, owner: str) -> str:
    """Return every hook with the values it gives."""
    module = hookspecs if owner == "core" else _offered(registry, owner)
    found = [x for n, x in vars(module).items() if n.startswith("crm_") and inspect.isfunction(x)] if module else []
    if not found:
        return ""
    parts = ["# Hooks\n", "A hook takes nothing, runs once at start-up and returns a sequence of frozen values.\n"]
    told: set[type] = set()
    for hook in found:
        value = (typing.get_args(typing.get_type_hints(hook).get("return")) or (object,))[0]
        parts.append(f"## {hook.__name__}\n\n{text_of(hook)}\n")
        if isinstance(value, type) and dataclasses.is_dataclass(value) and value not in told:
            told.add(value)
            parts.append(f"Gives `{value.__name__}`: {text_of(value)}\n")
            parts.append(table(("Field", "Type", "Default"), _attributes(value)))
        else:
            parts.append("Gives controller classes.\n" if value is type else f"Gives `{value.__name__}`.\n")
    if owner == "core":
        parts.append(f"## Child\n\nIn `Entity.children`: {text_of(d.Child)}\n")
        parts.append(table(("Field", "Type", "Default"), _attributes(d.Child)))
    return "\n".join(parts)


def _offered(registry: Registry, owner: str) -> Any:
    info = next(i for i in registry.plugins if i.name == owner)
    return import_module(f"{info.package}.hookspecs") if info.offers else None


def _attributes(value: Any) -> list[tuple[str, str, str]]:
    rows = []
    for x in dataclasses.fields(value):
        default = "" if x.default is dataclasses.MISSING else code(repr(x.default))
        if x.default_factory is not dataclasses.MISSING:
            default = code(repr(x.default_factory()))
        rows.append((code(x.name), code(kind(x.type)), default or "required"))
    return rows


def field_types() -> str:
    """Return every field type with what it takes beyond the common arguments."""
    common = {x.name for x in dataclasses.fields(f.Field)}
    every = [t for t in vars(f).values() if isinstance(t, type) and issubclass(t, f.Field) and t is not f.Field]
    parts = ["# Field types\n", f"{text_of(f.Field)}\n", table(("Argument", "Type", "Default"), _attributes(f.Field))]
    for made in every:
        own = [row for row in _attributes(made) if row[0].strip("`") not in common]
        parts.append(f"## {made.__name__}\n\n{text_of(made)}\n")
        parts.append(f"Kind `{made.kind}`, operators: {', '.join(code(o) for o in made.operators)}.\n")
        parts.append(table(("Argument", "Type", "Default"), own))
    return "\n".join(p for p in parts if p)


def entities(registry: Registry, owner: str) -> str:
    """Return every entity with its fields, children and actions."""
    parts = ["# Entities and fields\n"]
    for entity in (e for e in registry.entities.values() if e.package == owner):
        parts.append(f"## {entity.name}\n\n{entity.plural}: `/{entity.path}`, `/api/v1/{entity.path}`.\n")
        parts.append(table(("Field", "Kind", "Label", "Notes"), (_field_row(x) for x in entity.fields)))
        for child in entity.children:
            parts.append(f"Rows of `{child.name}` ({child.label}):\n")
            parts.append(table(("Field", "Kind", "Label", "Notes"), (_field_row(x) for x in child.fields)))
        actions = registry.actions.get(entity.name, {}).values()
        parts.append(
            table(
                ("Action", "Right", "Takes"),
                ((code(a.name), code(a.permission), _params(a.params)) for a in actions),
            )
        )
    extended = [x for name, found in registry.extensions.items() for x in found if _owns(owner, name, x.field.name)]
    if extended:
        parts.append("## Fields on entities of others\n")
        parts.append(
            table(("Entity", "Field", "Kind"), ((x.entity, code(x.field.name), x.field.kind) for x in extended))
        )
    return "\n".join(p for p in parts if p) if len(parts) > 1 else ""


def _owns(owner: str, entity: str, field: str) -> bool:
    return owner != "core" and field.startswith(f"{owner}_") and not entity.startswith(f"{owner}.")


def _field_row(field: f.Field) -> tuple[str, str, str, str]:
    notes = [n for n in ("required", "readonly", "unique", "personal", "sortable") if getattr(field, n)]
    if target := getattr(field, "target", ""):
        notes.append(f"to `{target}`")
    if options := getattr(field, "options", ()):
        notes.append("one of " + ", ".join(code(o.value) for o in options))
    return code(field.name), field.kind, str(field.label), ", ".join(notes)


def _params(struct: type[msgspec.Struct] | None) -> str:
    return ", ".join(code(x.name) for x in msgspec.structs.fields(struct)) if struct else ""


def events(registry: Registry, owner: str) -> str:
    """Return the events of records and the ones emitted."""
    names = [e.name for e in registry.entities.values() if e.package == owner]
    rows = [(code(n), ", ".join(code(f"{n}.{k}") for k in RECORD_EVENTS)) for n in names]
    parts = ["# Events\n"]
    if rows:
        parts.append("Every change of a record is an event with the values before and after.\n")
        parts.append(table(("Entity", "Events"), rows))
    for event in (e for e in registry.events.values() if e.name.startswith(f"{owner}.")):
        parts.append(f"## {event.name}\n\n{event.label}. {text_of(event.struct)}\n")
        told = [
            (code(x.name), code(kind(x.type)), "yes" if x.name in event.personal else "") for x in _shape(event.struct)
        ]
        parts.append(table(("Field", "Type", "Personal"), told))
    return "\n".join(p for p in parts if p) if len(parts) > 1 else ""


def _shape(struct: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(struct)


def permissions(registry: Registry, owner: str) -> str:
    """Return the verbs of entities and the rights beyond them."""
    found = [e for e in registry.entities.values() if e.package == owner]
    beyond = [p for p in registry.gather(hookspecs.crm_permissions) if p.name.startswith(f"{owner}.")]
    if not found and not beyond:
        return ""
    verbs = ", ".join(code(v) for v in d.VERBS)
    rows = [(code(f"{e.name}.<verb>"), _roles(e)) for e in found if not e.parent]
    parts = [
        "# Rights\n",
        f"Every entity has the verbs {verbs}, each with a reach: `none`, `own`, `team` or `all`. `admin` may all.\n",
        table(("Right", "Given to roles at the first start"), rows),
    ]
    if beyond:
        parts.append("Rights beyond the verbs:\n")
        told = [(code(p.name), p.label, ", ".join(p.implies), ", ".join(p.roles)) for p in beyond]
        parts.append(table(("Right", "Meaning", "Implies", "Roles"), told))
    return "\n".join(p for p in parts if p)


def _roles(entity: d.Entity) -> str:
    if entity.public_read:
        return "everybody reads"
    if entity.protected:
        return "admin only"
    return ", ".join(f"{role}: {reach}" for role, reach in entity.roles.items()) or "by the role's usual reach"


def settings(registry: Registry, owner: str) -> str:
    """Return every group of settings."""
    parts = ["# Settings\n"]
    for group in registry.gather(hookspecs.crm_settings):
        if not group.name.startswith(f"{owner}."):
            continue
        parts.append(f"## {group.name}\n\n{group.label}, per {group.scope}. {text_of(group.struct)}\n")
        rows = [(code(x.name), code(kind(x.type)), code(repr(x.default))) for x in _shape(group.struct)]
        parts.append(table(("Setting", "Type", "Default"), rows))
    return "\n".join(parts) if len(parts) > 1 else ""


def errors(registry: Registry, owner: str) -> str:
    """Return every answer that is not a success, by its code."""
    packages = ["crm_core"] if owner == "core" else [i.package for i in registry.plugins if i.name == owner]
    for name in packages:
        _import_all(name)
    found = {c.__qualname__ + c.__module__: c for c in _subclasses(CrmError)}
    mine = [
        c for c in found.values() if f"{c.__module__}.".startswith(f"{packages[0]}.") and "testing" not in c.__module__
    ]
    rows = sorted((code(_code(c)), c.status, one_line(c)) for c in mine)
    if not rows:
        return ""
    parts = ["# Errors\n", table(("Code", "Status", "Meaning"), rows)]
    if owner == "core":
        parts.insert(1, "Answers are `application/problem+json` with `code`, `detail` and, for forms, `fields`.\n")
        told = [(code(c.__name__), one_line(c)) for c in (StartupError, UserError, RetryJob)]
        parts.append("Not answers to a request:\n\n" + table(("Error", "Meaning"), told))
    return "\n".join(parts)


def _code(error: type[CrmError]) -> str:
    return error.__new__(error).code  # the code depends on the class alone; constructors differ


def _subclasses(error: type[CrmError]) -> Iterable[type[CrmError]]:
    yield error
    for below in error.__subclasses__():
        yield from _subclasses(below)


def _import_all(package: str) -> None:
    for module in walk_packages(import_module(package).__path__, f"{package}."):
        if not re.search(r"\.(testing|migrations|db\.env|__main__|isolate_child)\b", module.name):
            import_module(module.name)


def commands() -> str:
    """Return the help of every command of core."""
    from crm_core.cli import COMMANDS, crm

    parts = ["# Command line\n", f"```text\n{_help(crm, 'crm', sorted(COMMANDS))}\n```\n"]
    for name in sorted(COMMANDS):
        command = import_module(f"crm_core.commands.{COMMANDS[name]}").command
        parts.append(f"## crm {name}\n\n```text\n{_help(command, f'crm {name}')}\n```\n")
        for below, inner in sorted(getattr(command, "commands", {}).items()):
            parts.append(f"### crm {name} {below}\n\n```text\n{_help(inner, f'crm {name} {below}')}\n```\n")
    return "\n".join(parts)


def _help(command: click.Command, name: str, only: Sequence[str] | None = None) -> str:
    names = ["-h", "--help"]
    context = click.Context(
        command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH, help_option_names=names
    )
    if only is not None:  # plugins' commands are theirs to document
        return f"Usage: {name} [OPTIONS] COMMAND [ARGS]...\n\n  {text_of(command)}\n\nCommands: {', '.join(only)}"
    return command.get_help(context).rstrip()


def _toml(default: object) -> str:
    if isinstance(default, bool):
        return code(str(default).lower())
    if isinstance(default, tuple | frozenset):
        return code("[]")
    return "" if default is dataclasses.MISSING else code(default)


def configuration() -> str:
    """Return every key of crm.toml with its variable, default and meaning."""
    keys = (x for x in dataclasses.fields(Config) if x.name in MEANINGS)
    rows = [(code(x.name), code(f"CRM_{x.name.upper()}"), _toml(x.default), MEANINGS[x.name]) for x in keys]
    intro = (
        "Keys of `crm.toml` in the folder of the installation; the environment comes first. Lists are written "
        "with commas in the environment. `CRM_FOLDER` names the folder itself.\n"
    )
    return "\n".join(["# Configuration\n", intro, table(("Key", "Variable", "Default", "Meaning"), rows)])
