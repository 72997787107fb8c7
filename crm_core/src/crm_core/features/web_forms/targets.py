"""What a form may map: fields of its target, found by name, those of a child table as "emails.address"."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm_core.entity import fields as f
from crm_core.entity.clean import BadValue, clean
from crm_core.errors import Invalid
from crm_core.features.web_forms.models import WebFormField
from crm_core.i18n import Strings, Text
from crm_core.plugin import FormTarget, hookspecs
from crm_core.plugin.declare import Entity
from crm_core.plugin.registry import Registry
from crm_core.web.inputs import Input, static_options

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
KINDS = frozenset({
    "text", "long_text", "integer", "decimal", "percent", "date", "boolean", "choice", "multi_choice", "email", "phone",
    "url",
})  # fmt: skip
"""Kinds of fields that a stranger can fill in; never an owner, a link, a tag, a stage or an amount with its base."""


FILE_TYPES = ("application/pdf", "image/png", "image/jpeg", "image/gif", "text/plain", "text/csv", "application/zip")
"""Media types that visitors may send; office documents are of the last by their bytes."""
FILES = {f"file_{n}": f.File(f"file_{n}", _("File {n}", n=n), accept=FILE_TYPES, limit=10 * 2**20) for n in (1, 2, 3)}
"""Files of a form: no field of the record, they hang on it."""


class FormNotValid(Invalid):
    """A form that could make no record, or would let strangers set what they must not."""


@dataclass(frozen=True, slots=True)
class Line:
    """One field of a form, apart from the database."""

    field: str
    label: str = ""
    help: str = ""
    is_required: bool = False
    is_hidden: bool = False
    value: str = ""


def targets(registry: Registry) -> dict[str, FormTarget]:
    """Return what forms can make, by entity; without entities whose plugin is off."""
    return {t.entity: t for t in registry.gather(hookspecs.crm_form_targets) if t.entity in registry.entities}


async def kinds(uow: UnitOfWork, _record: Any) -> list[tuple[str, Text]]:
    """Return what a form can make, with its name."""
    return [(name, uow.registry.entity(name).label) for name in targets(uow.registry)]


def mappable(registry: Registry, target: FormTarget) -> dict[str, f.Field]:
    """Return the fields a form of this target may have: those the target names, custom fields, and files."""
    entity = registry.entity(target.entity)
    own = {x.name for x in entity.fields}
    found: dict[str, f.Field] = {}
    for name in target.fields:
        if (field := _declared(entity, name)) is not None:
            found[name] = field
    for field in registry.fields(entity):
        if field.name not in own and not field.readonly and not field.hidden:
            found[field.name] = field
    return {name: field for name, field in found.items() if field.kind in KINDS} | FILES


def _declared(entity: Entity, name: str) -> f.Field | None:
    child, _dot, part = name.partition(".")
    if not part:
        field = entity.field(name)
        return None if field is None or field.readonly or field.hidden else field
    rows = next((c for c in entity.children if c.name == child), None)
    return next((x for x in rows.fields if x.name == part), None) if rows else None


def first_lines(registry: Registry, target: FormTarget) -> list[Line]:
    """Return the fields a new form begins with: those its records need, and the address."""
    entity, known = registry.entity(target.entity), mappable(registry, target)
    needed = [n for n in known if "." not in n and known[n].required and known[n].default is None]
    if not needed and entity.title in known:
        needed = [entity.title]
    return [
        Line(n, is_required=True) for n in dict.fromkeys([*needed, *([target.email] if target.email in known else [])])
    ]


def check_lines(registry: Registry, target: FormTarget, lines: Sequence[Any]) -> None:
    """Raise FormNotValid for fields that the target does not offer, twice the same, a missing or a bad value."""
    entity, known = registry.entity(target.entity), mappable(registry, target)
    names = [line.field for line in lines]
    problem: Text | None = None
    if bad := [n for n in names if n not in known]:
        problem = _("A form cannot set {field}.", field=bad[0])
    elif len(set(names)) != len(names):
        problem = _("Each field can be in a form once.")
    for line in lines if problem is None else ():
        problem = problem or _line_problem(known[line.field], line)
    surely = {line.field for line in lines if line.is_required or (line.is_hidden and line.value)}
    needed = [x for x in entity.fields if x.required and x.default is None and x.name not in target.fixed]
    if problem is None and (missing := [x for x in needed if not x.readonly and x.name not in surely]):
        problem = _("A {noun} needs {field}: add it as a required field.", noun=entity.label, field=missing[0].label)
    if problem is not None:
        raise FormNotValid(problem, fields={"fields": problem})


def _line_problem(field: f.Field, line: Any) -> Text | None:
    if line.is_hidden and line.is_required and not line.value:
        return _("The hidden field {field} needs a value.", field=field.label)
    try:
        clean(field, line.value)
    except BadValue as bad:
        return _("{field}: {problem}", field=field.label, problem=bad.text)
    return None


def inputs_of(registry: Registry, target: FormTarget, lines: Iterable[WebFormField]) -> list[Input]:
    """Return the controls a visitor sees; fields that are gone since the form was made are left out."""
    known = mappable(registry, target)
    found = []
    for line in lines:
        field = known.get(line.field)
        if field is None or line.is_hidden:
            continue
        words: dict[str, Any] = {"label": shown(line.label) if line.label else field.label}
        shape = dataclasses.replace(
            field, name=line.field, required=line.is_required, readonly=False, hidden=False, group="", readable=None,
            help=shown(line.help) if line.help else None, **words,
        )  # fmt: skip
        one = Input(shape, line.field)
        static_options(one)
        if line.value:
            one.raw = [v.strip() for v in line.value.split(",")] if field.kind == "multi_choice" else line.value
        found.append(one)
    return found


def shown(words: str) -> Text:
    """Return what somebody typed as a text that is the same in every language."""
    return Text("crm_core", "{words}", {"words": words})


def hidden_values(registry: Registry, target: FormTarget, lines: Iterable[WebFormField]) -> dict[str, Any]:
    """Return what hidden fields send: their stored values, whatever the visitor's browser says."""
    known = mappable(registry, target)
    return {
        line.field: clean(known[line.field], line.value)
        for line in lines if line.is_hidden and line.value and line.field in known
    }  # fmt: skip


def record_values(uow: UnitOfWork, target: FormTarget, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the record is made from: answers of mapped fields, children as rows, the target's fixed values."""
    known = mappable(uow.registry, target)
    found: dict[str, Any] = {}
    children: dict[str, dict[str, Any]] = {}
    for name, value in answers.items():
        if name not in known or value in (None, "", []):
            continue
        child, _dot, part = name.partition(".")
        if part:
            children.setdefault(child, {})[part] = value
        else:
            found[name] = value
    return {**target.fixed, **found, **{name: [row] for name, row in children.items()}}
